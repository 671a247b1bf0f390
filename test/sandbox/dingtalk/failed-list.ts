import type { VirtualClock } from './clock.ts'
import type { Json } from './fields.ts'
import { parseRecord } from './fields.ts'
import type { StreamEvent } from './stream-frames.ts'
import type { App, DingTalkSettings } from './types.ts'

type Item = { item: Json; parkedAtMs: number }

/**
 * Events whose HTTP push failed for good (D:obtain-the-event-list-of-failed-push-messages): for minutes they can be
 * fetched, and each call drops what the one before returned.
 */
export class FailedList {
  #settings: DingTalkSettings
  #clock: VirtualClock
  #items = new Map<string, { parked: Item[]; returned: Item[] }>()

  constructor(settings: DingTalkSettings, clock: VirtualClock) {
    this.#settings = settings
    this.#clock = clock
  }

  park(app: App, event: StreamEvent): void {
    const list = this.#items.get(app.clientId) ?? { parked: [], returned: [] }
    list.parked.push({ item: itemOf(app, event), parkedAtMs: this.#clock.nowMs() })
    this.#items.set(app.clientId, list)
  }

  size(clientId: string): number {
    return this.#fresh(clientId).length
  }

  fetch(clientId: string): Json {
    const list = this.#items.get(clientId)
    const fresh = this.#fresh(clientId).filter((item) => !list?.returned.includes(item))
    const page = fresh.slice(0, this.#settings.failedPageSize)
    this.#items.set(clientId, { parked: fresh, returned: page })
    const has_more = fresh.length > page.length
    return { errcode: 0, errmsg: 'ok', has_more, failed_list: page.map(({ item }) => item) }
  }

  #fresh(clientId: string): Item[] {
    const oldest = this.#clock.nowMs() - this.#settings.failedKeptMs
    return (this.#items.get(clientId)?.parked ?? []).filter(({ parkedAtMs }) => parkedAtMs >= oldest)
  }
}

/** Approvals and roles have inner keys of their own, which this office has no events of. */
function itemOf(app: App, { eventType, bornTime, data }: StreamEvent): Json {
  const fields = parseRecord(data) ?? {}
  const lower = Object.fromEntries(Object.entries(fields).map(([key, value]) => [key.toLowerCase(), value]))
  const inner = /^(user|org)_/.test(eventType)
    ? { corpid: app.corpId, ...lower }
    : { corpid: app.corpId, callbackData: fields }
  return { call_back_tag: eventType, event_time: bornTime, [eventType]: inner }
}
