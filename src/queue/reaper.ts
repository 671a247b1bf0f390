import { type Job, Queue } from 'bullmq'
import type { Redis } from 'ioredis'

import type { Log } from '../log.ts'
import { DELIVER_QUEUE } from './jobs.ts'
import { GAVE_UP } from './workers.ts'

/** What tells of a failed delivery whether it was ever taken in. */
export type FailedDelivery = { jobId: string; body: unknown }

export type Reaper = {
  /** Looks through the next failed deliveries and runs those again that nobody has taken in. @returns how many */
  reap(): Promise<number>
  close(): Promise<void>
}

/** How many failed jobs one round looks at: those on record stay in Redis for days and must not hide the others. */
const ROUND_SIZE = 500
const PAGE_SIZE = 20

/**
 * Deliveries that failed without having been taken in: by the stall limit of another worker, or by an attempt of a
 * producer that allowed only one. A failure of ours leaves its mark in the database first, so `isTakenIn` knows it.
 * @param redis impatient
 * @param isTakenIn answers for each of the jobs, in their order
 */
export function createReaper(
  redis: Redis,
  prefix: string,
  log: Log,
  isTakenIn: (jobs: FailedDelivery[]) => Promise<boolean[]>,
): Reaper {
  // As the producer's queues, and for the same reason.
  const hasty = { skipVersionCheck: true, skipWaitingForReady: true, skipMetasUpdate: true }
  const queue = new Queue(DELIVER_QUEUE, { connection: redis, prefix, ...hasty })
  queue.on('error', () => {})
  let offset = 0
  let isFirstPass = true

  const rerun = async (jobs: Job[]): Promise<number> => {
    // A job that met our own bug for a day is tried again by the next start, which may bring a better program.
    const candidates = jobs.filter((job) => isFirstPass || !job.failedReason?.startsWith(GAVE_UP))
    const taken = await isTakenIn(candidates.map((job) => ({ jobId: job.id ?? 'unknown', body: job.data as unknown })))
    let count = 0
    for (const job of candidates.filter((_, index) => taken[index] === false)) {
      const why = job.failedReason
      // Somebody else may have been quicker.
      const done = await job.retry('failed').then(
        () => true,
        () => false,
      )
      if (!done) continue
      log.warn({ jobId: job.id, why }, 'deliver-rerun')
      count += 1
    }
    return count
  }

  return {
    async reap() {
      let rerunCount = 0
      for (let seen = 0; seen < ROUND_SIZE;) {
        const from = offset
        // A page that cannot be had must not hide those behind it.
        offset += PAGE_SIZE
        const jobs = await queue.getJobs(['failed'], from, from + PAGE_SIZE - 1, true)
        const count = await rerun(jobs.filter((job) => job !== undefined))
        rerunCount += count
        seen += jobs.length
        // Those run again are failed no more, so the others have moved up.
        offset = from + jobs.length - count
        if (jobs.length < PAGE_SIZE) {
          offset = 0
          isFirstPass = false
          break
        }
      }
      return rerunCount
    },
    close: () => queue.close(),
  }
}
