import { type Insertable, type Selectable, sql } from 'kysely'

import { contentKey, type Incident, type IncidentVersion, type LastAct, type Rendered } from '../domain/incident.ts'
import { isTestIncident } from '../domain/test-card.ts'
import { AHEAD_MS, isPoisoned } from '../domain/version.ts'
import { corporationOf, ofItsCorporation } from './corporation.ts'
import { releaseMissed } from './missed.ts'
import { putResponders } from './responders.ts'
import type { Handle, IncidentsTable } from './schema.ts'
import { statement } from './statement.ts'

export type StoredIncident = {
  integrationId: string
  incidentId: string
  rev: number
  version: IncidentVersion
  /** It rests on a time of the future, so that any other version takes its place. */
  poisoned: boolean
  incident: Incident
  lastAct: LastAct | undefined
  snoozeOver: boolean
  /** Flashduty's own texts for the card; undefined = draw the built-in ones. */
  rendered: Rendered | undefined
  flapping: boolean
  inStorm: boolean
  /** Flashduty does not know it any more. */
  gone: boolean
  /** The corporation that was told of it last. */
  corpId: string | null
}

/**
 * Moves the stored incident forward when the snapshot is newer, or what is stored rests on a time of the future, and locks it for the rest of the transaction either way.
 * A rendered text stays as long as snapshots without one leave alone what it was made from; after that it is dropped.
 * @returns the incident as it is stored now, and whether this snapshot is what moved it
 */
export async function advanceIncident(
  trx: Handle,
  snapshot: {
    integrationId: string
    incident: Incident
    version: IncidentVersion
    lastAct: LastAct | undefined
    rendered?: Rendered | undefined
    /** undefined = says nothing about it. */
    flapping?: boolean | undefined
    inStorm?: boolean | undefined
    /** A snapshot of the very version stored may take its place as long as this revision is still the stored one. */
    replacesRev?: number
    /** What came before is no reason to give up a state that rests on a time of the future. */
    isRepeat?: boolean
  },
  nowMs: number,
): Promise<StoredIncident & { advanced: boolean }> {
  const { integrationId, incident, version, lastAct } = snapshot
  const snoozedUntil = incident.snoozed_before > 0 ? incident.snoozed_before * 1000 : null
  const values = {
    version_updated_at: version.updatedAt,
    version_event_time: version.eventTime,
    version_event_id: version.eventId,
    version_stored_at: Math.max(nowMs, version.updatedAt * 1_000, version.eventTime),
    progress: incident.progress,
    snapshot: JSON.stringify(incident),
    snoozed_until: snoozedUntil,
    content_key: contentKey(incident),
    gone: 0,
    updated_at: nowMs,
  }
  const images = incident.images?.map(({ src, href, alt }) => ({ src, href, alt }))
  const kept = {
    images: images ? JSON.stringify(images) : null,
    silence_url: incident.silence_url || null,
    flapping: snapshot.flapping === undefined ? null : Number(snapshot.flapping),
    in_storm: snapshot.inStorm === undefined ? null : Number(snapshot.inStorm),
  }
  const { rows } = await putIncident(trx, {
    newest: values,
    others: {
      ...kept,
      rendered: snapshot.rendered ? JSON.stringify(snapshot.rendered) : null,
      integration_id: integrationId,
      incident_id: incident.incident_id,
      rev: 1,
      last_act: lastAct ? JSON.stringify(lastAct) : null,
      snooze_over: 0,
      created_at: nowMs,
    },
    replacesRev: snapshot.replacesRev ?? 0,
    mends: snapshot.isRepeat ? 0 : 1,
  })
  const [moved] = rows
  if (moved) {
    const unassigned = moved.rev === 1 && (incident.progress === 'Closed' || !incident.responders?.length)
    if (!unassigned) await putResponders(trx, integrationId, incident)
    if (moved.rev > 1 && incident.progress !== 'Closed') await releaseMissed(trx, integrationId, incident)
    return { ...incidentFromRow(moved), advanced: true }
  }
  const stored = await findIncident(trx, integrationId, incident.incident_id)
  if (!stored) throw new Error('an incident vanished inside its own transaction')
  return { ...stored, advanced: false }
}

type Newest = Pick<
  Insertable<IncidentsTable>,
  | 'version_updated_at'
  | 'version_event_time'
  | 'version_event_id'
  | 'version_stored_at'
  | 'progress'
  | 'snapshot'
  | 'snoozed_until'
  | 'content_key'
  | 'gone'
  | 'updated_at'
>
type Step = {
  newest: Newest
  others: Omit<Insertable<IncidentsTable>, keyof Newest>
  replacesRev: number
  mends: number
}

const putIncident = statement((db, { newest, others, replacesRev, mends }: Step) =>
  db
    .insertInto('incidents')
    .values({ ...newest, ...others, corp_id: corporationOf(others.integration_id) })
    .onConflict((oc) =>
      oc
        .columns(['integration_id', 'incident_id'])
        .doUpdateSet((eb) => ({
          ...newest,
          rev: sql<number>`${eb.ref('incidents.rev')} + 1`,
          last_act: sql<string | null>`coalesce(${eb.ref('excluded.last_act')}, ${eb.ref('incidents.last_act')})`,
          rendered: sql<string | null>`case
            when excluded.rendered is not null then excluded.rendered
            when excluded.content_key = incidents.content_key
              and (excluded.images is null or incidents.images is null or excluded.images = incidents.images)
              then incidents.rendered
            else null end`,
          images: sql<string | null>`coalesce(excluded.images, incidents.images)`,
          silence_url: sql<string | null>`coalesce(excluded.silence_url, incidents.silence_url)`,
          flapping: sql<number | null>`coalesce(excluded.flapping, incidents.flapping)`,
          in_storm: sql<number | null>`coalesce(excluded.in_storm, incidents.in_storm)`,
          // The same snooze that has run out stays run out; another one starts anew.
          snooze_over: sql<number>`case when ${eb.ref('excluded.snoozed_until')} = ${eb.ref('incidents.snoozed_until')} then ${eb.ref('incidents.snooze_over')} else 0 end`,
        }))
        .where(
          sql<boolean>`(excluded.version_updated_at, excluded.version_event_time, excluded.version_event_id) > (incidents.version_updated_at, incidents.version_event_time, incidents.version_event_id)
            or (incidents.rev = ${replacesRev}
              and (excluded.version_updated_at, excluded.version_event_time, excluded.version_event_id) = (incidents.version_updated_at, incidents.version_event_time, incidents.version_event_id))
            or (${mends} = 1
              and (incidents.version_updated_at * 1000 > coalesce(incidents.version_stored_at, incidents.updated_at) + ${AHEAD_MS}
                or incidents.version_event_time > coalesce(incidents.version_stored_at, incidents.updated_at) + ${AHEAD_MS}))`,
        ),
    )
    .returningAll(),
)

/** The incident is another corporation's from now on: it was told of it. Does nothing where it is so already. */
export async function tellCorporation(trx: Handle, stored: StoredIncident, corpId: string): Promise<void> {
  if (stored.corpId === corpId) return
  const { integrationId, incidentId, incident } = stored
  await trx
    .updateTable('incidents')
    .set({ corp_id: corpId })
    .where('integration_id', '=', integrationId)
    .where('incident_id', '=', incidentId)
    .execute()
  await putResponders(trx, integrationId, incident)
}

/** As far as it was told to the corporation that the integration is of now; never that of a test card. */
export async function findToldIncident(
  db: Handle,
  integrationId: string,
  incidentId: string,
): Promise<StoredIncident | undefined> {
  if (isTestIncident(incidentId)) return undefined
  const row = await db
    .selectFrom('incidents')
    .selectAll()
    .where('integration_id', '=', integrationId)
    .where('incident_id', '=', incidentId)
    .where(ofItsCorporation('incidents', integrationId))
    .executeTakeFirst()
  return row && incidentFromRow(row)
}

export async function findIncident(
  db: Handle,
  integrationId: string,
  incidentId: string,
): Promise<StoredIncident | undefined> {
  const { rows } = await selectIncident(db, { integrationId, incidentId })
  return rows[0] && incidentFromRow(rows[0])
}

const selectIncident = statement((db, of: { integrationId: string; incidentId: string }) =>
  db
    .selectFrom('incidents')
    .selectAll()
    .where('integration_id', '=', of.integrationId)
    .where('incident_id', '=', of.incidentId),
)

export function incidentFromRow(row: Selectable<IncidentsTable>): StoredIncident {
  const version = {
    updatedAt: row.version_updated_at,
    eventTime: row.version_event_time,
    eventId: row.version_event_id,
  }
  return {
    integrationId: row.integration_id,
    incidentId: row.incident_id,
    rev: row.rev,
    version,
    poisoned: isPoisoned(version, row.version_stored_at ?? row.updated_at),
    incident: {
      ...(JSON.parse(row.snapshot) as Incident),
      ...(row.images === null ? {} : { images: JSON.parse(row.images) as Incident['images'] }),
      ...(row.silence_url === null ? {} : { silence_url: row.silence_url }),
    },
    lastAct: row.last_act === null ? undefined : (JSON.parse(row.last_act) as LastAct),
    snoozeOver: row.snooze_over === 1,
    rendered: row.rendered === null ? undefined : (JSON.parse(row.rendered) as Rendered),
    flapping: row.flapping === 1,
    inStorm: row.in_storm === 1,
    gone: row.gone === 1,
    corpId: row.corp_id,
  }
}

/** Something was done about it that its snapshot does not show. @returns the revision that its buttons bear from now on */
export async function nextRevision(
  trx: Handle,
  integrationId: string,
  incidentId: string,
  nowMs: number,
): Promise<number | undefined> {
  const row = await trx
    .updateTable('incidents')
    .set((eb) => ({ rev: eb('rev', '+', 1), updated_at: nowMs }))
    .where('integration_id', '=', integrationId)
    .where('incident_id', '=', incidentId)
    .returning('rev')
    .executeTakeFirst()
  return row?.rev
}

/** Flashduty says that there is no such incident. @returns the revision that shows it; undefined when it is known already */
export async function markGone(
  trx: Handle,
  integrationId: string,
  incidentId: string,
  nowMs: number,
): Promise<number | undefined> {
  const row = await trx
    .updateTable('incidents')
    .set((eb) => ({ gone: 1, rev: eb('rev', '+', 1), updated_at: nowMs }))
    .where('integration_id', '=', integrationId)
    .where('incident_id', '=', incidentId)
    .where('gone', '=', 0)
    .returning('rev')
    .executeTakeFirst()
  return row?.rev
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
