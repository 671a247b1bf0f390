import type { VirtualClock } from './clock.ts'
import { newTicket } from './ids.ts'

export type Subscription = { type: string; topic: string }

/** Stream tickets: 90 s of virtual time, good for one connection (the stream protocol page). */
export class Tickets {
  #clock: VirtualClock
  #ttlMs: number
  #open = new Map<string, { clientId: string; subscriptions: Subscription[]; expiresAtMs: number }>()

  constructor(clock: VirtualClock, ttlMs: number) {
    this.#clock = clock
    this.#ttlMs = ttlMs
  }

  issue(clientId: string, subscriptions: Subscription[]): string {
    const ticket = newTicket()
    this.#open.set(ticket, { clientId, subscriptions, expiresAtMs: this.#clock.nowMs() + this.#ttlMs })
    return ticket
  }

  /** Whose ticket it is; undefined when it is unknown, used or expired. */
  ownerOf(ticket: string): string | undefined {
    const entry = this.#open.get(ticket)
    return entry && entry.expiresAtMs > this.#clock.nowMs() ? entry.clientId : undefined
  }

  /** Spends the ticket; undefined when it is unknown, used or expired. */
  redeem(ticket: string): { clientId: string; subscriptions: Subscription[] } | undefined {
    const entry = this.#open.get(ticket)
    this.#open.delete(ticket)
    return entry && entry.expiresAtMs > this.#clock.nowMs() ? entry : undefined
  }
}
