import type { Selectable } from 'kysely'

import { ofItsCorporation } from './corporation.ts'
import type { ClicksTable, Handle, RecordsTable } from './schema.ts'

export type PastClick = Pick<
  Selectable<ClicksTable>,
  | 'id'
  | 'dingtalk_user_id'
  | 'member_id'
  | 'member_name'
  | 'action'
  | 'minutes'
  | 'status'
  | 'reason'
  | 'detail'
  | 'created_at'
>

/** Who pressed what on an incident, as the member that they were then; newest first. */
export async function listClicksOfIncident(
  db: Handle,
  id: { integrationId: string; incidentId: string },
  limit: number,
): Promise<PastClick[]> {
  return (
    db
      .selectFrom('clicks')
      // Who pressed may be linked to another member by now.
      .leftJoin('account_links', (join) =>
        join
          .onRef('account_links.integration_id', '=', 'clicks.integration_id')
          .onRef('account_links.member_id', '=', 'clicks.member_id'),
      )
      .select((eb) => [
        'clicks.id',
        'clicks.dingtalk_user_id',
        'clicks.member_id',
        'clicks.action',
        'clicks.minutes',
        'clicks.status',
        'clicks.reason',
        'clicks.detail',
        'clicks.created_at',
        eb.fn.coalesce('clicks.member_name', 'account_links.member_name').as('member_name'),
      ])
      .where('clicks.integration_id', '=', id.integrationId)
      .where('clicks.incident_id', '=', id.incidentId)
      .where(ofItsCorporation('clicks', id.integrationId))
      .orderBy('clicks.created_at', 'desc')
      .limit(limit)
      .execute()
  )
}

export type Telling = Pick<
  Selectable<RecordsTable>,
  'event_id' | 'event_type' | 'kind' | 'target_name' | 'status' | 'reason_code' | 'created_at'
>

/** Which events of an incident were told to whom, newest first. */
export async function listTellings(
  db: Handle,
  id: { integrationId: string; incidentId: string },
  limit: number,
): Promise<Telling[]> {
  return db
    .selectFrom('records')
    .select(['event_id', 'event_type', 'kind', 'target_name', 'status', 'reason_code', 'created_at'])
    .where('incident_id', '=', id.incidentId)
    .where('integration_id', '=', id.integrationId)
    .where(ofItsCorporation('records', id.integrationId))
    .where('kind', 'in', ['group', 'person'])
    .where('event_type', 'is not', null)
    .orderBy('created_at', 'desc')
    .limit(limit)
    .execute()
}

/** Where cards of the incident are: the groups, and whether this person has one in their own chat. */
export async function findPlaces(
  db: Handle,
  id: { integrationId: string; incidentId: string },
  userId: string,
): Promise<{ groups: string[]; ownChat: boolean }> {
  const rows = await db
    .selectFrom('cards')
    .innerJoin('placements', 'placements.out_track_id', 'cards.out_track_id')
    .select(['placements.kind', 'placements.target_id'])
    .distinct()
    .where('cards.integration_id', '=', id.integrationId)
    .where('cards.incident_id', '=', id.incidentId)
    .where('placements.status', 'in', ['sending', 'delivered'])
    .where((eb) =>
      eb.or([
        eb('placements.kind', '=', 'group'),
        eb.and([eb('placements.kind', '=', 'person'), eb('placements.target_id', '=', userId)]),
      ]),
    )
    .execute()
  return {
    groups: rows.flatMap(({ kind, target_id: targetId }) => (kind === 'group' ? [targetId] : [])),
    ownChat: rows.some(({ kind }) => kind === 'person'),
  }
}

/** How the last deliveries to a group went, newest first. */
export async function listGroupDeliveries(
  db: Handle,
  group: { integrationId: string; openConversationId: string },
  limit: number,
): Promise<Pick<Selectable<RecordsTable>, 'status' | 'reason_code' | 'created_at' | 'updated_at'>[]> {
  return db
    .selectFrom('records')
    .select(['status', 'reason_code', 'created_at', 'updated_at'])
    .where('target_id', '=', group.openConversationId)
    .where('integration_id', '=', group.integrationId)
    .where(ofItsCorporation('records', group.integrationId))
    .where('kind', '=', 'group')
    .orderBy('created_at', 'desc')
    .limit(limit)
    .execute()
}
