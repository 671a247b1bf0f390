import type { Selectable } from 'kysely'

import type { AccountLinksTable, Handle } from './schema.ts'
import type { SecretBox } from './secret-box.ts'
import { statement } from './statement.ts'

export type AccountLink = Selectable<AccountLinksTable>

/** A link that people are to be told by; nothing stands against it yet. */
export type NewLink = Omit<AccountLink, 'suspended_at' | 'check_due_at'>

/** One to one both ways: links that stand in the way, suspended ones among them, are replaced. Returns those. */
export async function putLink(trx: Handle, link: NewLink): Promise<AccountLink[]> {
  const replaced = await trx
    .deleteFrom('account_links')
    .where('integration_id', '=', link.integration_id)
    .where((eb) => eb.or([eb('dingtalk_user_id', '=', link.dingtalk_user_id), eb('member_id', '=', link.member_id)]))
    .returningAll()
    .execute()
  await trx.insertInto('account_links').values(unsuspended(link)).execute()
  return replaced.filter((old) => old.dingtalk_user_id !== link.dingtalk_user_id || old.member_id !== link.member_id)
}

/**
 * Links unless the member is linked to somebody else: for a match that the member did not prove themselves. An earlier
 * link of the person is replaced.
 */
export async function putFreeLink(
  trx: Handle,
  link: NewLink,
): Promise<{ linked: boolean; replaced: AccountLink | undefined }> {
  const { integration_id: integrationId, dingtalk_user_id: userId, member_id: memberId } = link
  // Whoever has left stands in nobody's way.
  await trx
    .deleteFrom('account_links')
    .where('integration_id', '=', integrationId)
    .where((eb) => eb.or([eb('dingtalk_user_id', '=', userId), eb('member_id', '=', memberId)]))
    .where('suspended_at', 'is not', null)
    .execute()
  const replaced = await trx
    .deleteFrom('account_links')
    .where('integration_id', '=', integrationId)
    .where('dingtalk_user_id', '=', userId)
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('account_links as other')
            .select('other.member_id')
            .where('other.integration_id', '=', integrationId)
            .where('other.member_id', '=', memberId)
            .where('other.dingtalk_user_id', '!=', userId),
        ),
      ),
    )
    .returningAll()
    .executeTakeFirst()
  const done = await trx
    .insertInto('account_links')
    .values(unsuspended(link))
    .onConflict((oc) => oc.doNothing())
    .executeTakeFirst()
  return { linked: (done.numInsertedOrUpdatedRows ?? 0n) > 0n, replaced }
}

export type Unlinked = { link: AccountLink; keyForgotten: boolean }

/** The person undoes their own link: the key they put on file goes with it. @returns undefined when there was none */
export async function removeOwnLink(
  trx: Handle,
  integrationId: string,
  dingtalkUserId: string,
): Promise<Unlinked | undefined> {
  const link = await trx
    .deleteFrom('account_links')
    .where('integration_id', '=', integrationId)
    .where('dingtalk_user_id', '=', dingtalkUserId)
    .returningAll()
    .executeTakeFirst()
  if (!link) return undefined
  const done = await trx
    .deleteFrom('member_keys')
    .where('integration_id', '=', integrationId)
    .where('member_id', '=', link.member_id)
    // One that the account owner made is not theirs to take away: each member can have only so many.
    .where('made', '=', 0)
    .executeTakeFirst()
  return { link, keyForgotten: done.numDeletedRows > 0n }
}

function unsuspended(link: NewLink): AccountLink {
  return { ...link, suspended_at: null, check_due_at: null }
}

/** @returns whether there was one; the member's key stays, it is the member's */
export async function removeLink(trx: Handle, integrationId: string, dingtalkUserId: string): Promise<boolean> {
  const done = await trx
    .deleteFrom('account_links')
    .where('integration_id', '=', integrationId)
    .where('dingtalk_user_id', '=', dingtalkUserId)
    .executeTakeFirst()
  return done.numDeletedRows > 0n
}

export async function listLinks(db: Handle, integrationId?: string): Promise<(AccountLink & { key: string | null })[]> {
  return db
    .selectFrom('account_links')
    .leftJoin('member_keys', (join) =>
      join
        .onRef('member_keys.integration_id', '=', 'account_links.integration_id')
        .onRef('member_keys.member_id', '=', 'account_links.member_id'),
    )
    .selectAll('account_links')
    .select('member_keys.status as key')
    .$if(integrationId !== undefined, (query) => query.where('account_links.integration_id', '=', integrationId ?? ''))
    .orderBy('account_links.linked_at')
    .execute()
}

/** Whoever has left is not linked. */
export async function findLinkOfUser(
  db: Handle,
  integrationId: string,
  dingtalkUserId: string,
): Promise<AccountLink | undefined> {
  return db
    .selectFrom('account_links')
    .selectAll()
    .where('integration_id', '=', integrationId)
    .where('dingtalk_user_id', '=', dingtalkUserId)
    .where('suspended_at', 'is', null)
    .executeTakeFirst()
}

export async function findLinksOfMembers(
  db: Handle,
  integrationId: string,
  memberIds: number[],
): Promise<AccountLink[]> {
  if (memberIds.length === 0) return []
  return (await selectLinksOfMembers(db, { integrationId, memberIds })).rows
}

const selectLinksOfMembers = statement((db, of: { integrationId: string; memberIds: number[] }) =>
  db
    .selectFrom('account_links')
    .selectAll()
    .where('integration_id', '=', of.integrationId)
    .where('member_id', 'in', of.memberIds)
    .where('suspended_at', 'is', null),
)

/** Which of these members are linked to somebody who has left. */
export async function findSuspended(db: Handle, integrationId: string, memberIds: number[]): Promise<AccountLink[]> {
  if (memberIds.length === 0) return []
  return (await selectSuspended(db, { integrationId, memberIds })).rows
}

const selectSuspended = statement((db, of: { integrationId: string; memberIds: number[] }) =>
  db
    .selectFrom('account_links')
    .selectAll()
    .where('integration_id', '=', of.integrationId)
    .where('member_id', 'in', of.memberIds)
    .where('suspended_at', 'is not', null),
)

/** Suspended ones among them: for what to call somebody who was told when they were still there. */
export async function findLinksOfUsers(
  db: Handle,
  integrationId: string,
  dingtalkUserIds: string[],
): Promise<AccountLink[]> {
  if (dingtalkUserIds.length === 0) return []
  return db
    .selectFrom('account_links')
    .selectAll()
    .where('integration_id', '=', integrationId)
    .where('dingtalk_user_id', 'in', dingtalkUserIds)
    .execute()
}

export async function putMemberKey(
  trx: Handle,
  box: SecretBox,
  key: { integrationId: string; memberId: number; appKey: string; made?: { remakes: number } },
  nowMs: number,
): Promise<void> {
  const row = {
    key_enc: box.seal(key.appKey),
    status: 'good' as const,
    updated_at: nowMs,
    made: key.made ? 1 : 0,
    remakes: key.made?.remakes ?? 0,
  }
  await trx
    .insertInto('member_keys')
    .values({ ...row, integration_id: key.integrationId, member_id: key.memberId })
    .onConflict((oc) => oc.columns(['integration_id', 'member_id']).doUpdateSet(row))
    .execute()
}

/** `made`: by the account owner's key; `remakes`: how often anew since it last worked. */
export type MemberKey = { appKey: string; status: 'good' | 'bad'; made: boolean; remakes: number }

export async function findMemberKey(
  db: Handle,
  box: SecretBox,
  integrationId: string,
  memberId: number,
): Promise<MemberKey | undefined> {
  const row = await db
    .selectFrom('member_keys')
    .selectAll()
    .where('integration_id', '=', integrationId)
    .where('member_id', '=', memberId)
    .executeTakeFirst()
  return row && { appKey: box.open(row.key_enc), status: row.status, made: row.made === 1, remakes: row.remakes }
}

export async function markMemberKey(
  trx: Handle,
  integrationId: string,
  memberId: number,
  status: 'good' | 'bad',
  nowMs: number,
): Promise<void> {
  await trx
    .updateTable('member_keys')
    .set({ status, updated_at: nowMs })
    .where('integration_id', '=', integrationId)
    .where('member_id', '=', memberId)
    .execute()
}

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

/** A made key has worked: should it go bad one day, it may be made anew again. */
export async function forgetRemakes(trx: Handle, integrationId: string, memberId: number): Promise<void> {
  await trx
    .updateTable('member_keys')
    .set({ remakes: 0 })
    .where('integration_id', '=', integrationId)
    .where('member_id', '=', memberId)
    .execute()
}

/** Whether this process may make the member's key now: of several only one may. */
export async function claimKeyMaking(
  trx: Handle,
  member: { integrationId: string; memberId: number },
  lease: { owner: string; nowMs: number; untilMs: number },
): Promise<boolean> {
  const row = { lease_owner: lease.owner, lease_until: lease.untilMs }
  const done = await trx
    .insertInto('key_makings')
    .values({ integration_id: member.integrationId, member_id: member.memberId, ...row })
    .onConflict((oc) =>
      oc.columns(['integration_id', 'member_id']).doUpdateSet(row).where('key_makings.lease_until', '<=', lease.nowMs),
    )
    .returning('member_id')
    .executeTakeFirst()
  return done !== undefined
}

export async function endKeyMaking(trx: Handle, integrationId: string, memberId: number, owner: string): Promise<void> {
  await trx
    .deleteFrom('key_makings')
    .where('integration_id', '=', integrationId)
    .where('member_id', '=', memberId)
    .where('lease_owner', '=', owner)
    .execute()
}
