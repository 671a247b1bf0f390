import { type Insertable, type Selectable, sql } from 'kysely'

import type { Space } from '../domain/card.ts'
import { type Reason, reasonText } from '../domain/reasons.ts'
import { eachChunk } from './chunks.ts'
import { corporationOf } from './corporation.ts'
import { touchResults } from './results.ts'
import type { Handle, RecordsTable } from './schema.ts'
import { statement } from './statement.ts'

export type OperationRecord = Selectable<RecordsTable>

export type NewRecord = Pick<OperationRecord, 'record_key' | 'kind' | 'target_id' | 'status'> &
  Partial<Omit<OperationRecord, 'failed_reason' | 'reason_code' | 'created_at' | 'updated_at' | 'duplicates'>> & {
    reason?: Reason
  }

/** `ev:…` of an event and its target: the same pair is always the same row. */
export function eventRecordKey(integrationId: string, eventId: string, kind: string, targetId: string): string {
  return `ev:${integrationId}:${eventId}:${kind}:${targetId}`
}

/** One row per (event, target), click or unreadable job. A second one of the same key only counts. */
export async function addRecord(trx: Handle, record: NewRecord, nowMs: number): Promise<void> {
  const { reason, ...columns } = record
  await insertRecord(trx, {
    integration_id: null,
    event_id: null,
    incident_id: null,
    incident_num: null,
    event_type: null,
    fire_type: null,
    rid: null,
    target_name: null,
    member_id: null,
    out_track_id: null,
    rev: null,
    effect: null,
    msg_id: null,
    note: null,
    ignored: null,
    ...columns,
    detail: joinDetail(record.detail ?? null, record.ignored ?? null),
    ...reasonColumns(record.status, reason),
    duplicates: 0,
    created_at: nowMs,
    updated_at: nowMs,
  })
}

const insertRecord = statement((db, row: Insertable<RecordsTable>) =>
  db
    .insertInto('records')
    .values({ ...row, corp_id: corporationOf(row.integration_id ?? null) })
    .onConflict((oc) =>
      oc
        .column('record_key')
        .doUpdateSet((eb) => ({ duplicates: eb('records.duplicates', '+', 1), updated_at: row.updated_at })),
    ),
)

export async function countDuplicate(trx: Handle, recordKey: string, nowMs: number): Promise<void> {
  await trx
    .updateTable('records')
    .set((eb) => ({ duplicates: eb('duplicates', '+', 1), updated_at: nowMs }))
    .where('record_key', '=', recordKey)
    .execute()
}

/** Which targets of an event have a record already, as `kind:target`; people also as `person:member:` and their member id. */
export async function listRecordedTargets(db: Handle, integrationId: string, eventId: string): Promise<Set<string>> {
  const { rows } = await selectTargetsOfEvent(db, { integrationId, eventId })
  return new Set(
    rows.flatMap(({ kind, target_id: id, member_id: memberId }) => [
      `${kind}:${id}`,
      ...(kind === 'person' && memberId !== null ? [`person:member:${memberId}`] : []),
    ]),
  )
}

/** Members about whom anything is on record for the incident. */
export async function listRecordedMembers(db: Handle, integrationId: string, incidentId: string): Promise<Set<number>> {
  const { rows } = await selectMembersOfIncident(db, { integrationId, incidentId })
  return new Set(rows.flatMap(({ member_id: id }) => (id === null ? [] : [id])))
}

const selectMembersOfIncident = statement((db, of: { integrationId: string; incidentId: string }) =>
  db
    .selectFrom('records')
    .select('member_id')
    .distinct()
    .where('incident_id', '=', of.incidentId)
    .where('integration_id', '=', of.integrationId)
    .where('kind', '=', 'person'),
)

type EventId = { integrationId: string; eventId: string }

const selectTargetsOfEvent = statement((db, { integrationId, eventId }: EventId) =>
  db
    .selectFrom('records')
    .select(['kind', 'target_id', 'member_id'])
    .where('event_id', '=', eventId)
    .where('integration_id', '=', integrationId),
)

/** Not settled yet. */
export const OPEN = ['pending', 'retrying'] as const

/**
 * Two rows of one event have turned out to be about one person: the one that stays tells which member they are.
 * @returns false when the row that was to stay is not there; nothing is done then
 */
export async function mergeRecords(
  trx: Handle,
  rows: { kept: string; dropped: string; memberId: number | null },
  nowMs: number,
): Promise<boolean> {
  const kept = await trx
    .updateTable('records')
    .set((eb) => ({ member_id: eb.fn.coalesce('member_id', eb.val(rows.memberId)), updated_at: nowMs }))
    .where('record_key', '=', rows.kept)
    .returning(['integration_id', 'event_id'])
    .execute()
  if (kept.length === 0) return false
  await trx.deleteFrom('records').where('record_key', '=', rows.dropped).execute()
  await touchResults(trx, kept, nowMs)
  return true
}

/** Puts a note on whatever waits for these cards. */
export async function noteOpen(trx: Handle, outTrackIds: string[], note: string): Promise<void> {
  await eachChunk(outTrackIds, (chunk) =>
    trx
      .updateTable('records')
      .set({ note: joinNote(note) })
      .where('out_track_id', 'in', chunk)
      .where('status', 'in', OPEN)
      .execute(),
  )
}

/** Another card stands in: what waited for the old one waits for it. */
export async function moveRecords(trx: Handle, from: string, to: string, nowMs: number): Promise<void> {
  await trx
    .updateTable('records')
    .set({ out_track_id: to, updated_at: nowMs })
    .where('out_track_id', '=', from)
    .where('status', 'in', OPEN)
    .execute()
}

/** What waits for a card in these places waits for another one there. */
export async function moveRecordsOf(
  trx: Handle,
  move: { from: string; to: string; spaces: Space[] },
  nowMs: number,
): Promise<void> {
  for (const { kind, targetId } of move.spaces) {
    await trx
      .updateTable('records')
      .set({ out_track_id: move.to, updated_at: nowMs })
      .where('out_track_id', '=', move.from)
      .where('kind', '=', kind)
      .where('target_id', '=', targetId)
      .where('status', 'in', OPEN)
      .execute()
  }
}

export async function listRecordsOfEvent(
  db: Handle,
  integrationId: string,
  eventId: string,
): Promise<OperationRecord[]> {
  return (await selectRecordsOfEvent(db, { integrationId, eventId })).rows
}

const selectRecordsOfEvent = statement((db, { integrationId, eventId }: EventId) =>
  db
    .selectFrom('records')
    .selectAll()
    .where('event_id', '=', eventId)
    .where('integration_id', '=', integrationId)
    .orderBy('record_key'),
)

/** The column `note` with this note beside what is noted already, once. */
export function joinNote(note: string) {
  return sql<string>`case when note is null then ${note} when note like '%' || ${note} || '%' then note else note || ', ' || ${note} end`
}

/** What operators are told, with the parts of the body that were left out behind it. */
function joinDetail(detail: string | null, ignored: string | null): string | null {
  return [detail, ignored].filter(Boolean).join(DETAIL_JOINT) || null
}

export const DETAIL_JOINT = ' · '

/** What stands beside a status: the code, and for Flashduty its words. */
export function reasonColumns(status: OperationRecord['status'], reason: Reason | undefined) {
  return {
    reason_code: reason ?? null,
    // Flashduty's shape: present exactly when the delivery failed.
    failed_reason: status === 'failed' && reason ? reasonText(reason) : null,
  }
}
