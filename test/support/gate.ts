/** Something that waits until the test opens it: `effect` is for faults. */
export class Gate {
  /** How many calls have come to it. */
  arrived = 0
  readonly effect: { kind: 'hold'; until: () => Promise<void> }
  #open = (): void => {}

  constructor() {
    const opened = new Promise<void>((resolve) => (this.#open = resolve))
    this.effect = {
      kind: 'hold',
      until: () => {
        this.arrived += 1
        return opened
      },
    }
  }

  open(): void {
    this.#open()
  }
}
