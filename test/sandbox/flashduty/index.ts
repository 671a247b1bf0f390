import { OpenApi } from './api.ts'
import type { Act } from './incidents.ts'
import { Outbox } from './outbox.ts'
import { QueueSink, WebhookSink } from './sinks.ts'
import { Store, toPerson } from './store.ts'
import type { FlashdutyControl, FlashdutyHappening, FlashdutySandbox, FlashdutySettings } from './types.ts'

const WAIT_MS = 5_000

/**
 * A stand-in for Flashduty: keeps incidents by the lifecycle rules, answers the Open API, and hands the event of every
 * change to the delivery queue and the incident webhook, as far as they are switched on.
 */
export async function startFlashduty(settings: FlashdutySettings = {}): Promise<FlashdutySandbox> {
  const queue = settings.redisUrl === undefined ? undefined : new QueueSink(settings.redisUrl, settings.redisPrefix)
  const webhook =
    settings.webhookUrl === undefined ? undefined : new WebhookSink(settings.webhookUrl, settings.webhookHeaders ?? {})
  const listeners = new Set<(happening: FlashdutyHappening) => void>()
  const tell = (happening: FlashdutyHappening) => listeners.forEach((listener) => listener(happening))

  let apiUrl = ''
  const outbox = new Outbox(
    async (event) => {
      await Promise.all([queue?.enqueue(event), webhook?.post(event)])
    },
    (event) => tell({ kind: 'event', event }),
  )
  const store = new Store(
    (event) => outbox.publish(event),
    () => apiUrl,
    settings.integrationId,
  )
  const api = new OpenApi(store, (request) => tell({ kind: 'request', request }))
  apiUrl = await api.listen()

  /** Looks at what there is, then at what comes. */
  function waitFor<T>(what: string, all: readonly T[], predicate: (one: T) => boolean, timeoutMs: number): Promise<T> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = all.find(predicate)
        if (found === undefined) return false
        clearTimeout(timer)
        listeners.delete(look)
        resolve(found)
        return true
      }
      const timer = setTimeout(() => {
        listeners.delete(look)
        reject(new Error(`no such ${what} in ${timeoutMs} ms; the last ones: ${JSON.stringify(all.slice(-5))}`))
      }, timeoutMs)
      if (!look()) listeners.add(look)
    })
  }

  const control: FlashdutyControl = {
    createMember: (fields) => store.createMember(fields),
    createChannel: (name) => store.createChannel(name),
    setRule: (channelId, layers) => store.setRule(channelId, layers),
    member: (id) => store.getMember(id),
    incident: (id) => store.get(id),
    incidents: () => store.all(),
    fireIncident: (fields) => store.fire(fields),
    act: async (id, act, memberId) => {
      const by = memberId === undefined ? undefined : toPerson(store.getMember(memberId))
      await store.perform([id], toAct(act), by)
      return store.get(id)
    },
    tell: async (id, told, memberId) => {
      await store.tell(id, told, memberId === undefined ? undefined : toPerson(store.getMember(memberId)))
      return store.get(id)
    },
    deleteIncident: (id) => store.delete(id),
    endSnooze: async (id) => {
      await store.endSnooze(id)
      return store.get(id)
    },
    holdEvents: () => outbox.hold(),
    events: () => outbox.events,
    enqueue: async (body, options) => {
      if (queue === undefined) throw new Error('the queue sink is off: start with redisUrl')
      return queue.enqueue(body, options)
    },
    addFault: (fault) => api.addFault(fault),
    clearFaults: () => api.clearFaults(),
    requests: () => api.requests,
    webhookPosts: () => webhook?.posts ?? [],
    idle: () => outbox.idle(),
    subscribe: (listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    waitForEvent: (predicate, timeoutMs = WAIT_MS) => waitFor('event', outbox.events, predicate, timeoutMs),
    waitForRequest: (predicate, timeoutMs = WAIT_MS) => waitFor('request', api.requests, predicate, timeoutMs),
  }
  return {
    apiUrl,
    control,
    close: async () => {
      store.close()
      await api.close()
      await outbox.idle()
      await queue?.close()
    },
  }
}

function toAct(act: Parameters<FlashdutyControl['act']>[1]): Act {
  if (typeof act === 'string') return { kind: act }
  return 'title' in act ? { kind: 'retitle', title: act.title } : { kind: 'snooze', minutes: act.snoozeMinutes }
}
