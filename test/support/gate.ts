/** Something that waits until the test opens it: `effect` is for faults. */
export class Gate {
  readonly until: Promise<void>
  /** How many calls have come to it. */
  arrived = 0
  #open = (): void => {}

  constructor() {
    this.until = new Promise((resolve) => (this.#open = resolve))
  }

  get effect() {
    return { kind: 'wait', until: this.until, onArrival: () => void this.arrived++ } as const
  }

  open(): void {
    this.#open()
  }
}
