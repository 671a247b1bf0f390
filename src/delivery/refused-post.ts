import type { Clock } from '../clock.ts'
import { digest } from '../domain/ids.ts'
import type { Log } from '../log.ts'
import type { Db } from '../storage/db.ts'
import { addRecord } from '../storage/records.ts'

export type RefusedPost = {
  /** That it was answered with. */
  status: number
  path: string
  why: string
  address: string
  eventId?: string
  incidentId?: string
  /** It is on record already. */
  recorded: boolean
}

/**
 * Tells of a post that was refused though its sender is the right one: in the log, in the metrics and, where it is known
 * whom it was about, in the operation records. What cannot be stored is in the log only.
 */
export function createNoteRefused(deps: { db: Db; clock: Clock; log: Log; count: (status: number) => void }) {
  return async ({ recorded, ...post }: RefusedPost): Promise<void> => {
    deps.log.warn(post, 'post-refused')
    deps.count(post.status)
    const { eventId, incidentId, status } = post
    if (recorded || (eventId === undefined && incidentId === undefined)) return
    const id = `refused-${status}-${digest(24, eventId ?? '', incidentId ?? '')}`
    const record = {
      record_key: `job:${id}`,
      kind: 'job',
      target_id: id,
      status: 'failed',
      reason: 'INVALID_PAYLOAD',
      detail: `HTTP ${status} ${post.path}: ${post.why}`,
      event_id: eventId ?? null,
      incident_id: incidentId ?? null,
    } as const
    try {
      await deps.db.write((trx) => addRecord(trx, record, deps.clock.nowMs()))
    } catch (error) {
      deps.log.error({ eventId, incidentId, err: error }, 'refused-post-not-recorded')
    }
  }
}
