import { Worker } from 'bullmq'
import { Redis } from 'ioredis'

/** A worker with the options of ours that does nothing; tells its parent how long the given number of jobs took. */
const [redisUrl = '', queue = '', count = ''] = process.argv.slice(2)

const connection = new Redis(redisUrl, { maxRetriesPerRequest: null })
let startedAt = 0
let done = 0
const worker = new Worker(queue, async () => void (startedAt ||= performance.now()), {
  connection,
  concurrency: 64,
  removeOnComplete: { age: 86_400, count: 10_000 },
})
worker.on('completed', () => {
  done += 1
  if (done === Number(count)) process.send?.(performance.now() - startedAt)
})
