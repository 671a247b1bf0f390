import type { ActionSettings } from '../../src/actions/deps.ts'

/**
 * People who wait for the answer to their press for as long as the test says. `settings` is for `Overrides.action`; the
 * deadlines of both sides have to be out of the way too where a press is to wait longer than they allow.
 */
export class HeldPatience {
  #waiting = new Set<() => void>()

  readonly settings: Pick<ActionSettings, 'answerBudgetMs' | 'patience'> = {
    answerBudgetMs: 3_600_000,
    patience: () => {
      let end = (): void => {}
      const over = new Promise<void>((resolve) => (end = resolve))
      this.#waiting.add(end)
      return { over, cancel: () => void this.#waiting.delete(end) }
    },
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
