/** How many wrong tokens or codes one address may present a minute before it is told to wait. */
const LIMIT = 10
const WINDOW_MS = 60_000
/** Addresses remembered at most; the longest known is forgotten first. */
const MAX_ADDRESSES = 10_000

export type Attempt = {
  /** Milliseconds to wait; 0 = answered as a wrong one. */
  waitMs: number
  /** The first of its minute, or the first over the limit: worth a line in the log. */
  isNews: boolean
}

/** Counts wrong tokens, or wrong codes, per address in fixed minutes. */
export class WrongTries {
  readonly #seen = new Map<string, { count: number; startedAt: number }>()

  count(address: string, nowMs: number): Attempt {
    const known = this.#seen.get(address)
    const current = known && nowMs - known.startedAt < WINDOW_MS ? known : { count: 0, startedAt: nowMs }
    current.count += 1
    this.#seen.delete(address)
    this.#seen.set(address, current)
    if (this.#seen.size > MAX_ADDRESSES) this.#forgetOne()
    const over = current.count - LIMIT
    return {
      waitMs: over > 0 ? current.startedAt + WINDOW_MS - nowMs : 0,
      isNews: current.count === 1 || over === 1,
    }
  }

  #forgetOne(): void {
    const [longestKnown] = this.#seen.keys()
    if (longestKnown !== undefined) this.#seen.delete(longestKnown)
  }
}
