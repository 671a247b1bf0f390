import { sql } from 'kysely'

import type { Space } from '../domain/card.ts'
import type { Reason } from '../domain/reasons.ts'
import { DETAIL_JOINT, joinNote, OPEN, type OperationRecord, reasonColumns } from './records.ts'
import { touchResults } from './results.ts'
import type { Handle } from './schema.ts'
import { statement } from './statement.ts'

/** What became of it; `detail` is for operators, `msgId` what DingTalk knows it by. */
export type Verdict = {
  status: OperationRecord['status']
  reason?: Reason
  detail?: string | undefined
  msgId?: string | undefined
  /** Joins what is noted already. */
  note?: string | undefined
}

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

/**
 * Nobody will learn whether the card reached this space. A person is told of as not reached, so that they are reached another
 * way; a group is seen by many, and nothing else can be done for it.
 */
export async function settleUnconfirmed(trx: Handle, outTrackId: string, space: Space, nowMs: number): Promise<void> {
  const waits = { outTrackId, kind: space.kind, targetId: space.targetId }
  const status = space.kind === 'person' ? 'failed' : 'success'
  const verdict = { status, reason: 'DELIVERED_UNCONFIRMED', msgId: outTrackId } as const
  const { rows } = await settleCreate(trx, { waits, columns: verdictColumns(verdict, nowMs) })
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

export async function settleRecord(trx: Handle, recordKey: string, verdict: Verdict, nowMs: number): Promise<void> {
  const settled = await trx
    .updateTable('records')
    .set(setVerdict(verdictColumns(verdict, nowMs)))
    .where('record_key', '=', recordKey)
    .returning(['integration_id', 'event_id'])
    .execute()
  await touchResults(trx, settled, nowMs)
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

function setVerdict({ note, detail, ...columns }: VerdictColumns) {
  return {
    ...columns,
    detail: sql<string | null>`case
      when ignored is null then ${detail}
      when ${detail} is null then ignored
      else ${detail} || ${DETAIL_JOINT} || ignored end`,
    ...(note === undefined ? {} : { note: joinNote(note) }),
  }
}
