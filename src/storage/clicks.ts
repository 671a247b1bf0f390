import type { Insertable, Selectable } from 'kysely'

import { repeatsFor } from '../domain/click.ts'
import type { Action } from '../domain/button.ts'
import { corporationOf } from './corporation.ts'
import type { ClicksTable, Handle } from './schema.ts'

export type Click = Selectable<ClicksTable>

/** Two presses of the same kind within this time are one, though the first may have drawn the button anew meanwhile. */
const COLLAPSE_MS = 3_000

export type NewClick = Pick<
  Click,
  | 'id'
  | 'integration_id'
  | 'incident_id'
  | 'out_track_id'
  | 'dingtalk_user_id'
  | 'member_id'
  | 'member_name'
  | 'minutes'
  | 'custom_id'
  | 'comment'
  | 'revision'
  | 'lease_owner'
  | 'lease_until'
> & { action: Action; /** Of a page's form: the same form twice is one act. */ formToken?: string }

/**
 * Stores the click, unless the same person's press of the same button is pending or done already.
 * @returns the new click, or the earlier one
 */
export async function addClick(
  trx: Handle,
  { formToken, ...click }: NewClick,
  nowMs: number,
): Promise<{ click: Click; repeated: boolean }> {
  const what = [click.action, click.minutes ?? click.custom_id ?? '']
  const repeatMs = Math.max(repeatsFor(click.action), COLLAPSE_MS)
  // Such an act draws the card anew, under the finger of whoever taps twice.
  const drawnAt = repeatsFor(click.action) < COLLAPSE_MS ? '' : click.revision
  const onCard = [click.out_track_id, click.dingtalk_user_id, ...what]
  const activeKey = (
    formToken === undefined
      ? [...onCard, drawnAt]
      : ['page', click.dingtalk_user_id, click.incident_id, ...what, formToken]
  ).join('|')
  if (formToken === undefined && repeatMs < Infinity) {
    await freeKey(trx, activeKey, nowMs - repeatMs)
    const tapped = await findTapped(trx, click, nowMs - COLLAPSE_MS)
    if (tapped) return { click: tapped, repeated: true }
  }
  const row: Insertable<ClicksTable> = {
    ...click,
    active_key: activeKey,
    status: 'pending',
    reason: null,
    detail: null,
    attempts: 0,
    due_at: click.lease_until,
    sent_at: null,
    source: formToken === undefined ? 'card' : 'page',
    told_working: 0,
    created_at: nowMs,
    updated_at: nowMs,
  }
  const inserted = await trx
    .insertInto('clicks')
    .values({ ...row, corp_id: corporationOf(click.integration_id) })
    .onConflict((oc) => oc.column('active_key').doNothing())
    .returningAll()
    .executeTakeFirst()
  if (inserted) return { click: inserted, repeated: false }
  const earlier = await trx
    .selectFrom('clicks')
    .selectAll()
    .where('active_key', '=', activeKey)
    .executeTakeFirstOrThrow()
  return { click: earlier, repeated: true }
}

/** A press of the same kind by the same person on the same card a moment ago, that is pending or done. */
async function findTapped(
  trx: Handle,
  click: Omit<NewClick, 'formToken'>,
  sinceMs: number,
): Promise<Click | undefined> {
  return trx
    .selectFrom('clicks')
    .selectAll()
    .where('incident_id', '=', click.incident_id)
    .where('integration_id', '=', click.integration_id)
    .where('out_track_id', '=', click.out_track_id)
    .where('dingtalk_user_id', '=', click.dingtalk_user_id)
    .where('action', '=', click.action)
    .where('custom_id', 'is', click.custom_id)
    .where('active_key', 'is not', null)
    .where('created_at', '>', sinceMs)
    .limit(1)
    .executeTakeFirst()
}

async function freeKey(trx: Handle, activeKey: string, untilMs: number): Promise<void> {
  await trx
    .updateTable('clicks')
    .set({ active_key: null })
    .where('active_key', '=', activeKey)
    .where('status', '=', 'done')
    .where('created_at', '<=', untilMs)
    .execute()
}

export async function findClick(db: Handle, id: string): Promise<Click | undefined> {
  return db.selectFrom('clicks').selectAll().where('id', '=', id).executeTakeFirst()
}

/** The click, leased, when it still waits for Flashduty and nobody else is at it. */
export async function claimClick(
  trx: Handle,
  id: string,
  lease: { owner: string; nowMs: number; untilMs: number },
): Promise<Click | undefined> {
  return trx
    .updateTable('clicks')
    .set({ lease_owner: lease.owner, lease_until: lease.untilMs, due_at: lease.untilMs })
    .where('id', '=', id)
    .where('status', '=', 'pending')
    .where('due_at', '<=', lease.nowMs)
    .where('lease_until', '<=', lease.nowMs)
    .returningAll()
    .executeTakeFirst()
}

/** From here on nobody can know whether it was done until an answer comes. */
export async function markSent(trx: Handle, id: string, nowMs: number): Promise<void> {
  await trx.updateTable('clicks').set({ sent_at: nowMs }).where('id', '=', id).execute()
}

/** Somebody else carries it out and will say so; until then nobody holds it. */
export async function handOver(trx: Handle, id: string, lookAgainAt: number): Promise<void> {
  await trx
    .updateTable('clicks')
    .set({ due_at: lookAgainAt, lease_owner: null, lease_until: 0 })
    .where('id', '=', id)
    .where('status', '=', 'pending')
    .execute()
}

/** The person was told that it is being worked on. @returns whether it still is */
export async function markToldWorking(trx: Handle, id: string): Promise<boolean> {
  const done = await trx
    .updateTable('clicks')
    .set({ told_working: 1 })
    .where('id', '=', id)
    .where('status', '=', 'pending')
    .executeTakeFirst()
  return done.numUpdatedRows > 0n
}

/** @returns the click as it is now; undefined when it had come to its end before */
export async function settleClick(
  trx: Handle,
  id: string,
  outcome:
    | { status: 'done' }
    | { status: 'failed'; reason: string; detail?: string | undefined }
    | { status: 'pending'; reason: string; dueAt: number },
  nowMs: number,
): Promise<Click | undefined> {
  return trx
    .updateTable('clicks')
    .set((eb) => ({
      status: outcome.status,
      reason: outcome.status === 'done' ? null : outcome.reason,
      due_at: outcome.status === 'pending' ? outcome.dueAt : null,
      lease_owner: null,
      lease_until: 0,
      attempts: eb('attempts', '+', 1),
      updated_at: nowMs,
      // What is tried again was not done.
      ...(outcome.status === 'pending' ? { sent_at: null } : {}),
      ...(outcome.status === 'failed'
        ? {
            detail: outcome.detail ?? null,
            // The button may be pressed again; the answer to a form stands.
            active_key: eb.case().when('source', '=', 'page').then(eb.ref('active_key')).else(null).end(),
          }
        : {}),
    }))
    .where('id', '=', id)
    .where('status', '=', 'pending')
    .returningAll()
    .executeTakeFirst()
}

/** Clicks that Flashduty has not answered yet, and when each may be tried. */
export async function listDueClicks(db: Handle, untilMs: number): Promise<{ id: string; dueAt: number }[]> {
  const rows = await db
    .selectFrom('clicks')
    .select(['id', 'due_at', 'lease_until'])
    .where('due_at', '<=', untilMs)
    .execute()
  return rows.map((row) => ({ id: row.id, dueAt: Math.max(row.due_at ?? 0, row.lease_until) }))
}
