import type { Clock } from '../clock.ts'
import { canonicalJson } from '../domain/canonical.ts'
import { type InvalidBody, parseIncidentEvent } from '../domain/event.ts'
import { digest } from '../domain/ids.ts'
import type { Ignored } from '../domain/reading/reading.ts'
import { shallowBody } from '../domain/reading/tidy.ts'
import { within } from '../lifecycle.ts'
import type { Log } from '../log.ts'
import { deliverJobId } from '../queue/jobs.ts'
import type { Producer } from '../queue/producer.ts'
import type { Db } from '../storage/db.ts'
import { forgetPosted, isPosted, keepPosted, listPosted, type Posted } from '../storage/inbox.ts'
import { type Accepted, rejectDelivery, type Visit } from './accept.ts'

export type BridgeDeps = {
  db: Db
  clock: Clock
  log: Log
  producer: Pick<Producer, 'addDelivery'>
  /** Takes a delivery in at once, as the deliver queue's worker does. */
  accept: (body: unknown, jobId: string, visit: Visit) => Promise<Accepted>
}

export type RefusedPost = { outcome: 'invalid'; path: string; problem: string }
export type TakenPost =
  /** `id`: of the kept body, see `enqueue`. */
  | { outcome: 'accepted'; duplicate: boolean; id: string; ignored: Ignored[] }
  | { outcome: 'too-many-variants'; eventId: string; incidentId: string | undefined }
  | RefusedPost

/** The webhook bridge: deliveries that come by HTTP are kept in the database until their plan is committed. */
export type Bridge = {
  /**
   * Keeps one posted body, or says why it never can be one; the latter is on record then.
   * @throws AppError `retryable STORE_UNAVAILABLE`; nothing was accepted then
   */
  take(body: unknown): Promise<TakenPost>
  /** A body that is not even JSON, on record. */
  refuseText(text: string, problem: string): Promise<RefusedPost>
  /** Enqueues one kept body. Never fails: `forward` makes up for it. */
  enqueue(id: string): Promise<void>
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

  const refuse = async (body: unknown, invalid: InvalidBody, text: string): Promise<RefusedPost> => {
    const jobId = invalid.eventId ? deliverJobId(invalid.eventId) : `post-${digest(24, text)}`
    await rejectDelivery(deps, invalid, jobId, body)
    return { outcome: 'invalid', path: invalid.path, problem: invalid.problem }
  }

  const add = async (posted: Posted): Promise<void> => {
    const body = JSON.parse(posted.payload) as unknown
    const parsed = parseIncidentEvent(body, posted.receivedAt)
    if (parsed.kind === 'invalid') return takeInAtOnce(posted, 'unreadable')
    const event = parsed.kind === 'event' ? parsed.event : parsed
    const added = await within(ENQUEUE_MS, producer.addDelivery(body, event))
    if (added === 'timeout') throw new Error('Redis is slow')
    if (added.state === 'ended') await takeInAtOnce(posted, added.jobId)
  }

  /** Its job has ended, and still it is kept: the plan was lost with an older database, or is not committed yet. */
  const takeInAtOnce = async ({ id, payload, receivedAt }: Posted, jobId: string): Promise<void> => {
    if (!(await isPosted(db.read, id))) return
    try {
      // Nothing brings it back for what cannot be known yet.
      const body = JSON.parse(payload) as unknown
      const accepted = await deps.accept(body, jobId, { again: false, waitedMs: Infinity, sentAtMs: receivedAt })
      if (accepted.outcome === 'rejected') await db.write((trx) => forgetPosted(trx, id))
      log.info({ eventId: id, outcome: accepted.outcome }, 'webhook-taken-in')
    } catch (error) {
      // It stays; the others must not wait for it.
      log.error({ eventId: id, err: error }, 'webhook-not-taken-in')
    }
  }

  return {
    async take(body) {
      const startedAt = performance.now()
      const parsed = parseIncidentEvent(body, deps.clock.nowMs())
      if (parsed.kind === 'invalid') return refuse(parsed.body, parsed, canonicalJson(parsed.body))
      const ids =
        parsed.kind === 'event'
          ? { ...pick(parsed.event), incidentId: parsed.event.incident.incident_id }
          : { ...pick(parsed), incidentId: parsed.incidentId }
      const { bodyHash, contentHash, ignored } = parsed
      const payload = JSON.stringify(shallowBody(body))
      const posted = { eventId: ids.eventId, bodyHash, contentHash, payload }
      const kept = await db.write((trx) => keepPosted(trx, posted, deps.clock.nowMs()))
      const tookMs = Math.round(performance.now() - startedAt)
      if (kept.outcome === 'too-many-variants') return { outcome: kept.outcome, ...ids }
      const duplicate = kept.outcome === 'duplicate'
      log.info({ ...ids, duplicate, tookMs }, 'webhook-accepted')
      return { outcome: 'accepted', duplicate, id: kept.outcome === 'kept' ? kept.id : ids.eventId, ignored }
    },

    refuseText: (text, problem) =>
      refuse(text, { eventId: undefined, incidentId: undefined, path: '(body)', problem }, text),

    async enqueue(id) {
      // The answer goes out first.
      await new Promise((resolve) => setImmediate(resolve))
      try {
        const [posted] = await listPosted(db.read, { id }, 1)
        if (posted) await add(posted)
      } catch {
        behind = true
        log.warn({ eventId: id }, 'webhook-waits')
      }
    },

    async forward() {
      behind = true
      let last: Posted | undefined
      let count = 0
      for (;;) {
        const page = await listPosted(db.read, last && { after: last }, PAGE_SIZE)
        for (const posted of page) await add(posted)
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

function pick({ eventId, eventType }: { eventId: string; eventType: string }) {
  return { eventId, eventType }
}
