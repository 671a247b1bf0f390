import { type Insertable, type Selectable, sql } from 'kysely'

import type { Handle, ResultsTable } from './schema.ts'
import { statement } from './statement.ts'

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
  await insertResult(trx, { ...result, seq: 0, reported: null, due_at: isDue ? nowMs : null, created_at: nowMs })
}

const insertResult = statement((db, row: Insertable<ResultsTable>) =>
  db
    .insertInto('results')
    .values(row)
    .onConflict((oc) => oc.doNothing()),
)

/** Records of these events have changed. */
export async function touchResults(trx: Handle, events: EventOf[], nowMs: number): Promise<void> {
  const seen = new Set<string>()
  for (const { integration_id: integrationId, event_id: eventId } of events) {
    if (integrationId === null || eventId === null) continue
    const key = JSON.stringify([integrationId, eventId])
    if (seen.has(key)) continue
    seen.add(key)
    await setResultDue(trx, { integrationId, eventId, nowMs })
  }
}

type EventId = { integrationId: string; eventId: string }

const setResultDue = statement((db, { integrationId, eventId, nowMs }: EventId & { nowMs: number }) =>
  db
    .updateTable('results')
    .set({ due_at: nowMs })
    .where('integration_id', '=', integrationId)
    .where('event_id', '=', eventId),
)

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
  const done = await setBegun(trx, {
    integrationId: result.integration_id,
    eventId: result.event_id,
    dueThen: result.due_at,
    change: { due_at: report.postponedTo, seq, reported: begun },
  })
  return (done.numAffectedRows ?? 0n) > 0n ? { seq } : undefined
}

type Begun = EventId & { dueThen: number | null; change: Pick<Result, 'due_at' | 'seq' | 'reported'> }

const setBegun = statement((db, { integrationId, eventId, dueThen, change }: Begun) =>
  db
    .updateTable('results')
    .set(change)
    .where('integration_id', '=', integrationId)
    .where('event_id', '=', eventId)
    .where('due_at', '=', dueThen),
)

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
  await setEnded(trx, {
    integrationId: result.integration_id,
    eventId: result.event_id,
    dueThen,
    change: note === undefined ? {} : { reported: note },
  })
}

type Ended = EventId & { dueThen: number | null; change: { reported?: string } }

const setEnded = statement((db, { integrationId, eventId, dueThen, change }: Ended) =>
  db
    .updateTable('results')
    .set({ ...change, due_at: sql<number | null>`case when due_at = ${dueThen} then null else due_at end` })
    .where('integration_id', '=', integrationId)
    .where('event_id', '=', eventId),
)

export async function countDueResults(db: Handle): Promise<number> {
  const row = await db
    .selectFrom('results')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('due_at', 'is not', null)
    .executeTakeFirstOrThrow()
  return row.count
}
