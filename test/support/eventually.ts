const PAUSE_MS = 20

/** The first truthy answer of the check; rejects with what was waited for, and the last failure, when time is up. */
export async function eventually<T>(
  what: string,
  check: () => T | undefined | false | Promise<T | undefined | false>,
  timeoutMs = 10_000,
): Promise<T> {
  const until = performance.now() + timeoutMs
  let last: unknown
  for (;;) {
    try {
      const value = await check()
      if (value) return value
      last = undefined
    } catch (error) {
      last = error
    }
    if (performance.now() > until) {
      throw new Error(`not within ${timeoutMs} ms: ${what}`, last === undefined ? {} : { cause: last })
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
  }
}
