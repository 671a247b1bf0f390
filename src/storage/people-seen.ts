import { inChunks } from './chunks.ts'
import type { Handle } from './schema.ts'

/** Names of people who were on a page once, by userId. */
export async function findNamesSeen(
  db: Handle,
  integrationId: string,
  userIds: string[],
): Promise<Map<string, string>> {
  const rows = await inChunks(userIds, (chunk) =>
    db
      .selectFrom('dingtalk_users')
      .select(['dingtalk_user_id', 'name'])
      .where('integration_id', '=', integrationId)
      .where('dingtalk_user_id', 'in', chunk)
      .execute(),
  )
  return new Map(rows.map((row) => [row.dingtalk_user_id, row.name]))
}
