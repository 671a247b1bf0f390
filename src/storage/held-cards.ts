import { sql } from 'kysely'

import { takeUpdateTurns } from './card-turns.ts'
import type { Handle } from './schema.ts'
import { URGENT } from './turns.ts'

/** While a press on it is being answered, no PUT of the card may cross the answer. It stays due, lest a crash forget it. */
export async function holdCard(trx: Handle, outTrackId: string, untilMs: number): Promise<void> {
  await trx
    .updateTable('cards')
    .set({
      held_until: sql<number>`case when held_until < ${untilMs} then ${untilMs} else held_until end`,
      update_due_at: sql<number>`coalesce(update_due_at, ${untilMs})`,
    })
    .where('out_track_id', '=', outTrackId)
    .where('stage', '!=', 'absent')
    .where('frozen', '=', 0)
    .execute()
}

/**
 * The answer to a press is out. `shown` when it was all there is to show and everybody who has the card saw it;
 * `dueAt` when nobody knows what the presser's client shows now, so that everybody gets an update; `as-it-was` when the
 * press changed nothing.
 */
export async function releaseCard(
  trx: Handle,
  outTrackId: string,
  after: { shown: { rev: number; hash: string } } | { dueAt: number } | 'as-it-was',
): Promise<void> {
  if (typeof after === 'object' && 'dueAt' in after) await takeUpdateTurns(trx, [outTrackId])
  // One that was replaced meanwhile only has to say so.
  await trx
    .updateTable('cards')
    .set({ held_until: 0 })
    .where('out_track_id', '=', outTrackId)
    .where('frozen', '=', 1)
    .execute()
  const card = trx
    .updateTable('cards')
    .set({ held_until: 0 })
    .where('out_track_id', '=', outTrackId)
    .where('stage', '!=', 'absent')
    .where('frozen', '=', 0)
  if (after === 'as-it-was') {
    // The hold alone had made it due, unless something else is to be shown, or is being done.
    const idle = sql<boolean>`stage = 'present' and lease_owner is null and shown_hash is not null and allowed_rev <= shown_rev`
    const stillDue = sql<number | null>`case when ${idle} then null else update_due_at end`
    await card.set({ update_due_at: stillDue }).execute()
  } else if ('dueAt' in after) {
    await card.set({ shown_hash: null, update_due_at: after.dueAt, update_lane: URGENT }).execute()
  } else {
    const { rev, hash } = after.shown
    const stillDue = sql<number | null>`case when allowed_rev > ${rev} then update_due_at else null end`
    await card.set({ shown_rev: rev, shown_hash: hash, update_due_at: stillDue }).execute()
  }
}
