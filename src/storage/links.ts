import type { Selectable } from 'kysely'

import { inChunks } from './chunks.ts'
import type { AccountLinksTable, Handle } from './schema.ts'
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
  return inChunks(
    memberIds,
    async (chunk) => (await selectLinksOfMembers(db, { integrationId, memberIds: chunk })).rows,
  )
}

const selectLinksOfMembers = statement((db, of: { integrationId: string; memberIds: number[] }) =>
  db
    .selectFrom('account_links')
    .selectAll()
    .where('integration_id', '=', of.integrationId)
    .where('member_id', 'in', of.memberIds)
    .where('suspended_at', 'is', null),
)

/** Suspended ones among them: for what to call somebody who was told when they were still there. */
export async function findLinksOfUsers(
  db: Handle,
  integrationId: string,
  dingtalkUserIds: string[],
): Promise<AccountLink[]> {
  return inChunks(dingtalkUserIds, (chunk) =>
    db
      .selectFrom('account_links')
      .selectAll()
      .where('integration_id', '=', integrationId)
      .where('dingtalk_user_id', 'in', chunk)
      .execute(),
  )
}
