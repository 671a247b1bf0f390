import { CONDITION_MS } from '../../support/patience.ts'
import { startActionConsumer } from './action-queue.ts'
import { OpenApi } from './api.ts'
import { CALLS } from './calls.ts'
import type { Act } from './incidents.ts'
import { FlashdutyError } from './errors.ts'
import { hex } from './ids.ts'
import { Outbox } from './outbox.ts'
import { QueueSink, WebhookSink } from './sinks.ts'
import { Store, toPerson } from './store.ts'
import type {
  ActionConsumer,
  ActionJob,
  ActionResult,
  FlashdutyControl,
  FlashdutyHappening,
  FlashdutySandbox,
  FlashdutySettings,
  IncidentEvent,
  WebhookPost,
} from './types.ts'

/**
 * A stand-in for Flashduty: keeps incidents by the lifecycle rules, answers the Open API, and hands the event of every
 * change to the delivery queue and the incident webhook, as far as they are switched on.
 */
export async function startFlashduty(settings: FlashdutySettings = {}): Promise<FlashdutySandbox> {
  const queue = settings.redisUrl === undefined ? undefined : new QueueSink(settings.redisUrl, settings.redisPrefix)
  const posts: WebhookPost[] = []
  const postTo = (url: string, headers: Record<string, string> = {}) =>
    new WebhookSink({ url, headers }, posts, (row) => store.webhooks.add(row))
  let sinks = {
    queue,
    webhook: settings.webhookUrl === undefined ? undefined : postTo(settings.webhookUrl, settings.webhookHeaders),
  }
  const consumers = new Set<ActionConsumer>()
  const listeners = new Set<(happening: FlashdutyHappening) => void>()
  const tell = (happening: FlashdutyHappening) => listeners.forEach((listener) => listener(happening))

  let apiUrl = ''
  const taken: IncidentEvent[] = []
  const outbox = new Outbox(
    async (event) => {
      const { queue: toQueue, webhook } = sinks
      const [jobId, isPosted] = await Promise.all([toQueue?.enqueue(event), webhook?.post(event)])
      if (jobId !== undefined || isPosted === true) taken.push(event)
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
    createChannel: (name, memberIds) => store.createChannel(name, memberIds),
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
    takenEvents: () => taken,
    enqueue: async (body, options) => {
      if (queue === undefined) throw new Error('the queue sink is off: start with redisUrl')
      return queue.enqueue(body, options)
    },
    alterInfo: (alter = (incident) => incident) => void (store.alterInfo = alter),
    requireForms: (forms) => void (store.forms = forms),
    setCustomAction: (action) => void store.customActions.set(action.integrationId, action),
    customRuns: () => store.customRuns,
    madeKeys: () => store.keys.all(),
    offerAppKeys: (offered) => void (store.keys.offered = offered),
    consumeActions: async () => {
      if (settings.redisUrl === undefined) throw new Error('there is no queue: start with redisUrl')
      const consumer = await startActionConsumer(settings.redisUrl, settings.redisPrefix ?? 'bull', (job) =>
        performJob(store, job),
      )
      consumers.add(consumer)
      return consumer
    },
    addFault: (fault) => api.addFault(fault),
    clearFaults: () => api.clearFaults(),
    requests: () => api.requests,
    webhookPosts: () => posts,
    sendBy: (ways) => {
      const { webhook } = ways
      sinks = {
        queue: ways.queue === true ? queue : undefined,
        webhook: webhook && postTo(webhook.url, webhook.headers),
      }
    },
    pushRaw: async (text) => {
      if (sinks.webhook === undefined) throw new Error('there is no webhook: see sendBy')
      await sinks.webhook.push(text, { event_id: hex(16), event_type: 'i_comm', event_time: Date.now() })
    },
    ageWebhookHistory: (ms) => store.webhooks.age(ms),
    idle: () => outbox.idle(),
    subscribe: (listener) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    waitForEvent: (predicate, timeoutMs = CONDITION_MS) => waitFor('event', outbox.events, predicate, timeoutMs),
    waitForRequest: (predicate, timeoutMs = CONDITION_MS) => waitFor('request', api.requests, predicate, timeoutMs),
  }
  return {
    apiUrl,
    control,
    close: async () => {
      store.close()
      for (const consumer of consumers) await consumer.close()
      await api.close()
      await outbox.idle()
      await queue?.close()
    },
  }
}

/** The same calls as the Open API's, as that member and without a key. */
function performJob(store: Store, job: ActionJob): Partial<ActionResult> {
  const { action, incident_id: id, args, person_id: personId } = job
  const member = store.members.get(personId)
  if (member?.status !== 'enabled') throw new FlashdutyError('AccessDenied', 'No such member', '成员不存在')
  if (action === 'refresh') return { incident: store.get(id) }
  const path = action === 'custom' ? '/incident/custom-action/do' : `/incident/${action}`
  const ids = action === 'custom' ? { incident_id: id } : { incident_ids: [id] }
  const done = CALLS[path]?.(store, member, { ...args, ...ids }) as { message?: string } | undefined
  return { ...done, incident: store.get(id) }
}

function toAct(act: Parameters<FlashdutyControl['act']>[1]): Act {
  if (typeof act === 'string') return { kind: act }
  return 'title' in act ? { kind: 'retitle', title: act.title } : { kind: 'snooze', minutes: act.snoozeMinutes }
}
