import { sql } from 'kysely'

import { readAudience } from './audiences.ts'
import { takeUpdateTurns } from './card-turns.ts'
import { eachChunk } from './chunks.ts'
import type { CardsTable, Handle } from './schema.ts'
import { statement } from './statement.ts'
import { URGENT } from './turns.ts'

/**
 * The cards may show this revision; those DingTalk has become due, no sooner than `spacingMs` after their last call.
 * @param change `urgent`: somebody pressed a button and looks at the card
 */
export async function allowRevision(
  trx: Handle,
  outTrackIds: string[],
  change: { rev: number; spacingMs: number; urgent?: boolean },
  nowMs: number,
): Promise<void> {
  const { rev, spacingMs, urgent = false } = change
  const allowed = { rev, spacingMs, nowMs, ...(urgent ? { lane: URGENT } : {}) }
  await takeUpdateTurns(trx, outTrackIds)
  await eachChunk(outTrackIds, (chunk) => setAllowed(trx, { outTrackIds: chunk, ...allowed }))
}

type Allowed = { outTrackIds: string[]; rev: number; spacingMs: number; nowMs: number; lane?: number }

const setAllowed = statement((db, { outTrackIds, rev, spacingMs, nowMs, lane }: Allowed) => {
  const soonest = soonestCall(nowMs, spacingMs)
  return db
    .updateTable('cards')
    .set({
      allowed_rev: sql<number>`case when allowed_rev < ${rev} then ${rev} else allowed_rev end`,
      update_due_at: sql<number | null>`case
        when stage = 'absent' then update_due_at
        when update_due_at is null or update_due_at > ${soonest} then ${soonest}
        else update_due_at end`,
      ...(lane === undefined ? {} : { update_lane: lane }),
      updated_at: nowMs,
    })
    .where('out_track_id', 'in', outTrackIds)
})

function soonestCall(nowMs: number, spacingMs: number) {
  return sql<number>`case when called_at + ${spacingMs} > ${nowMs} then called_at + ${spacingMs} else ${nowMs} end`
}

/** One last PUT is due (见新消息), no sooner than `spacingMs` after the last call; then the card is never touched again. */
export async function freezeCards(trx: Handle, outTrackIds: string[], nowMs: number, spacingMs: number): Promise<void> {
  await takeUpdateTurns(trx, outTrackIds)
  await eachChunk(outTrackIds, (chunk) =>
    trx
      .updateTable('cards')
      .set({ frozen: 1, shown_hash: null, update_due_at: soonestCall(nowMs, spacingMs), updated_at: nowMs })
      .where('out_track_id', 'in', chunk)
      .execute(),
  )
}

/** The card is due no more, nor any placement that waits for it; see `cancelCard` for the records. */
export async function cancelUnsent(trx: Handle, outTrackId: string, reason: string, nowMs: number): Promise<void> {
  await trx
    .updateTable('cards')
    .set({ frozen: 1, deliver_due_at: null, update_due_at: null, updated_at: nowMs })
    .where('out_track_id', '=', outTrackId)
    .execute()
  await trx
    .updateTable('placements')
    .set({ status: 'cancelled', reason, updated_at: nowMs })
    .where('out_track_id', '=', outTrackId)
    .where('status', '=', 'waiting')
    .execute()
}

/**
 * Cards that DingTalk was not asked for yet are made with another template than was meant for them.
 * @returns their names
 */
export async function changeTemplate(
  trx: Handle,
  integrationId: string,
  templateId: { from: string; to: string },
): Promise<string[]> {
  const absent = await trx
    .selectFrom('cards')
    .select(['out_track_id', 'audience'])
    .where('integration_id', '=', integrationId)
    .where('stage', '=', 'absent')
    .where('deliver_due_at', 'is not', null)
    .execute()
  const changed: string[] = []
  for (const row of absent) {
    const audience = readAudience(row.audience)
    if (audience.templateId !== templateId.from) continue
    await trx
      .updateTable('cards')
      .set({ audience: JSON.stringify({ ...audience, templateId: templateId.to }) })
      .where('out_track_id', '=', row.out_track_id)
      .execute()
    changed.push(row.out_track_id)
  }
  return changed
}

/**
 * Written by whoever holds the lease; a holder that lost it changes nothing. Giving the lease back ends the row of those
 * that were lost, unless the change says otherwise.
 */
export async function changeLeased(
  trx: Handle,
  outTrackId: string,
  owner: string,
  change: LeasedChange,
): Promise<boolean> {
  const released: LeasedChange = change.lease_owner === null ? { lost_leases: 0, ...change } : change
  const done = await setLeased(trx, { outTrackId, owner, change: released })
  return (done.numAffectedRows ?? 0n) > 0n
}

type LeasedChange = Partial<
  Pick<
    CardsTable,
    | 'stage'
    | 'frozen'
    | 'shown_rev'
    | 'shown_hash'
    | 'deliver_due_at'
    | 'update_due_at'
    | 'update_lane'
    | 'plain'
    | 'lease_owner'
    | 'lease_until'
    | 'lost_leases'
    | 'called_at'
    | 'failures'
  >
>

const setLeased = statement(
  (db, { outTrackId, owner, change }: { outTrackId: string; owner: string; change: LeasedChange }) =>
    db.updateTable('cards').set(change).where('out_track_id', '=', outTrackId).where('lease_owner', '=', owner),
)
