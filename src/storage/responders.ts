import type { Incident } from '../domain/incident.ts'
import { urgencyOf } from '../domain/incident.ts'
import { chunksOf, eachChunk } from './chunks.ts'
import type { Handle } from './schema.ts'
import { statement } from './statement.ts'

/**
 * Who has to deal with an open incident, so that "my incidents" need not read everybody's. Follows the stored snapshot:
 * to be called in the transaction that moves it.
 */
export async function putResponders(trx: Handle, integrationId: string, incident: Incident): Promise<void> {
  const responders = incident.progress === 'Closed' ? [] : (incident.responders ?? [])
  const memberIds = [...new Set(responders.map((person) => person.person_id))]
  const of = { integrationId, incidentId: incident.incident_id }
  const wanted = new Set(memberIds)
  const { rows } = await selectResponders(trx, of)
  const others = rows.map((row) => row.member_id).filter((memberId) => !wanted.has(memberId))
  await eachChunk(others, (chunk) => deleteResponders(trx, { ...of, memberIds: chunk }))
  const rank = { urgency: urgencyOf(incident.incident_severity), start_time: incident.start_time }
  for (const chunk of chunksOf(memberIds)) await insertResponders(trx, { ...of, memberIds: chunk, rank })
}

type IncidentId = { integrationId: string; incidentId: string }
type Of = IncidentId & { memberIds: number[] }

const selectResponders = statement((db, { integrationId, incidentId }: IncidentId) =>
  db
    .selectFrom('responders')
    .select('member_id')
    .where('integration_id', '=', integrationId)
    .where('incident_id', '=', incidentId),
)

const deleteResponders = statement((db, { integrationId, incidentId, memberIds }: Of) =>
  db
    .deleteFrom('responders')
    .where('integration_id', '=', integrationId)
    .where('incident_id', '=', incidentId)
    .where('member_id', 'in', memberIds),
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
