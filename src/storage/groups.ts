import { type Selectable, sql } from 'kysely'

import { inChunks } from './chunks.ts'
import type { GroupsTable, Handle } from './schema.ts'
import { statement } from './statement.ts'

export type Group = Selectable<GroupsTable>

export type GroupId = { integrationId: string; openConversationId: string }

export async function findGroup(db: Handle, id: GroupId): Promise<Group | undefined> {
  return db
    .selectFrom('groups')
    .selectAll()
    .where('integration_id', '=', id.integrationId)
    .where('open_conversation_id', '=', id.openConversationId)
    .executeTakeFirst()
}

/** The openConversationId of the group that is known by a chat id, which is its older name. */
export async function findGroupOfChat(db: Handle, integrationId: string, chatId: string): Promise<string | undefined> {
  const found = await db
    .selectFrom('groups')
    .select('open_conversation_id')
    .where('integration_id', '=', integrationId)
    .where('chat_id', '=', chatId)
    .executeTakeFirst()
  return found?.open_conversation_id
}

export async function findGroups(db: Handle, integrationId: string, ids: string[]): Promise<Group[]> {
  return inChunks(ids, async (chunk) => (await selectGroups(db, { integrationId, ids: chunk })).rows)
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
 * The group that DingTalk is to be asked about next: news first, then whatever has waited longest. Its next turn is put
 * off, so that a lost answer is asked again.
 */
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
    .orderBy(sql`case refresh_why when 'routine' then 2 when 'outage' then 1 else 0 end`)
    .orderBy('refresh_due_at')
    .limit(1)
    .executeTakeFirst()
  if (!group) return undefined
  await trx
    .updateTable('groups')
    .set({ refresh_due_at: retryAtMs })
    .where('integration_id', '=', integrationId)
    .where('open_conversation_id', '=', group.open_conversation_id)
    .execute()
  return { ...group, refresh_due_at: retryAtMs }
}

/**
 * Ends the turn of a claimed group, unless something has happened meanwhile that has to be asked about too.
 * @param next `askedAt` of a question that DingTalk will not answer: it is no use to ask it again and again
 */
export async function scheduleRefresh(
  trx: Handle,
  claimed: Group,
  next: { dueAt: number | null; failures: number; note?: string; askedAt?: number },
): Promise<void> {
  await trx
    .updateTable('groups')
    .set({
      refresh_due_at: next.dueAt,
      refresh_failures: next.failures,
      ...(next.note === undefined ? {} : { note: next.note }),
      ...(next.askedAt === undefined ? {} : { asked_at: next.askedAt, verified_at: next.askedAt }),
    })
    .where('integration_id', '=', claimed.integration_id)
    .where('open_conversation_id', '=', claimed.open_conversation_id)
    .where('refresh_due_at', '=', claimed.refresh_due_at)
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

export async function isRefreshDue(db: Handle, integrationId: string, nowMs: number): Promise<boolean> {
  const row = await db
    .selectFrom('groups')
    .select('open_conversation_id')
    .where('integration_id', '=', integrationId)
    .where('refresh_due_at', '<=', nowMs)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

/** Nobody may be asked before then, or for that reason at all. */
export async function holdRefreshes(
  trx: Handle,
  integrationId: string,
  hold: { untilMs: number } | { why: 'routine' | 'outage' },
): Promise<void> {
  const due = trx.updateTable('groups').where('integration_id', '=', integrationId)
  if ('why' in hold) {
    await due.set({ refresh_due_at: null }).where('refresh_why', '=', hold.why).execute()
    return
  }
  await due.set({ refresh_due_at: hold.untilMs }).where('refresh_due_at', '<', hold.untilMs).execute()
}

/**
 * Wants every group verified: messages about them may have been lost until now.
 * @returns how many
 */
export async function verifyAll(trx: Handle, integrationId: string, nowMs: number): Promise<number> {
  const done = await trx
    .updateTable('groups')
    .set({
      refresh_due_at: nowMs,
      refresh_why: sql<'outage'>`case when refresh_due_at is not null and refresh_why = 'news' then 'news' else 'outage' end`,
      refresh_failures: 0,
    })
    .where('integration_id', '=', integrationId)
    .where('status', 'in', ['installed', 'robot', 'uninstalled'])
    .executeTakeFirst()
  return Number(done.numUpdatedRows)
}

/**
 * Wants so many groups verified of those that nothing has proven since then: the reachable ones first, oldest proof
 * first, then those that may have become so; one that was only ever heard of is asked about once.
 * @returns how many
 */
export async function verifyOldest(
  trx: Handle,
  integrationId: string,
  { provenBeforeMs, most }: { provenBeforeMs: number; most: number },
  nowMs: number,
): Promise<number> {
  if (most <= 0) return 0
  const done = await trx
    .updateTable('groups')
    .set({ refresh_due_at: nowMs, refresh_why: 'routine', refresh_failures: 0 })
    .where('integration_id', '=', integrationId)
    .where('open_conversation_id', 'in', (eb) =>
      eb
        .selectFrom('groups')
        .select('open_conversation_id')
        .where('integration_id', '=', integrationId)
        .where('refresh_due_at', 'is', null)
        .where((on) =>
          on.or([
            on.and([on('status', 'in', ['installed', 'robot', 'uninstalled']), on('verified_at', '<', provenBeforeMs)]),
            on.and([on('status', '=', 'unknown'), on('asked_at', '=', 0)]),
          ]),
        )
        .orderBy(sql`case status when 'installed' then 0 when 'robot' then 0 when 'uninstalled' then 1 else 2 end`)
        .orderBy('verified_at')
        .limit(Math.min(most, 10_000)),
    )
    .executeTakeFirst()
  return Number(done.numUpdatedRows)
}
