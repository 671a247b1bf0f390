import type { AccountLink } from './links.ts'
import type { Handle } from './schema.ts'
import { endSessionsOf } from './sessions.ts'
import { settleDoubt, suspendLink } from './suspended-links.ts'

/**
 * The person has left the corporation: they are linked no more and logged in nowhere. Whoever has come back logs in
 * again, so no session is spared.
 * @param who as for `suspendLink`, whose answer this returns
 */
export async function noteLeaver(
  trx: Handle,
  who: { integrationId: string; userId: string; leftAt: number },
  nowMs: number,
): Promise<AccountLink | undefined> {
  await endSessionsOf(trx, who.integrationId, who.userId)
  return suspendLink(trx, who, nowMs)
}

/** The same of somebody who was in doubt, unless they have been linked anew meanwhile. @returns whether it was done */
export async function confirmLeaver(trx: Handle, link: AccountLink, nowMs: number): Promise<boolean> {
  const isLeaver = await settleDoubt(trx, link, { suspended: nowMs })
  if (isLeaver) await endSessionsOf(trx, link.integration_id, link.dingtalk_user_id)
  return isLeaver
}

/**
 * The integration has become another corporation's, where a userId is somebody else's or nobody's: nobody is linked or
 * logged in any more. Members keep their keys, which are Flashduty's.
 * @returns the links as they were, and how many sessions were ended
 */
export async function forgetCorporation(
  trx: Handle,
  integrationId: string,
): Promise<{ links: AccountLink[]; sessions: number }> {
  const ended = await trx.deleteFrom('sessions').where('integration_id', '=', integrationId).executeTakeFirst()
  await trx.deleteFrom('wanted_acts').where('integration_id', '=', integrationId).execute()
  await trx.deleteFrom('dingtalk_users').where('integration_id', '=', integrationId).execute()
  const links = await trx
    .deleteFrom('account_links')
    .where('integration_id', '=', integrationId)
    .returningAll()
    .execute()
  return { links, sessions: Number(ended.numDeletedRows) }
}
