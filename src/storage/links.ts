import type { Selectable } from 'kysely'

import type { AccountLinksTable, Handle } from './schema.ts'
import type { SecretBox } from './secret-box.ts'
import { statement } from './statement.ts'

export type AccountLink = Selectable<AccountLinksTable>

/** One to one both ways: links that stand in the way are replaced. Returns those. */
export async function putLink(trx: Handle, link: AccountLink): Promise<AccountLink[]> {
  const conflicts = await trx
    .selectFrom('account_links')
    .selectAll()
    .where('integration_id', '=', link.integration_id)
    .where((eb) => eb.or([eb('dingtalk_user_id', '=', link.dingtalk_user_id), eb('member_id', '=', link.member_id)]))
    .execute()
  for (const old of conflicts) await removeLink(trx, link.integration_id, old.dingtalk_user_id)
  await trx.insertInto('account_links').values(link).execute()
  return conflicts.filter((old) => old.dingtalk_user_id !== link.dingtalk_user_id || old.member_id !== link.member_id)
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
  return (await selectLinksOfMembers(db, { integrationId, memberIds })).rows
}

const selectLinksOfMembers = statement((db, of: { integrationId: string; memberIds: number[] }) =>
  db
    .selectFrom('account_links')
    .selectAll()
    .where('integration_id', '=', of.integrationId)
    .where('member_id', 'in', of.memberIds),
)

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
