import { inChunks } from './chunks.ts'
import type { AccountLink } from './links.ts'
import type { Handle } from './schema.ts'
import { statement } from './statement.ts'

/** Which of these members are linked to somebody who has left. */
export async function findSuspended(db: Handle, integrationId: string, memberIds: number[]): Promise<AccountLink[]> {
  return inChunks(memberIds, async (chunk) => (await selectSuspended(db, { integrationId, memberIds: chunk })).rows)
}

const selectSuspended = statement((db, of: { integrationId: string; memberIds: number[] }) =>
  db
    .selectFrom('account_links')
    .selectAll()
    .where('integration_id', '=', of.integrationId)
    .where('member_id', 'in', of.memberIds)
    .where('suspended_at', 'is not', null),
)

/**
 * The person has left the corporation.
 * @param leftAt DingTalk's clock. A link made after that is not taken back, but the person is looked for.
 * @returns the link as it was; undefined when it was not suspended now
 */
export async function suspendLink(
  trx: Handle,
  who: { integrationId: string; userId: string; leftAt: number },
  nowMs: number,
): Promise<AccountLink | undefined> {
  const link = trx
    .updateTable('account_links')
    .where('integration_id', '=', who.integrationId)
    .where('dingtalk_user_id', '=', who.userId)
    .where('suspended_at', 'is', null)
  const suspended = await link
    .set({ suspended_at: nowMs, check_due_at: null })
    .where('linked_at', '<=', who.leftAt)
    .returningAll()
    .executeTakeFirst()
  if (!suspended) await link.set({ check_due_at: nowMs }).execute()
  return suspended
}

/** DingTalk does not know the person any more, so it says: to be confirmed. */
export async function doubtLink(trx: Handle, integrationId: string, userId: string, nowMs: number): Promise<void> {
  await trx
    .updateTable('account_links')
    .set({ check_due_at: nowMs })
    .where('integration_id', '=', integrationId)
    .where('dingtalk_user_id', '=', userId)
    .where('suspended_at', 'is', null)
    .where('check_due_at', 'is', null)
    .execute()
}

/** The links whose people are to be looked for. */
export async function listDoubtedLinks(db: Handle, integrationId: string, nowMs: number): Promise<AccountLink[]> {
  return db
    .selectFrom('account_links')
    .selectAll()
    .where('integration_id', '=', integrationId)
    .where('check_due_at', '<=', nowMs)
    .orderBy('check_due_at')
    .limit(20)
    .execute()
}

/** What came of looking for the person, unless they have been linked anew meanwhile. @returns whether it was noted */
export async function settleDoubt(
  trx: Handle,
  link: AccountLink,
  to: { suspended: number } | { checkAgainAt: number | null },
): Promise<boolean> {
  const done = await trx
    .updateTable('account_links')
    .set('suspended' in to ? { suspended_at: to.suspended, check_due_at: null } : { check_due_at: to.checkAgainAt })
    .where('integration_id', '=', link.integration_id)
    .where('dingtalk_user_id', '=', link.dingtalk_user_id)
    .where('linked_at', '=', link.linked_at)
    .executeTakeFirst()
  return done.numUpdatedRows > 0n
}
