import { sql, type Selectable } from 'kysely'

import type { GroupsTable, Handle } from './schema.ts'
import { statement } from './statement.ts'

export type Group = Selectable<GroupsTable>

type GroupId = { integrationId: string; openConversationId: string }

export async function findGroup(db: Handle, id: GroupId): Promise<Group | undefined> {
  return db
    .selectFrom('groups')
    .selectAll()
    .where('integration_id', '=', id.integrationId)
    .where('open_conversation_id', '=', id.openConversationId)
    .executeTakeFirst()
}

export async function findGroups(db: Handle, integrationId: string, ids: string[]): Promise<Group[]> {
  if (ids.length === 0) return []
  return (await selectGroups(db, { integrationId, ids })).rows
}

const selectGroups = statement((db, { integrationId, ids }: { integrationId: string; ids: string[] }) =>
  db
    .selectFrom('groups')
    .selectAll()
    .where('integration_id', '=', integrationId)
    .where('open_conversation_id', 'in', ids),
)

export async function listGroups(db: Handle, integrationId?: string): Promise<Group[]> {
  return db
    .selectFrom('groups')
    .selectAll()
    .$if(integrationId !== undefined, (query) => query.where('integration_id', '=', integrationId ?? ''))
    .orderBy('created_at')
    .execute()
}

/**
 * The cool app came into or left the group. An older message than the newest one taken in changes nothing.
 * @param operatedAt DingTalk's `operateTime`, epoch ms
 * @returns whether it was taken in
 */
export async function recordInstall(
  trx: Handle,
  group: GroupId & {
    status: 'installed' | 'uninstalled'
    robotCode: string | null
    coolAppCode: string | null
    operatedAt: number
  },
  nowMs: number,
): Promise<boolean> {
  const refreshDueAt = group.status === 'installed' ? nowMs : null
  const done = await trx
    .insertInto('groups')
    .values({
      ...newGroup(group, nowMs),
      status: group.status,
      robot_code: group.robotCode,
      cool_app_code: group.coolAppCode,
      operated_at: group.operatedAt,
      refresh_due_at: refreshDueAt,
    })
    .onConflict((oc) =>
      oc
        .columns(['integration_id', 'open_conversation_id'])
        .doUpdateSet((eb) => ({
          status: group.status,
          robot_code: sql<string>`coalesce(${eb.ref('excluded.robot_code')}, ${eb.ref('groups.robot_code')})`,
          cool_app_code: sql<string>`coalesce(${eb.ref('excluded.cool_app_code')}, ${eb.ref('groups.cool_app_code')})`,
          operated_at: group.operatedAt,
          refresh_due_at: refreshDueAt,
          refresh_failures: 0,
          updated_at: nowMs,
        }))
        .whereRef('excluded.operated_at', '>=', 'groups.operated_at'),
    )
    .executeTakeFirst()
  return (done.numInsertedOrUpdatedRows ?? 0n) > 0n
}

/**
 * The group's name. An older one than the newest taken in changes nothing.
 * @param titledAt epoch ms on DingTalk's clock; for an answer to our own question, when we asked
 */
export async function recordTitle(
  trx: Handle,
  group: GroupId & { title: string; chatId: string | null; titledAt: number },
  nowMs: number,
): Promise<boolean> {
  const done = await trx
    .insertInto('groups')
    .values({
      ...newGroup(group, nowMs),
      title: group.title,
      chat_id: group.chatId,
      titled_at: group.titledAt,
    })
    .onConflict((oc) =>
      oc
        .columns(['integration_id', 'open_conversation_id'])
        .doUpdateSet((eb) => ({
          title: group.title,
          chat_id: sql<string>`coalesce(${eb.ref('excluded.chat_id')}, ${eb.ref('groups.chat_id')})`,
          titled_at: group.titledAt,
          updated_at: nowMs,
        }))
        .whereRef('excluded.titled_at', '>=', 'groups.titled_at'),
    )
    .executeTakeFirst()
  return (done.numInsertedOrUpdatedRows ?? 0n) > 0n
}

/** What DingTalk said about the group overrules what we believed, unless a newer event has come since we asked. */
export async function recordVerdict(
  trx: Handle,
  group: GroupId & { status: 'uninstalled' | 'disbanded'; askedAt: number },
  nowMs: number,
): Promise<void> {
  await trx
    .updateTable('groups')
    .set({ status: group.status, updated_at: nowMs })
    .where('integration_id', '=', group.integrationId)
    .where('open_conversation_id', '=', group.openConversationId)
    .where('operated_at', '<=', group.askedAt)
    .execute()
}

/** The group whose title has been wanted longest; its next turn is put off, so that a lost answer is asked again. */
export async function claimGroupToRefresh(
  trx: Handle,
  integrationId: string,
  nowMs: number,
  retryAtMs: number,
): Promise<Group | undefined> {
  const group = await trx
    .selectFrom('groups')
    .selectAll()
    .where('integration_id', '=', integrationId)
    .where('refresh_due_at', '<=', nowMs)
    .orderBy('refresh_due_at')
    .limit(1)
    .executeTakeFirst()
  if (!group) return undefined
  await scheduleRefresh(
    trx,
    { integrationId, openConversationId: group.open_conversation_id },
    { dueAt: retryAtMs, failures: group.refresh_failures },
  )
  return group
}

export async function scheduleRefresh(
  trx: Handle,
  id: GroupId,
  next: { dueAt: number | null; failures: number },
): Promise<void> {
  await trx
    .updateTable('groups')
    .set({ refresh_due_at: next.dueAt, refresh_failures: next.failures })
    .where('integration_id', '=', id.integrationId)
    .where('open_conversation_id', '=', id.openConversationId)
    .execute()
}

/** When each integration's groups want refreshing, up to a time. */
export async function listRefreshesDue(
  db: Handle,
  untilMs: number,
): Promise<{ integrationId: string; dueAt: number }[]> {
  const rows = await db
    .selectFrom('groups')
    .select(['integration_id', 'refresh_due_at'])
    .where('refresh_due_at', '<=', untilMs)
    .execute()
  return rows.map((row) => ({ integrationId: row.integration_id, dueAt: row.refresh_due_at ?? 0 }))
}

function newGroup(id: GroupId, nowMs: number): Group {
  return {
    integration_id: id.integrationId,
    open_conversation_id: id.openConversationId,
    chat_id: null,
    title: null,
    status: 'unknown',
    robot_code: null,
    cool_app_code: null,
    operated_at: 0,
    titled_at: 0,
    refresh_due_at: null,
    refresh_failures: 0,
    created_at: nowMs,
    updated_at: nowMs,
  }
}
