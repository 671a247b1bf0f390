import type { Handle } from './schema.ts'

/** Incidents that a live card shows open, by id: those after that one. */
export async function listIncidentsShownOpen(
  db: Handle,
  integrationId: string,
  afterId: string,
  limit: number,
): Promise<string[]> {
  const rows = await db
    .selectFrom('incidents')
    .select('incident_id')
    .where('integration_id', '=', integrationId)
    .where('incident_id', '>', afterId)
    .where('progress', '!=', 'Closed')
    .where('gone', '=', 0)
    .where((eb) =>
      eb.exists(
        eb
          .selectFrom('cards')
          .select('out_track_id')
          .whereRef('cards.integration_id', '=', 'incidents.integration_id')
          .whereRef('cards.incident_id', '=', 'incidents.incident_id')
          .where('frozen', '=', 0),
      ),
    )
    .orderBy('incident_id')
    .limit(limit)
    .execute()
  return rows.map((row) => row.incident_id)
}
