import type { Selectable } from 'kysely'

import type { AccountLinksTable, Handle } from './schema.ts'
import type { SecretBox } from './secret-box.ts'

export type AccountLink = Selectable<AccountLinksTable>

/** One to one both ways: links that stand in the way are replaced. Returns those. */
export async function putLink(trx: Handle, link: AccountLink): Promise<AccountLink[]> {
  const replaced = await trx
    .deleteFrom('account_links')
    .where('integration_id', '=', link.integration_id)
    .where((eb) => eb.or([eb('dingtalk_user_id', '=', link.dingtalk_user_id), eb('member_id', '=', link.member_id)]))
    .returningAll()
    .execute()
  await trx.insertInto('account_links').values(link).execute()
  return replaced.filter((old) => old.dingtalk_user_id !== link.dingtalk_user_id || old.member_id !== link.member_id)
}

/**
 * Links unless the member is linked to somebody else: for a match that the member did not prove themselves. An earlier
 * link of the person is replaced.
 */
export async function putFreeLink(
  trx: Handle,
  link: AccountLink,
): Promise<{ linked: boolean; replaced: AccountLink | undefined }> {
  const { integration_id: integrationId, dingtalk_user_id: userId, member_id: memberId } = link
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
    .values(link)
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
    .executeTakeFirst()
  return { link, keyForgotten: done.numDeletedRows > 0n }
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
    .executeTakeFirst()
}

export async function findLinksOfMembers(
  db: Handle,
  integrationId: string,
  memberIds: number[],
): Promise<AccountLink[]> {
  if (memberIds.length === 0) return []
  return db
    .selectFrom('account_links')
    .selectAll()
    .where('integration_id', '=', integrationId)
    .where('member_id', 'in', memberIds)
    .execute()
}

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
  key: { integrationId: string; memberId: number; appKey: string },
  nowMs: number,
): Promise<void> {
  const row = { key_enc: box.seal(key.appKey), status: 'good' as const, updated_at: nowMs }
  await trx
    .insertInto('member_keys')
    .values({ ...row, integration_id: key.integrationId, member_id: key.memberId })
    .onConflict((oc) => oc.columns(['integration_id', 'member_id']).doUpdateSet(row))
    .execute()
}

export async function findMemberKey(
  db: Handle,
  box: SecretBox,
  integrationId: string,
  memberId: number,
): Promise<{ appKey: string; status: 'good' | 'bad' } | undefined> {
  const row = await db
    .selectFrom('member_keys')
    .selectAll()
    .where('integration_id', '=', integrationId)
    .where('member_id', '=', memberId)
    .executeTakeFirst()
  return row && { appKey: box.open(row.key_enc), status: row.status }
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
