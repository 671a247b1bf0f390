import { type Job, Queue } from 'bullmq'
import type { Redis } from 'ioredis'

import { AppError } from '../errors.ts'
import { patiently, within } from '../lifecycle.ts'
import type { Log } from '../log.ts'
import {
  ACTION_QUEUE,
  actionJobId,
  CLICK_QUEUE,
  DELIVER_QUEUE,
  deliverJobId,
  DIRECTORY_QUEUE,
  type PacedApi,
  paceQueue,
  RESULT_QUEUE,
  resultJobId,
} from './jobs.ts'

const PATIENCE_MS = 500

const MAX_JOB_NAME = 200
/** A job can come, go or fail between two looks at it. */
const MAX_LOOKS = 5

const MAX_RESULTS = 10_000
const RESULT_KEPT_MS = 7 * 86_400_000

export type Producer = {
  /** Wakes the pacer after `delayMs`. Never fails and never waits long: see `takeLoss` for a tick that was lost. */
  tick(integrationId: string, api: PacedApi, delayMs?: number): Promise<void>
  /** Ticks on their way to the pacer; `Infinity` when Redis does not say, which counts as a loss. */
  countTicks(integrationId: string, api: PacedApi): Promise<number>
  /** Wakes the worker of one click. As `tick`. */
  tickClick(clickId: string, delayMs?: number): Promise<void>
  /**
   * Adds a delivery as Flashduty would, unless this very body waits or was worked off already; one that failed is run
   * again. Where another body has the event's job, it becomes a job of its own beside that one.
   * @throws AppError `unknown-outcome ENQUEUE_UNKNOWN` when Redis was told and did not say; anything else: nothing was added
   */
  addDelivery(body: unknown, event: { eventId: string; eventType: string }): Promise<AddedDelivery>
  /** Whether a tick may have been lost since this was last asked: a sweep makes up for it. */
  takeLoss(): boolean
  /** Offers Flashduty what somebody pressed. @throws when Redis does not take it, or does not say so in time */
  addAction(action: { action_id: string; action: string }): Promise<void>
  /** Tells Flashduty what became of a notification; `eventId` names the report where one event's id stands for several. @throws when Redis does not take it */
  addResult(result: { event_id: string; seq: number; finished_at: number }, eventId?: string): Promise<void>
  /**
   * Throws away results that nobody fetches: beyond 10,000 the oldest, and those older than 7 days.
   * @returns how many
   */
  trimResults(): Promise<number>
  /** Puts an integration's groups and links in the place of what was told before. @throws when Redis does not take it */
  putDirectory(integrationId: string, directory: object, version: string): Promise<void>
  /** Whether Redis answers now. */
  ping(): Promise<boolean>
  close(): Promise<void>
}

/** `ended`: worked off before. */
export type AddedDelivery = { jobId: string; state: 'added' | 'waiting' | 'ended' }

/**
 * @param redis impatient; the producer closes it
 * @param hashOf tells bodies apart, whatever the order of their keys
 */
export function createProducer(redis: Redis, prefix: string, log: Log, hashOf: (body: unknown) => string): Producer {
  const queues = new Map<string, Queue>()
  const queue = (name: string): Queue => {
    const known = queues.get(name)
    if (known) return known
    // Asked for a version that Redis does not give at once, a queue would fail for good, also after Redis is back.
    const hasty = { skipVersionCheck: true, skipWaitingForReady: true, skipMetasUpdate: true }
    const made = new Queue(name, { connection: redis, prefix, ...hasty })
    // The connection's own listener says it once; without a listener here every error would be thrown.
    made.on('error', () => {})
    queues.set(name, made)
    return made
  }
  let lost = false
  const wake = async (name: string, data: object, delayMs: number): Promise<void> => {
    const options = { delay: Math.max(0, Math.round(delayMs)), removeOnComplete: true, removeOnFail: true }
    const added = queue(name)
      .add('tick', data, options)
      .then(
        () => {},
        () => {
          lost = true
          log.debug({ queue: name }, 'tick-lost')
        },
      )
    if ((await within(PATIENCE_MS, added, patiently)) === 'timeout') log.debug({ queue: name }, 'tick-slow')
  }

  return {
    tick: (integrationId, api, delayMs = 0) => wake(paceQueue(integrationId, api), {}, delayMs),
    async countTicks(integrationId, api) {
      try {
        const counts = await within(
          PATIENCE_MS,
          queue(paceQueue(integrationId, api)).getJobCounts('waiting', 'delayed'),
          patiently,
        )
        if (counts !== 'timeout') return (counts['waiting'] ?? 0) + (counts['delayed'] ?? 0)
      } catch {
        // As unknown as after a timeout.
      }
      lost = true
      return Infinity
    },
    takeLoss() {
      const was = lost
      lost = false
      return was
    },
    tickClick: (clickId, delayMs = 0) => wake(CLICK_QUEUE, { clickId }, delayMs),
    async addDelivery(body, { eventId, eventType }) {
      const delivery = { body, hash: hashOf(body), name: eventType.slice(0, MAX_JOB_NAME) }
      const plain = deliverJobId(eventId)
      const own = `${plain}-${delivery.hash}`
      for (const jobId of [plain, own, `${own}-2`, `${own}-3`]) {
        const state = await addUnder(queue(DELIVER_QUEUE), jobId, delivery, hashOf)
        if (state !== 'taken') return { jobId, state }
      }
      throw new Error(`every job id for ${plain} is taken`)
    },
    async addAction(action) {
      const added = queue(ACTION_QUEUE).add(action.action, action, {
        jobId: actionJobId(action.action_id),
        // Kept when done, so that being offered again does not run it again.
        removeOnComplete: { age: 86_400 },
        removeOnFail: { age: 604_800 },
      })
      if ((await within(PATIENCE_MS, added, patiently)) === 'timeout') throw new Error('Redis is slow')
    },
    async addResult(result, eventId = result.event_id) {
      const jobId = resultJobId(eventId, result.seq)
      const added = queue(RESULT_QUEUE).add('result', result, { jobId, removeOnComplete: true, removeOnFail: true })
      if ((await within(PATIENCE_MS, added, patiently)) === 'timeout') throw new Error('Redis is slow')
    },
    async trimResults() {
      const results = queue(RESULT_QUEUE)
      const old = await results.clean(RESULT_KEPT_MS, 1_000, 'wait')
      const excess = (await results.getWaitingCount()) - MAX_RESULTS
      if (excess <= 0) return old.length
      // The oldest wait at the end that workers take from.
      const oldest = await results.getJobs(['waiting'], 0, Math.min(excess, 1_000) - 1, true)
      await Promise.all(oldest.map((job) => job.remove()))
      return old.length + oldest.length
    },
    async putDirectory(integrationId, directory, version) {
      const jobs = queue(DIRECTORY_QUEUE)
      const jobId = `dir-${integrationId}-${version}`
      await jobs.add('directory', directory, { jobId, removeOnComplete: true, removeOnFail: true })
      const waiting = await jobs.getJobs(['waiting'])
      const replaced = waiting.filter((job) => job.id?.startsWith(`dir-${integrationId}-`) && job.id !== jobId)
      await Promise.all(replaced.map((job) => job.remove().catch(() => {})))
    },
    async ping() {
      try {
        return (await within(PATIENCE_MS, redis.ping(), patiently)) === 'PONG'
      } catch {
        return false
      }
    },
    async close() {
      for (const made of queues.values()) await made.close()
      redis.disconnect()
    },
  }
}

type Delivery = { body: unknown; hash: string; name: string }

/** BullMQ drops an add whose id exists and does not say so; hence the looks before and after. */
async function addUnder(
  jobs: Queue,
  jobId: string,
  { body, hash, name }: Delivery,
  hashOf: (body: unknown) => string,
): Promise<AddedDelivery['state'] | 'taken'> {
  let told = false
  try {
    for (let look = 0; look < MAX_LOOKS; look++) {
      const known = await readJob(jobs, jobId, hashOf)
      if (!known) {
        told = true
        await jobs.add(name, body, {
          jobId,
          attempts: 5,
          backoff: { type: 'exponential', delay: 2_000 },
          removeOnComplete: { age: 86_400 },
          removeOnFail: { age: 604_800 },
        })
        // Another producer may have been quicker with that id; one that is gone again was worked off.
        const held = await readJob(jobs, jobId, hashOf)
        return held === undefined || held.hash === hash ? 'added' : 'taken'
      }
      if (known.hash !== hash) return 'taken'
      const state = await jobs.getJobState(jobId)
      if (state === 'completed') return 'ended'
      if (state !== 'failed' && state !== 'unknown') return 'waiting'
      if (state === 'failed' && known.job) {
        told = true
        // Somebody else may have been quicker: then it is looked at again.
        const rerun = await known.job.retry('failed', { resetAttemptsMade: true }).then(
          () => true,
          () => false,
        )
        if (rerun) return 'added'
      }
    }
    throw new Error(`the job ${jobId} does not stay as it is`)
  } catch (cause) {
    const refused = cause instanceof Error && cause.name === 'ReplyError'
    if (!told || refused) throw cause
    throw new AppError({ kind: 'unknown-outcome', code: 'ENQUEUE_UNKNOWN' }, 'Redis did not say what became of it', {
      cause,
    })
  }
}

/** `hash` is undefined for what is no body at all. */
async function readJob(
  jobs: Queue,
  jobId: string,
  hashOf: (body: unknown) => string,
): Promise<{ job?: Job; hash?: string } | undefined> {
  try {
    const job = (await jobs.getJob(jobId)) as Job<unknown> | undefined
    return job && { job, hash: hashOf(job.data) }
  } catch (error) {
    // Another producer can leave what is not JSON, or is nested too deeply.
    if (error instanceof SyntaxError || error instanceof RangeError) return {}
    throw error
  }
}
