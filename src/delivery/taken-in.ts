import { parseIncidentEvent } from '../domain/event.ts'
import type { Db } from '../storage/db.ts'
import { findTakenIn } from '../storage/inbox.ts'

/** Of each job, in order: whether it was taken in, or put on record as one that never can be. */
export async function areTakenIn(db: Db, jobs: { jobId: string; body: unknown }[]): Promise<boolean[]> {
  const idsOf = jobs.map(({ jobId, body }) => [`job:${jobId}`, eventIdOf(body)].filter((id) => id !== undefined))
  const known = await findTakenIn(db.read, idsOf.flat())
  return idsOf.map((ids) => ids.some((id) => known.has(id)))
}

function eventIdOf(body: unknown): string | undefined {
  const parsed = parseIncidentEvent(body)
  return parsed.kind === 'event' ? parsed.event.eventId : parsed.eventId
}
