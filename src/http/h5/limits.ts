import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'

export type Limiter = {
  /** Counts one try. @returns seconds to wait before it may be made; 0 = go on */
  take(key: string): Promise<number>
  /** The try was a good one: it does not count. */
  giveBack(key: string): Promise<void>
}

/**
 * So many tries that came to nothing in so many seconds. Counted before they are made, so that many at once are not let
 * through together.
 */
export function createLimiter(limit: { tries: number; seconds: number }): Limiter {
  const counts = new RateLimiterMemory({ points: limit.tries, duration: limit.seconds })
  return {
    async take(key) {
      try {
        await counts.consume(key)
        return 0
      } catch (refusal) {
        if (!(refusal instanceof RateLimiterRes)) throw refusal
        return Math.max(1, Math.ceil(refusal.msBeforeNext / 1_000))
      }
    },
    async giveBack(key) {
      await counts.reward(key)
    },
  }
}
