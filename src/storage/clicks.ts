import type { Selectable } from 'kysely'

import type { ClicksTable, Handle } from './schema.ts'

export type Click = Selectable<ClicksTable>

/**
 * Stores the click, unless the same person's press of the same button is pending or done already.
 * @returns the new click, or the earlier one
 */
export async function addClick(
  trx: Handle,
  click: Pick<
    Click,
    | 'id'
    | 'integration_id'
    | 'incident_id'
    | 'out_track_id'
    | 'dingtalk_user_id'
    | 'member_id'
    | 'action'
    | 'minutes'
    | 'revision'
    | 'lease_owner'
    | 'lease_until'
  >,
  nowMs: number,
): Promise<{ click: Click; repeated: boolean }> {
  const activeKey = [
    click.out_track_id,
    click.dingtalk_user_id,
    click.action,
    click.minutes ?? '',
    click.revision,
  ].join('|')
  const row: Click = {
    ...click,
    active_key: activeKey,
    status: 'pending',
    reason: null,
    attempts: 0,
    due_at: click.lease_until,
    created_at: nowMs,
    updated_at: nowMs,
  }
  const inserted = await trx
    .insertInto('clicks')
    .values(row)
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

export async function settleClick(
  trx: Handle,
  id: string,
  outcome:
    | { status: 'done' }
    | { status: 'failed'; reason: string }
    | { status: 'pending'; reason: string; dueAt: number },
  nowMs: number,
): Promise<void> {
  await trx
    .updateTable('clicks')
    .set((eb) => ({
      status: outcome.status,
      reason: outcome.status === 'done' ? null : outcome.reason,
      due_at: outcome.status === 'pending' ? outcome.dueAt : null,
      lease_owner: null,
      lease_until: 0,
      attempts: eb('attempts', '+', 1),
      updated_at: nowMs,
      ...(outcome.status === 'failed' ? { active_key: null } : {}),
    }))
    .where('id', '=', id)
    .execute()
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
