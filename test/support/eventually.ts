import { CONDITION_MS } from './patience.ts'

/** Between two looks: short while the answer may come any moment, longer when it takes its time anyway. */
const FIRST_PAUSE_MS = 5
const LONGEST_PAUSE_MS = 50

/**
 * Looks again and again until `check` neither throws nor answers `false` or `undefined`, and resolves with what it
 * answered. After the time it rejects with what the last look met.
 * @param what completes the sentence "still waiting: …"
 */
export async function eventually<T>(
  what: string,
  check: () => T | Promise<T>,
  timeoutMs = CONDITION_MS,
): Promise<Exclude<T, false | undefined>> {
  const startedAt = performance.now()
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 1.5, LONGEST_PAUSE_MS)) {
    let met: unknown = 'nothing yet'
    try {
      const answer = await check()
      if (answer !== false && answer !== undefined) return answer as Exclude<T, false | undefined>
    } catch (error) {
      met = error
    }
    if (performance.now() - startedAt > timeoutMs) {
      const why = met instanceof Error ? met.message : String(met)
      throw new Error(`after ${timeoutMs} ms still waiting: ${what}\n${why}`, { cause: met })
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
}
