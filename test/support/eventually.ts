const PAUSE_MS = 20

/**
 * Looks again and again until `check` neither throws nor answers `false` or `undefined`, and resolves with what it
 * answered. After the time it rejects with what the last look met.
 * @param what completes the sentence "still waiting: …"
 */
export async function eventually<T>(
  what: string,
  check: () => T | Promise<T>,
  timeoutMs = 5_000,
): Promise<Exclude<T, false | undefined>> {
  const startedAt = performance.now()
  for (;;) {
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
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
  }
}
