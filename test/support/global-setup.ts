import { ensureRedisServer } from './redis.ts'

/** Runs once before the app tests: without a Redis server to start, none of them makes sense. */
export default async function setup(): Promise<void> {
  try {
    await ensureRedisServer()
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    process.exit(1)
  }
}
