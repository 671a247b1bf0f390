import { type Selectable, sql } from 'kysely'

import type { Handle, ResultsTable } from './schema.ts'

export type Result = Selectable<ResultsTable>

type EventOf = { integration_id: string | null; event_id: string | null }

/**
 * From here on Flashduty is told what becomes of this event's notification.
 * @param isDue whether something has become of it already; the rest is noticed when its records change
 */
export async function openResult(
  trx: Handle,
  result: Pick<Result, 'integration_id' | 'event_id' | 'incident_id' | 'context'>,
  isDue: boolean,
  nowMs: number,
): Promise<void> {
  await trx
    .insertInto('results')
    .values({ ...result, seq: 0, reported: null, due_at: isDue ? nowMs : null, created_at: nowMs })
    .onConflict((oc) => oc.doNothing())
    .execute()
}

/** Records of these events have changed. */
export async function touchResults(trx: Handle, events: EventOf[], nowMs: number): Promise<void> {
  const seen = new Set<string>()
  for (const { integration_id: integrationId, event_id: eventId } of events) {
    if (integrationId === null || eventId === null) continue
    const key = JSON.stringify([integrationId, eventId])
    if (seen.has(key)) continue
    seen.add(key)
    await trx
      .updateTable('results')
      .set({ due_at: nowMs })
      .where('integration_id', '=', integrationId)
      .where('event_id', '=', eventId)
      .execute()
  }
}

/** Results whose records changed, longest waiting first. */
export async function listDueResults(db: Handle, nowMs: number, limit: number): Promise<Result[]> {
  return db.selectFrom('results').selectAll().where('due_at', '<=', nowMs).orderBy('due_at').limit(limit).execute()
}

/** Puts the next look off; whatever changes meanwhile makes the result due at once again. */
export async function postponeResult(
  trx: Handle,
  result: Pick<Result, 'integration_id' | 'event_id'>,
  untilMs: number,
): Promise<void> {
  await trx
    .updateTable('results')
    .set({ due_at: untilMs })
    .where('integration_id', '=', result.integration_id)
    .where('event_id', '=', result.event_id)
    .execute()
}

/** Nothing is due any more, unless a record has changed since it was postponed. */
export async function settleResult(
  trx: Handle,
  result: Pick<Result, 'integration_id' | 'event_id'> & { postponedTo: number },
  reported?: { seq: number; digest: string },
): Promise<void> {
  await trx
    .updateTable('results')
    .set({
      due_at: sql<number | null>`case when due_at = ${result.postponedTo} then null else due_at end`,
      ...(reported ? { seq: reported.seq, reported: reported.digest } : {}),
    })
    .where('integration_id', '=', result.integration_id)
    .where('event_id', '=', result.event_id)
    .execute()
}

export async function countDueResults(db: Handle): Promise<number> {
  const row = await db
    .selectFrom('results')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('due_at', 'is not', null)
    .executeTakeFirstOrThrow()
  return row.count
}
