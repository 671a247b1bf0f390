import { sql } from 'kysely'

import type { Incident, IncidentVersion, LastAct } from '../domain/incident.ts'
import type { Handle } from './schema.ts'

export type StoredIncident = {
  integrationId: string
  incidentId: string
  rev: number
  version: IncidentVersion
  incident: Incident
  lastAct: LastAct | undefined
  snoozeOver: boolean
}

/**
 * Moves the stored incident forward when the snapshot is newer, and locks it for the rest of the transaction either way.
 * @returns the incident as it is stored now, and whether this snapshot is what moved it
 */
export async function advanceIncident(
  trx: Handle,
  snapshot: {
    integrationId: string
    incident: Incident
    version: IncidentVersion
    lastAct: LastAct | undefined
    /** A snapshot of the very version stored may take its place as long as this revision is still the stored one. */
    replacesRev?: number
  },
  nowMs: number,
): Promise<StoredIncident & { advanced: boolean }> {
  const { integrationId, incident, version, lastAct } = snapshot
  const snoozedUntil = incident.snoozed_before > 0 ? incident.snoozed_before * 1000 : null
  const values = {
    version_updated_at: version.updatedAt,
    version_event_time: version.eventTime,
    version_event_id: version.eventId,
    progress: incident.progress,
    snapshot: JSON.stringify(incident),
    snoozed_until: snoozedUntil,
    updated_at: nowMs,
  }
  const done = await trx
    .insertInto('incidents')
    .values({
      ...values,
      integration_id: integrationId,
      incident_id: incident.incident_id,
      rev: 1,
      last_act: lastAct ? JSON.stringify(lastAct) : null,
      snooze_over: 0,
      created_at: nowMs,
    })
    .onConflict((oc) =>
      oc
        .columns(['integration_id', 'incident_id'])
        .doUpdateSet((eb) => ({
          ...values,
          rev: sql<number>`${eb.ref('incidents.rev')} + 1`,
          last_act: sql<string | null>`coalesce(${eb.ref('excluded.last_act')}, ${eb.ref('incidents.last_act')})`,
          // The same snooze that has run out stays run out; another one starts anew.
          snooze_over: sql<number>`case when ${eb.ref('excluded.snoozed_until')} = ${eb.ref('incidents.snoozed_until')} then ${eb.ref('incidents.snooze_over')} else 0 end`,
        }))
        .where(
          sql<boolean>`(excluded.version_updated_at, excluded.version_event_time, excluded.version_event_id) > (incidents.version_updated_at, incidents.version_event_time, incidents.version_event_id)
            or (incidents.rev = ${snapshot.replacesRev ?? 0}
              and (excluded.version_updated_at, excluded.version_event_time, excluded.version_event_id) = (incidents.version_updated_at, incidents.version_event_time, incidents.version_event_id))`,
        ),
    )
    .executeTakeFirst()
  const stored = await findIncident(trx, integrationId, incident.incident_id)
  if (!stored) throw new Error('an incident vanished inside its own transaction')
  return { ...stored, advanced: (done.numInsertedOrUpdatedRows ?? 0n) > 0n }
}

export async function findIncident(
  db: Handle,
  integrationId: string,
  incidentId: string,
): Promise<StoredIncident | undefined> {
  const row = await db
    .selectFrom('incidents')
    .selectAll()
    .where('integration_id', '=', integrationId)
    .where('incident_id', '=', incidentId)
    .executeTakeFirst()
  return (
    row && {
      integrationId,
      incidentId,
      rev: row.rev,
      version: {
        updatedAt: row.version_updated_at,
        eventTime: row.version_event_time,
        eventId: row.version_event_id,
      },
      incident: JSON.parse(row.snapshot) as Incident,
      lastAct: row.last_act === null ? undefined : (JSON.parse(row.last_act) as LastAct),
      snoozeOver: row.snooze_over === 1,
    }
  )
}

/** Snoozes that have run out without an event saying so: each counts as a change of its incident. */
export async function endSnoozes(
  trx: Handle,
  nowMs: number,
): Promise<{ integrationId: string; incidentId: string; rev: number }[]> {
  const rows = await trx
    .updateTable('incidents')
    .set((eb) => ({ snooze_over: 1, rev: eb('rev', '+', 1), updated_at: nowMs }))
    .where('snoozed_until', '<=', nowMs)
    .where('snooze_over', '=', 0)
    .where('progress', '=', 'Processing')
    .returning(['integration_id', 'incident_id', 'rev'])
    .execute()
  return rows.map((row) => ({ integrationId: row.integration_id, incidentId: row.incident_id, rev: row.rev }))
}
