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

/**
 * Notes a report before it is told, and puts the next look off; whatever changes meanwhile makes the result due at once
 * again. Until `endReport` nobody knows whether it was told.
 * @returns what is to be told under which number; undefined when somebody else is at it
 */
export async function beginReport(
  trx: Handle,
  result: Result,
  report: { note: string; postponedTo: number },
): Promise<{ seq: number } | undefined> {
  const begun = `${BEGUN}${report.note}`
  // The same words again are the same report; other words under its number might be taken for it, and dropped.
  const seq = result.reported === begun ? result.seq : result.seq + 1
  const done = await trx
    .updateTable('results')
    .set({ due_at: report.postponedTo, seq, reported: begun })
    .where('integration_id', '=', result.integration_id)
    .where('event_id', '=', result.event_id)
    .where('due_at', '=', result.due_at)
    .executeTakeFirst()
  return done.numUpdatedRows > 0n ? { seq } : undefined
}

/** Before the note of a report of which nobody knows whether it was told. */
const BEGUN = '~'

/** Whether its last report may or may not have been told. */
export function isInDoubt({ reported }: Pick<Result, 'reported'>): boolean {
  return reported?.startsWith(BEGUN) === true
}

/** It was told, or there is nothing to tell: not due any more, unless a record has changed since it was due then. */
export async function endReport(
  trx: Handle,
  result: Pick<Result, 'integration_id' | 'event_id'>,
  dueThen: number | null,
  note?: string,
): Promise<void> {
  await trx
    .updateTable('results')
    .set({
      due_at: sql<number | null>`case when due_at = ${dueThen} then null else due_at end`,
      ...(note === undefined ? {} : { reported: note }),
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
