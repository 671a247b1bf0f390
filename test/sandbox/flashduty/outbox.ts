import type { IncidentEvent } from './types.ts'

/** Every event that was built, and what is still on its way out. */
export class Outbox {
  readonly events: IncidentEvent[] = []
  readonly #handOver: (event: IncidentEvent) => Promise<void>
  readonly #built: (event: IncidentEvent) => void
  readonly #onTheWay = new Set<Promise<void>>()
  #held: IncidentEvent[] | undefined

  constructor(handOver: (event: IncidentEvent) => Promise<void>, built: (event: IncidentEvent) => void) {
    this.#handOver = handOver
    this.#built = built
  }

  /** Resolves once it was handed over, at once while events are held; rejects when a sink refused it. */
  publish(event: IncidentEvent): Promise<void> {
    this.events.push(event)
    this.#built(event)
    if (this.#held !== undefined) {
      this.#held.push(event)
      return Promise.resolve()
    }
    return this.#send(event)
  }

  hold(): { held: IncidentEvent[]; release(order?: (held: IncidentEvent[]) => IncidentEvent[]): Promise<void> } {
    if (this.#held !== undefined) throw new Error('events are being held already')
    const held: IncidentEvent[] = []
    this.#held = held
    return {
      held,
      release: async (order = (events) => events) => {
        if (this.#held === held) this.#held = undefined
        for (const event of order([...held])) await this.#send(event)
      },
    }
  }

  async idle(): Promise<void> {
    while (this.#onTheWay.size > 0) await Promise.allSettled(this.#onTheWay)
  }

  #send(event: IncidentEvent): Promise<void> {
    const sending = this.#handOver(event).finally(() => this.#onTheWay.delete(sending))
    this.#onTheWay.add(sending)
    sending.catch(() => {})
    return sending
  }
}
