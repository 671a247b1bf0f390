import type { Audience } from '../domain/card.ts'
import type { Handle } from './schema.ts'

/** Live cards of open incidents whose presses return another way than they are to, oldest first. */
export async function listMisdirectedCards(
  trx: Handle,
  integrationId: string,
  wanted: Audience['callbackType'],
  limit: number,
): Promise<{ outTrackId: string; incidentId: string }[]> {
  const rows = await trx
    .selectFrom('cards')
    .innerJoin('incidents', (join) =>
      join
        .onRef('incidents.integration_id', '=', 'cards.integration_id')
        .onRef('incidents.incident_id', '=', 'cards.incident_id'),
    )
    .select(['cards.out_track_id', 'cards.incident_id'])
    .where('cards.integration_id', '=', integrationId)
    .where('cards.frozen', '=', 0)
    .where('cards.stage', '!=', 'gone')
    .where('incidents.progress', '!=', 'Closed')
    // Audiences are JSON text of our own making.
    .where('cards.audience', 'not like', `%"callbackType":"${wanted}"%`)
    .orderBy('cards.created_at')
    .orderBy('cards.out_track_id')
    .limit(limit)
    .execute()
  return rows.map((row) => ({ outTrackId: row.out_track_id, incidentId: row.incident_id }))
}

export async function changeAudience(trx: Handle, outTrackId: string, audience: Audience): Promise<void> {
  await trx
    .updateTable('cards')
    .set({ audience: JSON.stringify(audience) })
    .where('out_track_id', '=', outTrackId)
    .execute()
}

/** Places that the card has not gone to, and will not any more. */
export async function cancelWaiting(trx: Handle, outTrackId: string, nowMs: number): Promise<void> {
  await trx
    .updateTable('placements')
    .set({ status: 'cancelled', updated_at: nowMs })
    .where('out_track_id', '=', outTrackId)
    .where('status', '=', 'waiting')
    .execute()
}
