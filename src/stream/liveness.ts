export type LivenessSettings = {
  /** A ping goes out this often. */
  pingMs: number
  /** Silence after which the far side is taken for dead. */
  deadAfterMs: number
}

/**
 * Whether the far side of one connection is still there. Counts on the monotonic clock, which no change of the date
 * moves; and what passed while this process itself stood still (a busy event loop, a paused machine) is nobody's silence:
 * its answers are there, only not read yet, so after a stall the silence is counted anew.
 */
export class Liveness {
  /** Pause between two looks. */
  readonly lookMs: number
  readonly #settings: LivenessSettings
  readonly #now: () => number
  /** A look that comes later than this was held up by ourselves. */
  readonly #stallMs: number
  #lookedAt: number
  #heardAt: number
  #pingedAt = -Infinity
  #behindSince: number | undefined
  #held = false

  constructor(settings: LivenessSettings, now: () => number = () => performance.now()) {
    this.#settings = settings
    this.#now = now
    this.lookMs = Math.min(500, settings.pingMs / 6)
    this.#stallMs = this.lookMs + settings.deadAfterMs / 7
    this.#lookedAt = now()
    this.#heardAt = this.#lookedAt
  }

  /** Of any sign of life: a frame, a pong, a ping. */
  heard(): void {
    this.#heardAt = this.#now()
  }

  get heardAt(): number {
    return this.#heardAt
  }

  /** To be taken every `lookMs`; after a stall call `caughtUp` once what had come in was read. */
  look(): 'ping' | 'silent' | 'stalled' | undefined {
    const now = this.#now()
    const before = this.#lookedAt
    this.#lookedAt = now
    if (this.#held) this.#heardAt = now
    if (now - before > this.#stallMs) {
      this.#behindSince ??= before
      this.#heardAt = now
      this.#pingedAt = now
      return 'stalled'
    }
    if (this.isSilent()) return 'silent'
    if (now - this.#pingedAt < this.#settings.pingMs) return undefined
    this.#pingedAt = now
    return 'ping'
  }

  isSilent(): boolean {
    return this.#now() - this.#heardAt >= this.#settings.deadAfterMs
  }

  caughtUp(): void {
    if (!this.#held) this.#behindSince = undefined
  }

  /** While nothing is read on purpose: then its silence is ours, too. */
  hold(held: boolean): void {
    const now = this.#now()
    this.#held = held
    this.#heardAt = now
    if (held) this.#behindSince ??= now
  }

  /** How long a frame that is read now may have lain there at the most, because this process stood still. */
  waitedMs(): number {
    const now = this.#now()
    if (this.#behindSince !== undefined) return now - this.#behindSince
    const sinceLook = now - this.#lookedAt
    return sinceLook > this.#stallMs ? sinceLook : 0
  }
}
