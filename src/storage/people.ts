import { ofItsCorporation } from './corporation.ts'
import type { Handle } from './schema.ts'

/** Everybody whom the app ever met and who is not linked: they opened a page, or pressed a button. */
export async function listUnlinkedUsers(db: Handle, integrationId: string): Promise<string[]> {
  const met = await db
    .selectFrom('dingtalk_users')
    .select('dingtalk_user_id as id')
    .where('integration_id', '=', integrationId)
    .union(
      db
        .selectFrom('records')
        .select('target_id as id')
        .where('integration_id', '=', integrationId)
        .where(ofItsCorporation('records', integrationId))
        .where('kind', '=', 'action')
        .where('reason_code', '=', 'NOT_LINKED'),
    )
    .execute()
  const linked = await db
    .selectFrom('account_links')
    .select('dingtalk_user_id')
    .where('integration_id', '=', integrationId)
    .where('suspended_at', 'is', null)
    .execute()
  const taken = new Set(linked.map((link) => link.dingtalk_user_id))
  return met
    .map(({ id }) => id)
    .filter((id) => !taken.has(id))
    .sort()
}
