/** Something that waits until the test opens it: `until` is for the effect `wait` of a fault. */
export class Gate {
  readonly until: Promise<void>
  #open = (): void => {}

  constructor() {
    this.until = new Promise((resolve) => (this.#open = resolve))
  }

  open(): void {
    this.#open()
  }
}
