import type { Audience } from '../domain/card.ts'
import { inChunks } from './chunks.ts'
import type { Handle } from './schema.ts'

/** What the newest card of an incident offers to be done beside the usual. */
export type Offer = Pick<Audience, 'snoozeMinutes' | 'customActions'>

/** As stored with cards and missed targets; what was stored before there were custom actions names none. */
export function readAudience(stored: string): Audience {
  return { customActions: [], ...(JSON.parse(stored) as Omit<Audience, 'customActions'>) }
}

/** By incident id; incidents without cards are missing. */
export async function findOffers(
  db: Handle,
  integrationId: string,
  incidentIds: string[],
): Promise<Map<string, Offer>> {
  // All cards of an incident are in one chunk, so that the newest of them stays the last.
  const rows = await inChunks(incidentIds, (chunk) =>
    db
      .selectFrom('cards')
      .select(['incident_id', 'audience'])
      .where('integration_id', '=', integrationId)
      .where('incident_id', 'in', chunk)
      .orderBy('created_at')
      .execute(),
  )
  return new Map(
    rows.map((row) => {
      const { snoozeMinutes, customActions } = readAudience(row.audience)
      return [row.incident_id, { snoozeMinutes, customActions }]
    }),
  )
}
