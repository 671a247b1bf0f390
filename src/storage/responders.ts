import type { Incident } from '../domain/incident.ts'
import { urgencyOf } from '../domain/incident.ts'
import type { Handle } from './schema.ts'
import { statement } from './statement.ts'

/**
 * Who has to deal with an open incident, so that "my incidents" need not read everybody's. Follows the stored snapshot:
 * to be called in the transaction that moves it.
 */
export async function putResponders(trx: Handle, integrationId: string, incident: Incident): Promise<void> {
  const responders = incident.progress === 'Closed' ? [] : (incident.responders ?? [])
  const memberIds = [...new Set(responders.map((person) => person.person_id))]
  const of = { integrationId, incidentId: incident.incident_id, memberIds }
  await removeOthers(trx, of)
  if (memberIds.length === 0) return
  const rank = { urgency: urgencyOf(incident.incident_severity), start_time: incident.start_time }
  await insertResponders(trx, { ...of, rank })
}

type Of = { integrationId: string; incidentId: string; memberIds: number[] }

const removeOthers = statement((db, { integrationId, incidentId, memberIds }: Of) =>
  db
    .deleteFrom('responders')
    .where('integration_id', '=', integrationId)
    .where('incident_id', '=', incidentId)
    .$if(memberIds.length > 0, (query) => query.where('member_id', 'not in', memberIds)),
)

const insertResponders = statement(
  (db, { integrationId, incidentId, memberIds, rank }: Of & { rank: { urgency: number; start_time: number } }) =>
    db
      .insertInto('responders')
      .values(
        memberIds.map((memberId) => ({
          integration_id: integrationId,
          incident_id: incidentId,
          member_id: memberId,
          ...rank,
        })),
      )
      .onConflict((oc) => oc.columns(['integration_id', 'incident_id', 'member_id']).doUpdateSet(rank)),
)
