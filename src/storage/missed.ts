import type { Selectable } from 'kysely'

import type { Audience } from '../domain/card.ts'
import { type Incident, passesSeverity } from '../domain/incident.ts'
import { readAudience } from './audiences.ts'
import type { Handle, MissedTable } from './schema.ts'
import { statement } from './statement.ts'

/** A target that could not be told because it was not there yet: a member without a link, a group without the cool app. */
export type Missed = Omit<Selectable<MissedTable>, 'audience'> & { audience: Audience }

/** Of several notifications of an incident the newest is what a late joiner gets. */
export async function addMissed(trx: Handle, missed: Missed): Promise<void> {
  const row = { ...missed, audience: JSON.stringify(missed.audience) }
  await trx
    .insertInto('missed')
    .values(row)
    .onConflict((oc) => oc.columns(['integration_id', 'incident_id', 'kind', 'target_id']).doUpdateSet(row))
    .execute()
}

type MissedId = Pick<Missed, 'integration_id' | 'incident_id' | 'kind' | 'target_id'>

/** The incident has become as severe as some targets wait for: from now on they wait for nothing but being there. */
export async function releaseMissed(trx: Handle, integrationId: string, incident: Incident): Promise<void> {
  const { rows } = await selectSeverities(trx, { integrationId, incidentId: incident.incident_id })
  for (const { kind, target_id: targetId, severities } of rows) {
    if (!passesSeverity(JSON.parse(severities ?? '[]') as string[], incident.incident_severity)) continue
    await trx
      .updateTable('missed')
      .set({ severities: null })
      .where('integration_id', '=', integrationId)
      .where('incident_id', '=', incident.incident_id)
      .where('kind', '=', kind)
      .where('target_id', '=', targetId)
      .execute()
  }
}

const selectSeverities = statement((db, of: { integrationId: string; incidentId: string }) =>
  db
    .selectFrom('missed')
    .select(['kind', 'target_id', 'severities'])
    .where('integration_id', '=', of.integrationId)
    .where('incident_id', '=', of.incidentId)
    .where('severities', 'is not', null),
)

/** Targets of open incidents that are there by now. */
export async function listJoinable(db: Handle, nowMs: number, limit: number): Promise<MissedId[]> {
  return db
    .selectFrom('missed')
    .innerJoin('incidents', (join) =>
      join
        .onRef('incidents.integration_id', '=', 'missed.integration_id')
        .onRef('incidents.incident_id', '=', 'missed.incident_id')
        .on('incidents.progress', '!=', 'Closed'),
    )
    .leftJoin('account_links', (join) =>
      join
        .onRef('account_links.integration_id', '=', 'missed.integration_id')
        .onRef('account_links.member_id', '=', 'missed.member_id')
        .on('account_links.suspended_at', 'is', null),
    )
    .leftJoin('groups', (join) =>
      join
        .onRef('groups.integration_id', '=', 'missed.integration_id')
        .onRef('groups.open_conversation_id', '=', 'missed.target_id')
        .on('groups.status', 'in', ['installed', 'robot']),
    )
    .select(['missed.integration_id', 'missed.incident_id', 'missed.kind', 'missed.target_id'])
    .where((eb) =>
      eb.or([eb('account_links.dingtalk_user_id', 'is not', null), eb('groups.open_conversation_id', 'is not', null)]),
    )
    .where('missed.severities', 'is', null)
    .where((eb) => eb.or([eb('missed.expires_at', 'is', null), eb('missed.expires_at', '>', nowMs)]))
    .orderBy('missed.created_at')
    .limit(limit)
    .execute()
}

/** Takes the row out; undefined when somebody else did. */
export async function takeMissed(trx: Handle, id: MissedId): Promise<Missed | undefined> {
  const row = await trx
    .deleteFrom('missed')
    .where('integration_id', '=', id.integration_id)
    .where('incident_id', '=', id.incident_id)
    .where('kind', '=', id.kind)
    .where('target_id', '=', id.target_id)
    .returningAll()
    .executeTakeFirst()
  return row && { ...row, audience: readAudience(row.audience) }
}

/** Whoever joins after an incident is closed has missed nothing to act on. */
export async function trimMissed(trx: Handle, nowMs: number): Promise<void> {
  await trx
    .deleteFrom('missed')
    .where((eb) =>
      eb.or([
        eb('expires_at', '<=', nowMs),
        eb.exists(
          eb
            .selectFrom('incidents')
            .select('incidents.incident_id')
            .whereRef('incidents.integration_id', '=', 'missed.integration_id')
            .whereRef('incidents.incident_id', '=', 'missed.incident_id')
            .where('incidents.progress', '=', 'Closed'),
        ),
      ]),
    )
    .execute()
}
