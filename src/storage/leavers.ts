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
