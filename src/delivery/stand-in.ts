import { knownSeverity } from '../domain/incident.ts'
import { addCard, type Card } from '../storage/cards.ts'
import type { StoredIncident } from '../storage/incidents.ts'
import { moveRecords } from '../storage/records.ts'
import type { Handle } from '../storage/schema.ts'

/** Another card takes the place of this one and shows the newest state: what waited for the old one waits for it. */
export async function addStandIn(
  trx: Handle,
  old: Card,
  next: Pick<Parameters<typeof addCard>[1], 'outTrackId' | 'replacement' | 'audience' | 'audienceKey' | 'spaces'>,
  stored: StoredIncident,
  nowMs: number,
): Promise<void> {
  await addCard(
    trx,
    {
      ...next,
      integrationId: old.integration_id,
      incidentId: old.incident_id,
      notificationKey: old.notification_key,
      rev: stored.rev,
      urgent: knownSeverity(stored.incident.incident_severity) === 'Critical',
      plain: old.plain,
    },
    nowMs,
  )
  await moveRecords(trx, old.out_track_id, next.outTrackId, nowMs)
}
