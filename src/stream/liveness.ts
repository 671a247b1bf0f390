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
  #held = false
  #heldAt = -Infinity
  /** What is read now came no earlier; undefined while everything is read as it comes. */
  #unreadSince: number | undefined

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

  /** To be taken every `lookMs`. */
  look(): 'ping' | 'silent' | 'stalled' | undefined {
    const now = this.#now()
    const before = this.#lookedAt
    this.#lookedAt = now
    if (this.#held) this.#heardAt = now
    if (now - before > this.#stallMs) {
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

  /** While nothing is read on purpose: then its silence is ours, too. */
  hold(held: boolean): void {
    const now = this.#now()
    this.#held = held
    this.#heardAt = now
    if (!held) return
    this.#heldAt = now
    this.#unreadSince ??= now
  }

  /** Whether something may still lie there from the time when nothing was read. */
  get isBehind(): boolean {
    return this.#unreadSince !== undefined
  }

  /** @returns to be called once everything has been read that came before now */
  mark(): () => void {
    const at = this.#now()
    return () => {
      this.#unreadSince = this.#heldAt > at ? at : undefined
    }
  }

  /** How long a frame that is read now may have lain there at the most, because nothing was read on purpose. */
  waitedMs(): number {
    return this.#unreadSince === undefined ? 0 : this.#now() - this.#unreadSince
  }
}
