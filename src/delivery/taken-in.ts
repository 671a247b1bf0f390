import type { Clock } from '../clock.ts'
import { parseIncidentEvent } from '../domain/event.ts'
import type { Db } from '../storage/db.ts'
import { areEntered } from '../storage/inbox.ts'

/** Of each job, in order: whether it was taken in, or put on record as one that never can be. */
export async function areTakenIn(
  { db, clock }: { db: Db; clock: Clock },
  jobs: { jobId: string; body: unknown }[],
): Promise<boolean[]> {
  if (jobs.length === 0) return []
  const deliveries = jobs.map(({ jobId, body }) => {
    const parsed = parseIncidentEvent(body, clock.nowMs())
    const eventId = parsed.kind === 'event' ? parsed.event.eventId : (parsed.eventId ?? '')
    return { jobId, eventId, bodyHash: parsed.bodyHash, contentHash: parsed.contentHash }
  })
  return areEntered(db.read, deliveries)
}
