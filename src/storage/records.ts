import { type Insertable, type Selectable, sql } from 'kysely'

import type { Space } from '../domain/card.ts'
import { type Reason, reasonText } from '../domain/reasons.ts'
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
    detail: null,
    note: null,
    ...columns,
    ...reasonColumns(record.status, reason),
    duplicates: 0,
    created_at: nowMs,
    updated_at: nowMs,
  })
}

const insertRecord = statement((db, row: Insertable<RecordsTable>) =>
  db
    .insertInto('records')
    .values(row)
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

type EventId = { integrationId: string; eventId: string }

const selectTargetsOfEvent = statement((db, { integrationId, eventId }: EventId) =>
  db
    .selectFrom('records')
    .select(['kind', 'target_id', 'member_id'])
    .where('event_id', '=', eventId)
    .where('integration_id', '=', integrationId),
)

export type Verdict = {
  status: OperationRecord['status']
  reason?: Reason
  detail?: string | undefined
  msgId?: string | undefined
  /** Joins what is noted already. */
  note?: string | undefined
}

const OPEN = ['pending', 'retrying'] as const

/** The card reached this space, or will not: settles the record that waits for it, and whatever the drawn face covers. */
export async function settleDelivery(
  trx: Handle,
  card: { outTrackId: string; drawnRev: number },
  space: Space,
  verdict: Verdict,
  nowMs: number,
): Promise<void> {
  const waits = { outTrackId: card.outTrackId, kind: space.kind, targetId: space.targetId }
  const columns = verdictColumns(verdict, nowMs)
  const { rows } =
    verdict.status === 'success'
      ? await settleReached(trx, { waits, columns, drawnRev: card.drawnRev })
      : await (isFinal(verdict) ? settleSpace : settleCreate)(trx, { waits, columns })
  await touchResults(trx, rows, nowMs)
}

function isFinal({ status }: Verdict): boolean {
  return status === 'failed' || status === 'skipped'
}

type Waits = { outTrackId: string; kind: Space['kind']; targetId: string }
type SpaceVerdict = { waits: Waits; columns: VerdictColumns }

function openOfSpace(db: Handle, { outTrackId, kind, targetId }: Waits) {
  return db
    .updateTable('records')
    .where('out_track_id', '=', outTrackId)
    .where('kind', '=', kind)
    .where('target_id', '=', targetId)
    .where('status', 'in', OPEN)
    .returning(['integration_id', 'event_id'])
}

const settleCreate = statement((db, { waits, columns }: SpaceVerdict) =>
  openOfSpace(db, waits).set(setVerdict(columns)).where('effect', '=', 'create'),
)

const settleSpace = statement((db, { waits, columns }: SpaceVerdict) =>
  openOfSpace(db, waits).set(setVerdict(columns)).where('effect', 'in', ['create', 'update']),
)

/** What came up to the drawn revision is seen with it. */
const settleReached = statement((db, { waits, columns, drawnRev }: SpaceVerdict & { drawnRev: number }) =>
  openOfSpace(db, waits)
    .set(setVerdict(columns))
    .set({
      status: sql<OperationRecord['status']>`case effect when 'create' then ${columns.status} else 'updated' end`,
      ...(columns.msg_id === undefined
        ? {}
        : { msg_id: sql<string | null>`case effect when 'create' then ${columns.msg_id} else msg_id end` }),
      ...(columns.note === undefined
        ? {}
        : { note: sql<string | null>`case effect when 'create' then ${joinNote(columns.note)} else note end` }),
    })
    .where((eb) =>
      eb.or([eb('effect', '=', 'create'), eb.and([eb('effect', '=', 'update'), eb('rev', '<=', drawnRev)])]),
    ),
)

/** A PUT (or the knowledge that none is needed) covers every event up to the drawn revision. */
export async function settleUpdates(
  trx: Handle,
  card: { outTrackId: string; drawnRev: number },
  verdict: Verdict,
  nowMs: number,
): Promise<void> {
  const { rows } = await settleDrawn(trx, { ...card, columns: verdictColumns(verdict, nowMs) })
  await touchResults(trx, rows, nowMs)
}

type Drawn = { outTrackId: string; drawnRev: number; columns: VerdictColumns }

const settleDrawn = statement((db, { outTrackId, drawnRev, columns }: Drawn) =>
  db
    .updateTable('records')
    .set(setVerdict(columns))
    .where('out_track_id', '=', outTrackId)
    .where('effect', '=', 'update')
    .where('rev', '<=', drawnRev)
    .where('status', 'in', OPEN)
    .returning(['integration_id', 'event_id']),
)

/** Whatever still waits for the card, of all its targets. */
export async function settleOpen(trx: Handle, outTrackId: string, verdict: Verdict, nowMs: number): Promise<void> {
  const settled = await trx
    .updateTable('records')
    .set(setVerdict(verdictColumns(verdict, nowMs)))
    .where('out_track_id', '=', outTrackId)
    .where('status', 'in', OPEN)
    .returning(['integration_id', 'event_id'])
    .execute()
  await touchResults(trx, settled, nowMs)
}

/** Whom it is about can be told after all. */
export async function reopenRecord(
  trx: Handle,
  recordKey: string,
  waits: { outTrackId: string; rev: number; targetId: string; targetName: string | null },
  nowMs: number,
): Promise<void> {
  const reopened = await trx
    .updateTable('records')
    .set({
      ...setVerdict(verdictColumns({ status: 'pending' }, nowMs)),
      out_track_id: waits.outTrackId,
      rev: waits.rev,
      effect: 'create',
      target_id: waits.targetId,
      ...(waits.targetName === null ? {} : { target_name: waits.targetName }),
    })
    .where('record_key', '=', recordKey)
    .returning(['integration_id', 'event_id'])
    .execute()
  await touchResults(trx, reopened, nowMs)
}

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
  if (outTrackIds.length === 0) return
  await trx
    .updateTable('records')
    .set({ note: joinNote(note) })
    .where('out_track_id', 'in', outTrackIds)
    .where('status', 'in', OPEN)
    .execute()
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

export async function settleRecord(trx: Handle, recordKey: string, verdict: Verdict, nowMs: number): Promise<void> {
  const settled = await trx
    .updateTable('records')
    .set(setVerdict(verdictColumns(verdict, nowMs)))
    .where('record_key', '=', recordKey)
    .returning(['integration_id', 'event_id'])
    .execute()
  await touchResults(trx, settled, nowMs)
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

/** All that is given has to hold. */
export type RecordFilter = {
  /** Id or short number. */
  incident?: string
  target?: string
  /** DingTalk user, Flashduty member or name. */
  person?: string
  /** openConversationId or title. */
  group?: string
  status?: string
  /** Epoch ms. */
  since?: number
  until?: number
  limit: number
}

/** Newest first; a group goes by its current title. */
export async function listRecords(db: Handle, filter: RecordFilter): Promise<OperationRecord[]> {
  const rows = await db
    .selectFrom('records')
    .leftJoin('groups', (join) =>
      join
        .onRef('groups.integration_id', '=', 'records.integration_id')
        .onRef('groups.open_conversation_id', '=', 'records.target_id'),
    )
    .selectAll('records')
    .select('groups.title as group_title')
    .$if(filter.incident !== undefined, (query) =>
      query.where((eb) =>
        eb.or([
          eb('records.incident_id', '=', filter.incident ?? ''),
          eb('records.incident_num', '=', filter.incident ?? ''),
        ]),
      ),
    )
    .$if(filter.person !== undefined, (query) =>
      query
        .where('records.kind', 'in', ['person', 'action'])
        .where((eb) =>
          eb.or([
            eb('records.target_id', '=', filter.person ?? ''),
            eb('records.target_name', '=', filter.person ?? ''),
            ...(/^\d{1,15}$/.test(filter.person ?? '') ? [eb('records.member_id', '=', Number(filter.person))] : []),
          ]),
        ),
    )
    .$if(filter.group !== undefined, (query) =>
      query
        .where('records.kind', '=', 'group')
        .where((eb) =>
          eb.or([
            eb('records.target_id', '=', filter.group ?? ''),
            eb('records.target_name', '=', filter.group ?? ''),
            eb('groups.title', '=', filter.group ?? ''),
          ]),
        ),
    )
    .$if(filter.since !== undefined, (query) => query.where('records.created_at', '>=', filter.since ?? 0))
    .$if(filter.until !== undefined, (query) => query.where('records.created_at', '<', filter.until ?? 0))
    .$if(filter.target !== undefined, (query) => query.where('records.target_id', '=', filter.target ?? ''))
    .$if(filter.status !== undefined, (query) =>
      query.where('records.status', '=', filter.status as OperationRecord['status']),
    )
    .orderBy('records.created_at', 'desc')
    .orderBy('records.record_key')
    .limit(filter.limit)
    .execute()
  return rows.map(({ group_title: groupTitle, ...row }) => ({ ...row, target_name: groupTitle ?? row.target_name }))
}

type VerdictColumns = {
  status: OperationRecord['status']
  reason_code: string | null
  failed_reason: string | null
  detail: string | null
  msg_id?: string
  /** Joins what is noted already. */
  note?: string
  updated_at: number
}

function verdictColumns(verdict: Verdict, nowMs: number): VerdictColumns {
  return {
    status: verdict.status,
    ...reasonColumns(verdict.status, verdict.reason),
    detail: verdict.detail ?? null,
    ...(verdict.msgId === undefined ? {} : { msg_id: verdict.msgId }),
    ...(verdict.note === undefined ? {} : { note: verdict.note }),
    updated_at: nowMs,
  }
}

function setVerdict({ note, ...columns }: VerdictColumns) {
  return { ...columns, ...(note === undefined ? {} : { note: joinNote(note) }) }
}

function joinNote(note: string) {
  return sql<string>`case when note is null then ${note} when note like '%' || ${note} || '%' then note else note || ', ' || ${note} end`
}

function reasonColumns(status: OperationRecord['status'], reason: Reason | undefined) {
  return {
    reason_code: reason ?? null,
    // Flashduty's shape: present exactly when the delivery failed.
    failed_reason: status === 'failed' && reason ? reasonText(reason) : null,
  }
}
