/** Something that waits until the test opens it: `until` is for the effect `hold` of a fault. */
export class Gate {
  readonly until: () => Promise<void>
  #open = (): void => {}

  constructor() {
    const opened = new Promise<void>((resolve) => (this.#open = resolve))
    this.until = () => opened
  }

  open(): void {
    this.#open()
  }
}
