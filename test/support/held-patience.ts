import type { ActionSettings } from '../../src/actions/deps.ts'
import type { Patience } from '../../src/lifecycle.ts'

/**
 * People who wait for as long as the test says: for the answer to their press (`settings` is for `Overrides.action`), or for
 * a page (`patience` is for `Overrides.pagePatience`). Where a press is to wait longer than the deadlines of both sides
 * allow, they have to be out of the way too.
 */
export class HeldPatience {
  #waiting = new Set<() => void>()

  readonly patience: Patience = () => {
    let end = (): void => {}
    const over = new Promise<void>((resolve) => (end = resolve))
    this.#waiting.add(end)
    return { over, cancel: () => void this.#waiting.delete(end) }
  }

  readonly settings: Pick<ActionSettings, 'answerBudgetMs' | 'patience'> = {
    answerBudgetMs: 3_600_000,
    patience: this.patience,
  }

  /** How many wait now. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** Those who wait now have had enough; whoever comes later waits again. */
  end(): void {
    for (const end of this.#waiting) end()
    this.#waiting.clear()
  }
}
