import { LRUCache } from 'lru-cache'

/** As long as a browser may load the same address once more by itself: going back, or waking a tab. */
const KEPT_MS = 600_000
const MOST = 1_000

export type Finished = { secret: string; back: string }

/**
 * What came of the logins of the last minutes, by their state and code. Browsers load the address that DingTalk sends them to twice at
 * times, and the code in it counts once: whoever may have the session of the first gets the same one.
 */
export class FinishedLogins {
  readonly #byAddress = new LRUCache<string, { outcome: Promise<Finished>; at: number }>({ max: MOST })

  /** @param outcome of a login that is under way; it may fail */
  note(address: string, outcome: Promise<Finished>, nowMs: number): void {
    outcome.catch(() => {})
    this.#byAddress.set(address, { outcome, at: nowMs })
  }

  /** @returns undefined when there was none of late, or it failed */
  async find(address: string, nowMs: number): Promise<Finished | undefined> {
    const found = this.#byAddress.get(address)
    if (!found || found.at <= nowMs - KEPT_MS) return undefined
    return found.outcome.catch(() => undefined)
  }
}
