export type BackOffSettings = {
  /** The pause after a failure doubles from the one to the other. */
  backOffMinMs: number
  backOffMaxMs: number
  /** The longest pause while no connection is there at all, but for the two reasons below. */
  aloneMaxMs: number
  /** While wrong credentials stand in the way. */
  credentialsMs: number
  /** While the firewall bans this address: asking makes it last. */
  bannedMs: number
  /** While something in DingTalk's console does: not published, Stream not chosen. */
  consoleMs: number
  /** The longest pause of a further connection that is refused while another one serves. */
  extraMaxMs: number
  /** A connection this old proves that the last trouble is over. */
  healthyMs: number
  /** Two connections in one place are opened at least this far apart. */
  spacingMs: number
}

/** How an attempt, or the connection that came of it, ended. */
export type Ending =
  | { how: 'refused'; why: 'credentials' | 'banned' | 'console' | 'other'; othersOpen: boolean }
  /** Closed by the far side, or dead. */
  | { how: 'lost'; livedMs: number }
  /** In good order: the gateway asked for it. `served`: it had carried a push. */
  | { how: 'replaced'; livedMs: number; served: boolean }

/** The pauses of one place for a connection. What had been healthy is replaced at once; only health forgives failures. */
export class BackOff {
  readonly #settings: BackOffSettings
  readonly #random: () => number
  #failures = 0

  constructor(settings: BackOffSettings, random: () => number = Math.random) {
    this.#settings = settings
    this.#random = random
  }

  /**
   * @param alone no other connection of the app serves
   * @returns milliseconds until the next attempt
   */
  after(ending: Ending, alone = false): number {
    return Math.min(this.#whole(ending), this.longest(ending, alone))
  }

  /** What a pause that was begun in better times may last at the most. */
  longest(ending: Ending, alone: boolean): number {
    const patient = ending.how === 'refused' && (ending.why === 'credentials' || ending.why === 'banned')
    return alone && !patient ? this.#settings.aloneMaxMs : Infinity
  }

  #whole(ending: Ending): number {
    const { backOffMaxMs, credentialsMs, consoleMs, extraMaxMs, healthyMs, spacingMs } = this.#settings
    if (ending.how === 'refused') {
      this.#failures += 1
      if (ending.why === 'banned') return this.#settings.bannedMs
      if (ending.othersOpen) return this.#grown(this.#failures, extraMaxMs)
      if (ending.why === 'credentials') return credentialsMs
      if (ending.why === 'console') return consoleMs
      return this.#grown(this.#failures, backOffMaxMs)
    }
    if (ending.livedMs >= healthyMs) this.#failures = 0
    else if (ending.how === 'lost' || !ending.served) this.#failures += 1
    else return Math.max(0, spacingMs - ending.livedMs)
    // The first time at once; a gateway that accepts and closes must not be met with a storm.
    return this.#failures <= 1 ? Math.max(0, spacingMs - ending.livedMs) : this.#grown(this.#failures - 1, backOffMaxMs)
  }

  #grown(failures: number, maxMs: number): number {
    const whole = Math.min(this.#settings.backOffMinMs * 2 ** Math.min(failures - 1, 20), maxMs)
    return Math.round(whole * (0.75 + this.#random() * 0.25))
  }
}
