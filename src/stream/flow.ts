/**
 * Has reading held up while much is under way. Ten thousand events at once would otherwise all be taken apart before the
 * first is stored, and their remains would cost the collector more than the events cost us.
 */
export class Flow {
  readonly #limit: number
  readonly #hold: (held: boolean) => void
  #underWay = 0
  #held = false

  /** @param hold told when reading is to stop, and when half of what was under way is done, to go on */
  constructor(limit: number, hold: (held: boolean) => void) {
    this.#limit = limit
    this.#hold = hold
  }

  enter(): void {
    this.#underWay += 1
    if (this.#underWay < this.#limit || this.#held) return
    this.#held = true
    this.#hold(true)
  }

  leave(): void {
    this.#underWay -= 1
    if (!this.#held || this.#underWay > this.#limit / 2) return
    this.#held = false
    this.#hold(false)
  }
}
