/** How long something that is read now may have lain unread, because this process was busy or stood still. */
export type EventLoopWatch = {
  /** At the most, in milliseconds; 0 while it keeps up. */
  waitedMs(): number
}

export const ALWAYS_UP: EventLoopWatch = { waitedMs: () => 0 }

/** Pause between two ticks. A tick later than twice this was held up. */
export const TICK_MS = 20

/**
 * The ticks of the event loop, on the monotonic clock. Whatever is read was there no earlier than the last tick that came
 * in time, since everything that had come in by then has been read.
 */
export class Ticks implements EventLoopWatch {
  readonly #now: () => number
  #tickedAt: number
  #behindSince: number | undefined
  #lateTicks = 0

  constructor(now: () => number = () => performance.now()) {
    this.#now = now
    this.#tickedAt = now()
  }

  /**
   * To be taken every `TICK_MS`.
   * @returns after a late one: to be called once what had come in meanwhile was read
   */
  tick(): (() => void) | undefined {
    const now = this.#now()
    const before = this.#tickedAt
    this.#tickedAt = now
    if (now - before <= 2 * TICK_MS) return undefined
    this.#behindSince ??= before
    const late = ++this.#lateTicks
    return () => {
      // Held up again meanwhile, it has to catch up with what came after this tick. What came before has been read: a
      // process that is busy for long is not ever further behind.
      this.#behindSince = late === this.#lateTicks ? undefined : now
    }
  }

  waitedMs(): number {
    const now = this.#now()
    if (this.#behindSince !== undefined) return now - this.#behindSince
    const sinceTick = now - this.#tickedAt
    return sinceTick > 2 * TICK_MS ? sinceTick : 0
  }
}

/** Watches until stopped; keeps no process alive. */
export function watchEventLoop(): EventLoopWatch & { stop(): void } {
  const ticks = new Ticks()
  const timer = setInterval(() => {
    const caughtUp = ticks.tick()
    // A new connection is taken in one round of the loop, and what has come over it is read in the next.
    if (caughtUp) setImmediate(() => setImmediate(caughtUp))
  }, TICK_MS)
  timer.unref()
  return { waitedMs: () => ticks.waitedMs(), stop: () => clearInterval(timer) }
}
