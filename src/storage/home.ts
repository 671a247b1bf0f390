import { type Incident, urgencyOf } from '../domain/incident.ts'
import { TEST_PREFIX } from '../domain/test-card.ts'
import { inChunks } from './chunks.ts'
import { ofItsCorporation } from './corporation.ts'
import { incidentFromRow, type StoredIncident } from './incidents.ts'
import type { Handle, RecordsTable } from './schema.ts'
import type { Selectable } from 'kysely'

/** Of one chat only the newest cards are looked at, however many it was ever sent. */
const NEWEST_CARDS = 200

type Person = { integrationId: string; userId: string; memberId: number | undefined }

/**
 * Open incidents that are this person's: assigned to them, or told to them in their own chat. The most severe first,
 * then the newest.
 * @returns `total` = how many there are, those left off included
 */
export async function listOwnIncidents(
  db: Handle,
  person: Person,
  limit: number,
): Promise<{ incidents: StoredIncident[]; total: number }> {
  const assigned = await listAssigned(db, person, limit)
  const told = await listTold(db, person)
  const assignedIds = new Set(assigned.ids)
  const others = told.filter((id) => !assignedIds.has(id))
  const incidents = await findIncidents(db, person.integrationId, [...assigned.ids, ...others])
  return { incidents: sorted(incidents).slice(0, limit), total: assigned.total + others.length }
}

/** The most severe first, then the newest. */
function sorted(incidents: StoredIncident[]): StoredIncident[] {
  const rank = ({ incident }: StoredIncident) => urgencyOf(incident.incident_severity)
  return incidents.toSorted((a, b) => rank(b) - rank(a) || b.incident.start_time - a.incident.start_time)
}

async function listAssigned(
  db: Handle,
  { integrationId, memberId }: Person,
  limit: number,
): Promise<{ ids: string[]; total: number }> {
  if (memberId === undefined) return { ids: [], total: 0 }
  const own = db.selectFrom('responders').where('integration_id', '=', integrationId).where('member_id', '=', memberId)
  const rows = await own
    .select('incident_id')
    .orderBy('urgency', 'desc')
    .orderBy('start_time', 'desc')
    .limit(limit)
    .execute()
  const ids = rows.map((row) => row.incident_id)
  if (ids.length < limit) return { ids, total: ids.length }
  const { total } = await own.select((eb) => eb.fn.countAll<number>().as('total')).executeTakeFirstOrThrow()
  return { ids, total }
}

/** Open incidents whose cards are in the person's own chat, those assigned to them left out. */
async function listTold(db: Handle, { integrationId, userId, memberId }: Person): Promise<string[]> {
  const rows = await openOnNewestCards(db, integrationId, 'person', userId)
    .$if(memberId !== undefined, (query) =>
      query.where((eb) =>
        eb.not(
          eb.exists(
            eb
              .selectFrom('responders')
              .select('responders.incident_id')
              .where('responders.integration_id', '=', integrationId)
              .whereRef('responders.incident_id', '=', 'incidents.incident_id')
              .where('responders.member_id', '=', memberId ?? 0),
          ),
        ),
      ),
    )
    .execute()
  return rows.map((row) => row.incident_id)
}

/** Open incidents that this group was told of, the most severe first. */
export async function listGroupIncidents(
  db: Handle,
  group: { integrationId: string; openConversationId: string },
): Promise<StoredIncident[]> {
  const rows = await openOnNewestCards(db, group.integrationId, 'group', group.openConversationId).execute()
  const ids = rows.map((row) => row.incident_id)
  return sorted(await findIncidents(db, group.integrationId, ids))
}

function openOnNewestCards(db: Handle, integrationId: string, kind: 'group' | 'person', targetId: string) {
  return db
    .selectFrom((eb) =>
      eb
        .selectFrom('placements')
        .select('placements.out_track_id')
        .where('placements.kind', '=', kind)
        .where('placements.target_id', '=', targetId)
        .where('placements.status', 'in', ['sending', 'delivered'])
        .orderBy('placements.updated_at', 'desc')
        .limit(NEWEST_CARDS)
        .as('placed'),
    )
    .innerJoin('cards', 'cards.out_track_id', 'placed.out_track_id')
    .innerJoin('incidents', (join) =>
      join
        .onRef('incidents.integration_id', '=', 'cards.integration_id')
        .onRef('incidents.incident_id', '=', 'cards.incident_id'),
    )
    .select('incidents.incident_id')
    .distinct()
    .where('cards.integration_id', '=', integrationId)
    .where('incidents.progress', '!=', 'Closed')
    .where('incidents.incident_id', 'not like', `${TEST_PREFIX}%`)
    .where(ofItsCorporation('incidents', integrationId))
}

async function findIncidents(db: Handle, integrationId: string, ids: string[]): Promise<StoredIncident[]> {
  const rows = await inChunks(ids, (chunk) =>
    db
      .selectFrom('incidents')
      .selectAll()
      .where('integration_id', '=', integrationId)
      .where('incident_id', 'in', chunk)
      .where(ofItsCorporation('incidents', integrationId))
      .execute(),
  )
  return rows.map(incidentFromRow)
}

export type OwnRecord = Pick<
  Selectable<RecordsTable>,
  | 'record_key'
  | 'incident_id'
  | 'incident_num'
  | 'event_type'
  | 'kind'
  | 'effect'
  | 'status'
  | 'reason_code'
  | 'note'
  | 'created_at'
  | 'updated_at'
> & {
  /** undefined = there is no such incident any more; empty = its title is not for this person to read. */
  title: string | undefined
  /** Empty like the title. */
  channelName: string
}

/** What became of what this person was to be told, and of what they pressed; newest first. */
export async function listOwnRecords(db: Handle, person: Person, limit: number): Promise<OwnRecord[]> {
  const { integrationId, userId, memberId } = person
  const about = (column: 'target_id' | 'member_id', id: string | number) =>
    db
      .selectFrom('records')
      .leftJoin('incidents', (join) =>
        join
          .onRef('incidents.integration_id', '=', 'records.integration_id')
          .onRef('incidents.incident_id', '=', 'records.incident_id'),
      )
      .select([
        'records.record_key',
        'records.incident_id',
        'records.incident_num',
        'records.event_type',
        'records.kind',
        'records.effect',
        'records.status',
        'records.reason_code',
        'records.note',
        'records.msg_id',
        'records.created_at',
        'records.updated_at',
        'incidents.snapshot',
      ])
      .where(`records.${column}`, '=', id)
      .where('records.integration_id', '=', integrationId)
      .where(ofItsCorporation('records', integrationId))
      // What somebody else pressed as this member is not theirs.
      .where('records.kind', 'in', column === 'target_id' ? ['person', 'action'] : ['person'])
      // Of test cards the administrator is told, and nobody else.
      .where((eb) =>
        eb.or([eb('records.incident_id', 'is', null), eb('records.incident_id', 'not like', `${TEST_PREFIX}%`)]),
      )
      // A namesake's: corporations give their people the same ids.
      .where((eb) =>
        eb.or([eb('records.reason_code', 'is', null), eb('records.reason_code', '!=', 'OTHER_CORPORATION')]),
      )
      .orderBy('records.created_at', 'desc')
      .limit(limit)
      .execute()
  const rows = [
    ...(await about('target_id', userId)),
    // What was to be told before there was a link is known by the member alone.
    ...(memberId === undefined ? [] : await about('member_id', memberId)),
  ]
  const once = new Map(rows.map((row) => [row.record_key, row]))
  return [...once.values()]
    .toSorted((a, b) => b.created_at - a.created_at || (a.record_key < b.record_key ? -1 : 1))
    .slice(0, limit)
    .map(({ snapshot, msg_id: card, ...row }) => {
      if (snapshot === null) return { ...row, title: undefined, channelName: '' }
      const incident = JSON.parse(snapshot) as Pick<Incident, 'title' | 'channel_name' | 'responders'>
      // A page's form can name any incident: a refused one proves nothing of whoever sent it.
      const isProven = row.kind === 'person' || card !== null || row.status === 'success'
      const isTheirs = incident.responders?.some((one) => one.person_id === memberId) === true
      if (!isProven && !isTheirs) return { ...row, title: '', channelName: '' }
      return { ...row, title: incident.title, channelName: incident.channel_name }
    })
}
