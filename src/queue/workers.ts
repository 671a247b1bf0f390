import { DelayedError, type Job, UnrecoverableError, Worker, type WorkerOptions } from 'bullmq'
import type { Redis } from 'ioredis'
import { z } from 'zod'

import { AppError } from '../errors.ts'
import { InFlight } from '../lifecycle.ts'
import type { Log } from '../log.ts'
import { createGate } from './gate.ts'
import { ACTION_RESULT_QUEUE, CLICK_QUEUE, DELIVER_QUEUE, type PacedApi, paceQueue } from './jobs.ts'

export type WorkerDeps = { redis: Redis; prefix: string; log: Log }

export type RunningWorker = {
  isRunning(): boolean
  /** Takes no more jobs and resolves when those under way are done. */
  close(): Promise<void>
}

/** A job of a worker that died is taken over after some 5 s, and as often as it takes. */
const TAKE_OVER: Partial<WorkerOptions> = { lockDuration: 5_000, stalledInterval: 2_000, maxStalledCount: 1_000_000 }

const RETRY_MAX_MS = 60_000
/** Marks a job that was taken in and comes back for the rest. */
const AGAIN = 'again'
const AGAIN_MS = 5_000
/** A job that only ever meets bugs of ours ends as failed, readable in Redis, instead of going round for good. */
const GIVE_UP_AFTER_MS = 24 * 3_600_000
/** How `failedReason` of such a job begins. */
export const GAVE_UP = 'GAVE_UP'

/**
 * @param accept resolves once the job's plan is committed. `rejected` = it can never be; the reason stays with the job.
 *   `again` = the job comes back, since not all could be known yet.
 *   An AppError `retryable` delays the job without spending one of the producer's attempts.
 */
export function startDeliverWorker(
  deps: WorkerDeps,
  accept: (
    body: unknown,
    jobId: string,
    visit: { again: boolean; waitedMs: number; sentAtMs: number },
  ) => Promise<{ outcome: 'accepted'; again?: true } | { outcome: 'rejected'; why: string }>,
): RunningWorker {
  return start(
    DELIVER_QUEUE,
    deps,
    { concurrency: 64, removeOnComplete: { age: 86_400, count: 10_000 }, removeOnFail: { age: 604_800 } },
    async (job, token) => {
      const jobId = job.id ?? 'unknown'
      try {
        const visit = { again: job.progress === AGAIN, waitedMs: Date.now() - job.timestamp, sentAtMs: job.timestamp }
        const accepted = await accept(job.data, jobId, visit)
        if (accepted.outcome === 'rejected') throw new UnrecoverableError(accepted.why)
        if (!accepted.again) return
        await job.updateProgress(AGAIN)
        throw await putOff(job, token, AGAIN_MS)
      } catch (error) {
        if (error instanceof UnrecoverableError || error instanceof DelayedError) throw error
        const expected = error instanceof AppError && error.failure.kind !== 'permanent'
        if (expected) deps.log.warn({ jobId, err: error }, 'deliver-delayed')
        else deps.log.error({ jobId, err: error }, 'deliver-failed')
        if (!expected && Date.now() - job.timestamp > GIVE_UP_AFTER_MS) {
          throw new UnrecoverableError(`${GAVE_UP}: ${error instanceof Error ? error.message : 'unknown error'}`)
        }
        const delayMs = Math.min(500 * 2 ** Math.min(job.attemptsStarted, 8), RETRY_MAX_MS)
        await job.moveToDelayed(Date.now() + delayMs, token)
        throw new DelayedError()
      }
    },
  )
}

/** Resolves when the call may go out: to be waited for right before it. */
export type AwaitTurn = () => Promise<void>

/** By so much calls may be late on their way to DingTalk without a 21st arriving within a second; ticks lose about as much. */
const JITTER_MS = 50

/**
 * One metered call per tick, evenly paced: ticks begin evenly over all processes, and where those of this process have
 * bunched up by the time of their calls, the calls wait.
 * @param work an AppError `throttled` pauses this pacer only; other failures are the work's own to store before it throws
 */
export function startPacer(
  deps: WorkerDeps,
  pacer: { integrationId: string; api: PacedApi; qps: number },
  work: (awaitTurn: AwaitTurn) => Promise<void>,
): RunningWorker {
  const { integrationId, api } = pacer
  const awaitTurn = pacer.qps > 0 ? createGate(pacer.qps, 1_000 + JITTER_MS) : async () => {}
  const worker: RunningWorker & { pause?: (ms: number) => Promise<void> } = start(
    paceQueue(integrationId, api),
    deps,
    {
      concurrency: 32,
      // A limiter of {max: n} is a fixed window that lets almost 2n through in one second; this one is even.
      ...(pacer.qps > 0 ? { limiter: { max: 1, duration: Math.ceil(1_000 / pacer.qps) } } : {}),
      removeOnComplete: { count: 0 },
      removeOnFail: { count: 0 },
    },
    async (job, token) => {
      try {
        await work(awaitTurn)
      } catch (error) {
        if (error instanceof AppError && error.failure.kind === 'throttled') {
          deps.log.warn({ integrationId, api, pauseMs: error.failure.retryAfterMs, err: error }, 'pacer-throttled')
          await worker.pause?.(error.failure.retryAfterMs)
          throw Worker.RateLimitError()
        }
        if (error instanceof AppError && error.failure.kind === 'retryable') {
          deps.log.warn({ integrationId, api, err: error }, 'tick-delayed')
          throw await putOff(job, token, error.failure.retryAfterMs)
        }
        deps.log.error({ integrationId, api, err: error }, 'tick-failed')
      }
    },
  )
  return worker
}

/** A tick that could not be worked off comes again. @returns what the processor has to throw then */
async function putOff(job: Job, token: string | undefined, delayMs = 1_000): Promise<DelayedError> {
  await job.moveToDelayed(Date.now() + delayMs, token)
  return new DelayedError()
}

const ClickTick = z.looseObject({ clickId: z.string() })

export function startClickWorker(deps: WorkerDeps, perform: (clickId: string) => Promise<void>): RunningWorker {
  return start(
    CLICK_QUEUE,
    deps,
    { concurrency: 20, removeOnComplete: { count: 0 }, removeOnFail: { count: 0 } },
    async (job, token) => {
      const tick = ClickTick.safeParse(job.data)
      if (!tick.success) return
      try {
        await perform(tick.data.clickId)
      } catch (error) {
        if (error instanceof AppError && error.failure.kind === 'retryable') {
          deps.log.warn({ clickId: tick.data.clickId, err: error }, 'tick-delayed')
          throw await putOff(job, token, error.failure.retryAfterMs)
        }
        deps.log.error({ clickId: tick.data.clickId, err: error }, 'click-failed')
      }
    },
  )
}

/** @param take an AppError `retryable` has the result come again */
export function startActionResultWorker(deps: WorkerDeps, take: (body: unknown) => Promise<void>): RunningWorker {
  return start(
    ACTION_RESULT_QUEUE,
    deps,
    { concurrency: 20, removeOnComplete: { count: 0 }, removeOnFail: { age: 604_800 } },
    async (job, token) => {
      try {
        await take(job.data)
      } catch (error) {
        if (error instanceof AppError && error.failure.kind === 'retryable') {
          deps.log.warn({ jobId: job.id, err: error }, 'action-result-delayed')
          throw await putOff(job, token, error.failure.retryAfterMs)
        }
        deps.log.error({ jobId: job.id, err: error }, 'action-result-broken')
        throw error
      }
    },
  )
}

function start(
  name: string,
  { redis, prefix, log }: WorkerDeps,
  options: Partial<WorkerOptions>,
  process: (job: Job, token: string | undefined) => Promise<void>,
): RunningWorker & { pause: (ms: number) => Promise<void> } {
  const underWay = new InFlight(() => {})
  const perform = (job: Job, token?: string): Promise<void> => {
    const work = process(job, token)
    underWay.add(work)
    return work
  }
  const worker = new Worker(name, perform, {
    connection: redis,
    prefix,
    autorun: false,
    ...TAKE_OVER,
    ...options,
  })
  // Lost connections are reported once by the connection itself.
  worker.on('error', (error) => log.debug({ queue: name, err: error }, 'worker-error'))
  const running = worker.run().catch((error: unknown) => log.error({ queue: name, err: error }, 'worker-stopped'))
  return {
    isRunning: () => worker.isRunning(),
    pause: (ms) => worker.rateLimit(ms),
    async close() {
      if (redis.status === 'ready') {
        await worker.close()
        await running
        return
      }
      // Without Redis no job can be handed back, and an orderly close would wait for it for good.
      worker.close(true).catch(() => {})
      await underWay.idle()
    },
  }
}
