import type { Gateway } from './gateway.ts'
import { parseRecord } from './fields.ts'
import type { MemoryJournal } from './journal.ts'
import type { PushOutcome } from './connection.ts'
import type { StreamEvent } from './stream-frames.ts'
import { EVENT_TOPIC, eventFrame } from './stream-frames.ts'
import type { Timers } from './timers.ts'
import type { App, DingTalkSettings } from './types.ts'

type Outcome = 'success' | 'dropped'
type Delivery = { outcome?: Outcome }

type Deps = { settings: DingTalkSettings; gateway: Gateway; journal: MemoryJournal; timers: Timers }

/** Pushes events until they are acknowledged or the redelivery schedule has run out. */
export class EventPusher {
  #deps: Deps
  #deliveries = new Map<string, Delivery[]>()
  /** Events that wait until the next one of their app has come to its end. */
  #held = new Map<string, () => void>()

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** Apps whose console says HTTP get nothing here: the HTTP push is not simulated. */
  push(apps: App[], event: StreamEvent): void {
    for (const app of apps) {
      if (app.eventMode !== 'STREAM') continue
      const delivery: Delivery = {}
      this.#deliveries.set(event.eventId, [...(this.#deliveries.get(event.eventId) ?? []), delivery])
      void this.#deliverInTurn(app, event, delivery)
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

  async settled(eventId: string, timeoutMs: number = this.#longestMs()): Promise<Outcome> {
    const deliveries = this.#deliveries.get(eventId)
    if (!deliveries) throw new Error(`event ${eventId} was pushed to no app in Stream mode`)
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
      if (isSuccess(outcome)) {
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

  #settle(app: App, event: StreamEvent, delivery: Delivery, outcome: Outcome, attempts: number): void {
    delivery.outcome = outcome
    const { eventId, eventType } = event
    this.#deps.journal.add({ type: 'event-settled', clientId: app.clientId, eventId, eventType, outcome, attempts })
  }

  #longestMs(): number {
    const { eventDeadlineMs, redeliveryDelaysMs } = this.#deps.settings
    const pausesMs = redeliveryDelaysMs.reduce((sum, ms) => sum + ms, 0)
    return pausesMs + eventDeadlineMs * (redeliveryDelaysMs.length + 1) + 2_000
  }
}

/** Code 200 and `status: SUCCESS`; `LATER`, a missing status and everything else ask for a redelivery. */
function isSuccess(outcome: PushOutcome): boolean {
  if (outcome.kind === 'miss' || outcome.reply.code !== 200) return false
  return parseRecord(outcome.reply.data)?.['status'] === 'SUCCESS'
}
