export type LivenessSettings = {
  /** A ping goes out this often. */
  pingMs: number
  /** Silence after which somebody else should stand in, since the far side may be gone. */
  suspectAfterMs: number
  /** Silence after which it is taken for dead, if it left pings unanswered meanwhile. */
  deadAfterMs: number
}

/** So many pings go unanswered before anybody is taken for dead: one may be lost on a line that is well. */
const MISSED_PONGS = 2

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
  /** Pings since the last sign of life. */
  #unanswered = 0
  #suspected = false
  #held = false
  #heldAt = -Infinity
  /** What is read now came no earlier; undefined while everything is read as it comes. */
  #unreadSince: number | undefined

  constructor(settings: LivenessSettings, now: () => number = () => performance.now()) {
    this.#settings = settings
    this.#now = now
    this.lookMs = Math.min(500, settings.pingMs / 6)
    this.#stallMs = this.lookMs + settings.suspectAfterMs / 7
    this.#lookedAt = now()
    this.#heardAt = this.#lookedAt
  }

  /** Of any sign of life: a frame, a pong, a ping. @returns whether it was suspected of having none in it */
  heard(): boolean {
    const was = this.#suspected
    this.#begin(this.#now())
    return was
  }

  /** Counts silence from then on. */
  #begin(now: number): void {
    this.#heardAt = now
    this.#unanswered = 0
    this.#suspected = false
  }

  get heardAt(): number {
    return this.#heardAt
  }

  /** To be taken every `lookMs`; `suspect` is seen once in a silence, and is no reason to leave out a ping. */
  look(): { ping: boolean; seen: 'suspect' | 'silent' | 'stalled' | undefined } {
    const now = this.#now()
    const before = this.#lookedAt
    this.#lookedAt = now
    if (this.#held) this.#heardAt = now
    if (now - before > this.#stallMs) {
      this.#heardAt = now
      this.#pingedAt = now
      // What was suspected before stays so until it is heard.
      this.#unanswered = 1
      return { ping: true, seen: 'stalled' }
    }
    const ping = now - this.#pingedAt >= this.#settings.pingMs
    if (this.isSilent()) return { ping, seen: 'silent' }
    const suspect = !this.#suspected && this.isSuspect()
    if (suspect) this.#suspected = true
    if (ping) {
      this.#pingedAt = now
      this.#unanswered += 1
    }
    return { ping, seen: suspect ? 'suspect' : undefined }
  }

  isSuspect(): boolean {
    return this.#now() - this.#heardAt >= this.#settings.suspectAfterMs
  }

  isSilent(): boolean {
    return this.#unanswered >= MISSED_PONGS && this.#now() - this.#heardAt >= this.#settings.deadAfterMs
  }

  /** While nothing is read on purpose: then its silence is ours, too. */
  hold(held: boolean): void {
    const now = this.#now()
    this.#held = held
    this.#heardAt = now
    this.#unanswered = 0
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
