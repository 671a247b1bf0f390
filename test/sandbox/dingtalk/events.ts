import { isFreeEvent, type MonthlyBooks } from './books.ts'
import type { Gateway } from './gateway.ts'
import { parseRecord } from './fields.ts'
import type { EventPush } from './event-push.ts'
import type { FailedList } from './failed-list.ts'
import type { MemoryJournal } from './journal.ts'
import type { PushOutcome } from './connection.ts'
import type { StreamEvent } from './stream-frames.ts'
import { EVENT_TOPIC, eventFrame } from './stream-frames.ts'
import type { Timers } from './timers.ts'
import type { App, DingTalkSettings } from './types.ts'

type Outcome = 'success' | 'dropped' | 'parked'
type Delivery = { outcome?: Outcome }

type Deps = {
  settings: DingTalkSettings
  gateway: Gateway
  journal: MemoryJournal
  timers: Timers
  http: EventPush
  failed: FailedList
  books: MonthlyBooks
}

/** Pushes events until they are acknowledged or the redelivery schedule has run out. */
export class EventPusher {
  #deps: Deps
  #deliveries = new Map<string, Delivery[]>()
  /** Events that wait until the next one of their app has come to its end. */
  #held = new Map<string, () => void>()

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** By the door that the console of each app says; one in HTTP mode without an address gets nothing. */
  push(apps: App[], event: StreamEvent, via?: App['eventMode']): void {
    for (const app of apps) {
      const door = via ?? app.eventMode
      if (door === 'HTTP' && !app.eventAddress) continue
      const delivery: Delivery = {}
      this.#deliveries.set(event.eventId, [...(this.#deliveries.get(event.eventId) ?? []), delivery])
      // For the rest of the month nothing is pushed any more (D:event-subscription-and-data-push).
      if (!isFreeEvent(event.eventType) && !this.#deps.books.admitPush()) {
        this.#settle(app, event, delivery, 'dropped', 0)
        continue
      }
      void (door === 'HTTP' ? this.#deliverHttp(app, event, delivery) : this.#deliverInTurn(app, event, delivery))
    }
  }

  async #deliverInTurn(app: App, event: StreamEvent, delivery: Delivery): Promise<void> {
    const release = this.#held.get(app.clientId)
    this.#held.delete(app.clientId)
    if (!release && this.#deps.gateway.takePushFault('reorder', app.clientId)) {
      await new Promise<void>((resolve) => this.#held.set(app.clientId, resolve))
    }
    await this.#deliver(app, event, delivery)
    release?.()
  }

  async settled(eventId: string, timeoutMs?: number): Promise<'success' | 'dropped'> {
    const deliveries = this.#deliveries.get(eventId)
    if (!deliveries) throw new Error(`event ${eventId} was pushed to no app`)
    if (!deliveries.every(({ outcome }) => outcome)) {
      await this.#deps.journal.waitFor(
        `event ${eventId} to settle`,
        () => deliveries.every(({ outcome }) => outcome),
        timeoutMs,
      )
    }
    return deliveries.every(({ outcome }) => outcome === 'success') ? 'success' : 'dropped'
  }

  /** A redelivery carries a new messageId and the same eventId (the protocol page; vendor's channel SDK notes). */
  async #deliver(app: App, event: StreamEvent, delivery: Delivery): Promise<void> {
    const { settings, gateway, timers } = this.#deps
    const pausesMs = [0, ...settings.redeliveryDelaysMs]
    for (const [index, pauseMs] of pausesMs.entries()) {
      if (pauseMs > 0) await timers.sleep(pauseMs)
      const push = { attempt: index + 1, businessId: event.eventId, deadlineMs: settings.eventDeadlineMs }
      const subscription = { type: 'EVENT', topic: EVENT_TOPIC }
      const frame = eventFrame(app, event)
      const outcome = await gateway.push(app.clientId, subscription, () => frame, push)
      if (isSuccess(outcome, settings.strictAcks)) {
        // Seen although it was acknowledged in time, under its own and under a new messageId.
        const again = { ...push, attempt: index + 2 }
        if (gateway.takePushFault('duplicate-same-id', app.clientId)) {
          await gateway.push(app.clientId, subscription, () => frame, again)
        }
        if (gateway.takePushFault('duplicate-new-id', app.clientId)) {
          await gateway.push(app.clientId, subscription, () => eventFrame(app, event), again)
        }
        return this.#settle(app, event, delivery, 'success', index + 1)
      }
      const isOffline = outcome.kind === 'miss' && outcome.reason === 'no connection'
      if (isOffline && gateway.takePushFault('lose-offline', app.clientId)) {
        return this.#settle(app, event, delivery, 'dropped', index + 1)
      }
    }
    this.#settle(app, event, delivery, 'dropped', pausesMs.length)
  }

  async #deliverHttp(app: App, event: StreamEvent, delivery: Delivery): Promise<void> {
    const { settings, http, failed, timers } = this.#deps
    const pausesMs = [0, ...settings.httpRetryDelaysMs]
    for (const [index, pauseMs] of pausesMs.entries()) {
      if (pauseMs > 0) await timers.sleep(pauseMs)
      if (await http.push(app, event, index + 1)) return this.#settle(app, event, delivery, 'success', index + 1)
    }
    failed.park(app, event)
    this.#settle(app, event, delivery, 'parked', pausesMs.length)
  }

  #settle(app: App, event: StreamEvent, delivery: Delivery, outcome: Outcome, attempts: number): void {
    delivery.outcome = outcome
    const { eventId, eventType } = event
    this.#deps.journal.add({ type: 'event-settled', clientId: app.clientId, eventId, eventType, outcome, attempts })
  }
}

/**
 * Code 200 without `LATER`: the vendor's Python client echoes the event as its ack, and nobody has seen it come again for
 * that (D 1.6). By the strict reading only `SUCCESS` is one.
 */
function isSuccess(outcome: PushOutcome, strict: boolean): boolean {
  if (outcome.kind === 'miss' || outcome.reply.code !== 200) return false
  const status = parseRecord(outcome.reply.data)?.['status']
  return strict ? status === 'SUCCESS' : status !== 'LATER'
}
