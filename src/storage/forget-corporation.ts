import type { Reason } from '../domain/reasons.ts'
import type { AccountLink } from './links.ts'
import { OPEN, reasonColumns } from './records.ts'
import { touchResults } from './results.ts'
import type { Handle } from './schema.ts'

/** Whatever is no longer there for, or was never known to, the corporation that the integration is now of. */
export type Forgotten = {
  links: AccountLink[]
  sessions: number
  /** Cards that were still kept up to date. */
  cards: number
  groups: number
  routes: { channelId: number; openConversationId: string }[]
}

/** What was there for the people of the former corporation alone. */
const THEIRS = ['wanted_acts', 'dingtalk_users', 'missed', 'notices', 'responders', 'card_tests'] as const
/** What another app would be asked about in vain, or told in error. */
const OF_THE_APP = ['groups', 'routes', 'card_routes', 'card_callbacks', 'app_notes', 'last_heard'] as const

/**
 * The integration has become another corporation's, where a userId is somebody else's or nobody's: nobody is linked or
 * logged in any more, and nothing that was under way goes out any more. Members keep their keys, which are Flashduty's;
 * records stay for the administrator. Groups and routes go with the app that knows them.
 */
export async function forgetCorporation(
  trx: Handle,
  integrationId: string,
  { otherApp }: { otherApp: boolean },
  nowMs: number,
): Promise<Forgotten> {
  const routes = otherApp
    ? await trx
        .selectFrom('routes')
        .select(['channel_id as channelId', 'open_conversation_id as openConversationId'])
        .where('integration_id', '=', integrationId)
        .execute()
    : []
  const groups = otherApp
    ? await trx.selectFrom('groups').select('title').where('integration_id', '=', integrationId).execute()
    : []
  const ended = await trx.deleteFrom('sessions').where('integration_id', '=', integrationId).executeTakeFirst()
  for (const table of otherApp ? [...THEIRS, ...OF_THE_APP] : THEIRS) {
    await trx.deleteFrom(table).where('integration_id', '=', integrationId).execute()
  }
  await trx.deleteFrom('inbox').where('source', '=', 'fetched').where('id', 'like', `${integrationId}:%`).execute()
  const links = await trx
    .deleteFrom('account_links')
    .where('integration_id', '=', integrationId)
    .returningAll()
    .execute()
  const cards = await endCards(trx, integrationId, nowMs)
  return { links, sessions: Number(ended.numDeletedRows), cards, groups: groups.length, routes }
}

const CHANGED: Reason = 'CORPORATION_CHANGED'

/** No call about the cards is made any more, and what waits for them comes to its end. @returns how many were live */
async function endCards(trx: Handle, integrationId: string, nowMs: number): Promise<number> {
  const theirs = trx.selectFrom('cards').select('out_track_id').where('integration_id', '=', integrationId)
  await trx
    .updateTable('placements')
    .set({ status: 'cancelled', reason: CHANGED, updated_at: nowMs })
    .where('status', 'in', ['waiting', 'sending', 'delivered'])
    .where('out_track_id', 'in', theirs)
    .execute()
  const live = await trx
    .selectFrom('cards')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('integration_id', '=', integrationId)
    .where('frozen', '=', 0)
    .executeTakeFirstOrThrow()
  await trx
    .updateTable('cards')
    .set({ frozen: 1, deliver_due_at: null, update_due_at: null, held_until: 0, lease_owner: null, lease_until: 0 })
    .where('integration_id', '=', integrationId)
    .execute()
  const settled = await trx
    .updateTable('records')
    .set({ status: 'skipped', ...reasonColumns('skipped', CHANGED), updated_at: nowMs })
    .where('integration_id', '=', integrationId)
    .where('status', 'in', OPEN)
    .where('kind', 'in', ['group', 'person'])
    .returning(['integration_id', 'event_id'])
    .execute()
  await touchResults(trx, settled, nowMs)
  return live.count
}
