import { isProof, type News } from '../domain/click.ts'
import type { Action } from '../domain/button.ts'
import { settleClick } from './clicks.ts'
import { releaseCard } from './held-cards.ts'
import type { Handle } from './schema.ts'
import { settleRecord } from './settle-records.ts'

/**
 * Presses that still wait for Flashduty's answer and that its news proves to have been done: settled at once, and their cards
 * drawn anew for everybody.
 * @returns the cards
 */
export async function proveClicks(
  trx: Handle,
  { integrationId, incidentId }: { integrationId: string; incidentId: string },
  news: News,
  { nowMs, dueAt }: { nowMs: number; dueAt: number },
): Promise<string[]> {
  const pending = await trx
    .selectFrom('clicks')
    .select(['id', 'out_track_id', 'action', 'custom_id', 'minutes', 'member_id', 'created_at'])
    .where('integration_id', '=', integrationId)
    .where('incident_id', '=', incidentId)
    .where('status', '=', 'pending')
    .execute()
  const cards: string[] = []
  for (const row of pending) {
    const click = {
      action: row.action as Action,
      minutes: row.minutes ?? undefined,
      customId: row.custom_id ?? undefined,
      memberId: row.member_id,
      pressedAt: Math.floor(row.created_at / 1_000),
    }
    if (!isProof(click, news) || !(await settleClick(trx, row.id, { status: 'done' }, nowMs))) continue
    await settleRecord(trx, `click:${row.id}`, { status: 'success' }, nowMs)
    if (row.out_track_id === '') continue
    await releaseCard(trx, row.out_track_id, { dueAt })
    cards.push(row.out_track_id)
  }
  return cards
}
