import type { Clock } from '../clock.ts'
import { parseIncidentEvent } from '../domain/event.ts'
import { digest } from '../domain/ids.ts'
import { within } from '../lifecycle.ts'
import type { Log } from '../log.ts'
import { deliverJobId } from '../queue/jobs.ts'
import type { Producer } from '../queue/producer.ts'
import type { Db } from '../storage/db.ts'
import { dropPosted, isPosted, keepPosted, listPosted, type Posted } from '../storage/inbox.ts'
import { type Accepted, type Visit, rejectDelivery } from './accept.ts'

export type BridgeDeps = {
  db: Db
  clock: Clock
  log: Log
  producer: Pick<Producer, 'addDelivery' | 'hasEnded'>
  /** Takes a delivery in at once, as the deliver queue's worker does. */
  accept: (body: unknown, jobId: string, visit: Visit) => Promise<Accepted>
}

export type RefusedPost = { outcome: 'invalid'; path: string; problem: string }
export type TakenPost = { outcome: 'accepted'; duplicate: boolean; eventId: string } | RefusedPost

/** The webhook bridge: deliveries that come by HTTP are kept in the database until their plan is committed. */
export type Bridge = {
  /**
   * Keeps one posted body, or says why it never can be one; the latter is on record then.
   * @throws AppError `retryable STORE_UNAVAILABLE`; nothing was accepted then
   */
  take(body: unknown): Promise<TakenPost>
  /** A body that is not even JSON, on record. */
  refuseText(text: string, problem: string): Promise<RefusedPost>
  /** Enqueues one kept event. Never fails: `forward` makes up for it. */
  enqueue(eventId: string): Promise<void>
  /** Enqueues whatever is kept: after a death, an absent or an emptied Redis. @throws when Redis does not take it */
  forward(): Promise<void>
  /** Whether something kept could not be enqueued since the last `forward`. */
  isBehind(): boolean
}

const PAGE_SIZE = 50
const ENQUEUE_MS = 1_000

export function createBridge(deps: BridgeDeps): Bridge {
  const { db, log, producer } = deps
  let behind = false

  const refuse = async (body: unknown, invalid: Invalid, text: string): Promise<RefusedPost> => {
    const jobId = invalid.eventId ? deliverJobId(invalid.eventId) : `post-${digest(24, text)}`
    await rejectDelivery(deps, invalid, jobId, body)
    return { outcome: 'invalid', path: invalid.path, problem: invalid.problem }
  }

  const add = async (payload: string): Promise<'queued' | 'ended'> => {
    const body = JSON.parse(payload) as unknown
    const parsed = parseIncidentEvent(body)
    if (parsed.kind === 'invalid') return 'ended'
    const { eventId, eventType } = parsed.kind === 'event' ? parsed.event : parsed
    const added = await within(ENQUEUE_MS, producer.addDelivery(body, { eventId, eventType }))
    if (added === 'timeout') throw new Error('Redis is slow')
    return added.state === 'ended' || (await producer.hasEnded(added.jobId)) ? 'ended' : 'queued'
  }

  /** Its job has ended, and still it is kept: the job was another one of that name, or failed. */
  const takeInAtOnce = async ({ eventId, payload }: Posted): Promise<void> => {
    if (!(await isPosted(db.read, eventId))) return
    try {
      // Nothing brings it back for what cannot be known yet.
      const visit = { again: false, waitedMs: Infinity }
      const accepted = await deps.accept(JSON.parse(payload) as unknown, deliverJobId(eventId), visit)
      if (accepted.outcome === 'rejected') await db.write((trx) => dropPosted(trx, eventId))
      log.info({ eventId, outcome: accepted.outcome }, 'webhook-taken-in')
    } catch (error) {
      // It stays; the others must not wait for it.
      log.error({ eventId, err: error }, 'webhook-not-taken-in')
    }
  }

  return {
    async take(body) {
      const startedAt = performance.now()
      const payload = stringify(body)
      if (payload === undefined) return refuse(null, unreadable('is nested too deeply'), 'too deep')
      const parsed = parseIncidentEvent(body)
      if (parsed.kind === 'invalid') return refuse(body, parsed, payload)
      const ids =
        parsed.kind === 'event'
          ? { ...pick(parsed.event), incidentId: parsed.event.incident.incident_id }
          : { ...pick(parsed), incidentId: parsed.incidentId }
      const { eventId } = ids
      const kept = await db.write((trx) => keepPosted(trx, { eventId, payload }, deps.clock.nowMs()))
      const tookMs = Math.round(performance.now() - startedAt)
      log.info({ ...ids, duplicate: !kept, tookMs }, 'webhook-accepted')
      return { outcome: 'accepted', duplicate: !kept, eventId }
    },

    refuseText: (text, problem) => refuse(text, unreadable(problem), text),

    async enqueue(eventId) {
      // The answer goes out first.
      await new Promise((resolve) => setImmediate(resolve))
      try {
        const [posted] = await listPosted(db.read, { eventId }, 1)
        if (posted) await add(posted.payload)
      } catch {
        behind = true
        log.warn({ eventId }, 'webhook-waits')
      }
    },

    async forward() {
      behind = true
      let last: Posted | undefined
      let count = 0
      for (;;) {
        const page = await listPosted(db.read, last && { after: last }, PAGE_SIZE)
        for (const posted of page) {
          if ((await add(posted.payload)) === 'ended') await takeInAtOnce(posted)
        }
        count += page.length
        last = page.at(-1)
        if (page.length < PAGE_SIZE) break
      }
      behind = false
      if (count > 0) log.info({ count }, 'webhooks-forwarded')
    },

    isBehind: () => behind,
  }
}

type Invalid = { eventId: string | undefined; incidentId: string | undefined; path: string; problem: string }

function unreadable(problem: string): Invalid {
  return { eventId: undefined, incidentId: undefined, path: '(body)', problem }
}

function pick({ eventId, eventType }: { eventId: string; eventType: string }) {
  return { eventId, eventType }
}

/** undefined for what is nested so deeply that neither the queue nor the database could carry it as JSON. */
function stringify(body: unknown): string | undefined {
  try {
    return JSON.stringify(body)
  } catch {
    return undefined
  }
}
