import { sql } from 'kysely'

import { standingOf } from '../domain/group.ts'
import type { Group, GroupId } from './groups.ts'
import type { Handle } from './schema.ts'
import { statement } from './statement.ts'

/**
 * What is heard of groups. Each kind of message has its own time on DingTalk's clock, and an older one than the newest
 * taken in changes nothing; what a group is now follows from all of them together.
 */

/** A question that was answered not long ago need not be asked again for the same doubt. */
const DOUBT_EVERY_MS = 10 * 60_000
/** Proofs are written down no more often. */
const PROOF_EVERY_MS = 60_000

/**
 * Our cool app came into or left the group.
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
  const facts = {
    app_status: group.status,
    app_robot_code: group.robotCode,
    app_cool_app_code: group.coolAppCode,
    operated_at: group.operatedAt,
  }
  const installed = group.status === 'installed'
  const row = await trx
    .insertInto('groups')
    .values({
      ...newGroup(group, nowMs),
      ...facts,
      verified_at: nowMs,
      refresh_due_at: installed ? nowMs : null,
      refresh_why: installed ? 'news' : null,
    })
    .onConflict((oc) =>
      oc
        .columns(['integration_id', 'open_conversation_id'])
        .doUpdateSet((eb) => ({
          ...facts,
          app_robot_code: sql<string>`coalesce(${eb.ref('excluded.app_robot_code')}, ${eb.ref('groups.app_robot_code')})`,
          app_cool_app_code: sql<string>`coalesce(${eb.ref('excluded.app_cool_app_code')}, ${eb.ref('groups.app_cool_app_code')})`,
          verified_at: nowMs,
          refresh_due_at: installed
            ? nowMs
            : sql<number>`case when groups.asked_at >= ${group.operatedAt} then ${nowMs} end`,
          refresh_why: 'news' as const,
          refresh_failures: 0,
          updated_at: nowMs,
        }))
        .whereRef('excluded.operated_at', '>=', 'groups.operated_at'),
    )
    .returningAll()
    .executeTakeFirst()
  return settle(trx, row)
}

/**
 * A robot came into or left the group without our cool app: by itself, or with another cool app. Where no cool app was
 * known, DingTalk is asked about ours.
 */
export async function recordRobot(
  trx: Handle,
  group: GroupId & { present: boolean; robotCode: string | null; coolAppCode: string | null; at: number },
  nowMs: number,
): Promise<{ taken: boolean; refreshGroup: boolean }> {
  const facts = {
    robot_status: group.present ? ('present' as const) : ('absent' as const),
    plain_robot_code: group.robotCode,
    plain_cool_app_code: group.coolAppCode,
    robot_at: group.at,
  }
  const row = await trx
    .insertInto('groups')
    .values({
      ...newGroup(group, nowMs),
      ...facts,
      verified_at: nowMs,
      refresh_due_at: group.present ? nowMs : null,
      refresh_why: group.present ? 'news' : null,
    })
    .onConflict((oc) =>
      oc
        .columns(['integration_id', 'open_conversation_id'])
        .doUpdateSet((eb) => ({
          ...facts,
          plain_robot_code: sql<string>`coalesce(${eb.ref('excluded.plain_robot_code')}, ${eb.ref('groups.plain_robot_code')})`,
          verified_at: nowMs,
          ...(group.present ? askIf(isDoubtful(nowMs - DOUBT_EVERY_MS), nowMs) : {}),
          updated_at: nowMs,
        }))
        .whereRef('excluded.robot_at', '>=', 'groups.robot_at'),
    )
    .returningAll()
    .executeTakeFirst()
  return { taken: await settle(trx, row), refreshGroup: isDue(row, nowMs) }
}

/**
 * The group's name.
 * @param titledAt epoch ms on DingTalk's clock
 */
export async function recordTitle(
  trx: Handle,
  group: GroupId & { title: string; chatId: string | null; titledAt: number },
  nowMs: number,
): Promise<boolean> {
  const titled = { title: group.title, titled_at: group.titledAt, verified_at: nowMs, updated_at: nowMs }
  const { rows } = await putTitle(trx, { titled, others: { ...newGroup(group, nowMs), chat_id: group.chatId } })
  return settle(trx, rows[0])
}

type Titled = { title: string; titled_at: number; verified_at: number; updated_at: number }

const putTitle = statement((db, { titled, others }: { titled: Titled; others: Group }) =>
  db
    .insertInto('groups')
    .values({ ...others, ...titled })
    .onConflict((oc) =>
      oc
        .columns(['integration_id', 'open_conversation_id'])
        .doUpdateSet((eb) => ({
          ...titled,
          chat_id: sql<string>`coalesce(${eb.ref('excluded.chat_id')}, ${eb.ref('groups.chat_id')})`,
          // What DingTalk has answered since may be newer than this message.
          ...askIf(
            sql<boolean>`groups.asked_at >= ${titled.titled_at} and groups.title <> ${titled.title}`,
            titled.updated_at,
          ),
        }))
        .whereRef('excluded.titled_at', '>=', 'groups.titled_at'),
    )
    .returningAll(),
)

export async function recordDisbanded(
  trx: Handle,
  group: GroupId & { chatId: string | null; disbandedAt: number },
  nowMs: number,
): Promise<boolean> {
  const row = await trx
    .insertInto('groups')
    .values({
      ...newGroup(group, nowMs),
      chat_id: group.chatId,
      disbanded_at: group.disbandedAt,
      verified_at: nowMs,
    })
    .onConflict((oc) =>
      oc
        .columns(['integration_id', 'open_conversation_id'])
        .doUpdateSet({
          disbanded_at: group.disbandedAt,
          verified_at: nowMs,
          ...askIf(sql<boolean>`groups.asked_at >= ${group.disbandedAt}`, nowMs),
          updated_at: nowMs,
        })
        .where((eb) =>
          eb.or([
            eb('groups.disbanded_at', 'is', null),
            eb('groups.disbanded_at', '<=', eb.ref('excluded.disbanded_at')),
          ]),
        ),
    )
    .returningAll()
    .executeTakeFirst()
  return settle(trx, row)
}

/**
 * Something came from the group, which proves that it is there and may be the first we hear of it.
 * @param ask whether it could hardly have come from a group without our app: then DingTalk is asked about one that
 *   we believe cannot be reached
 * @returns whether there is something to ask now
 */
export async function recordSeen(
  trx: Handle,
  group: GroupId & { chatId?: string | undefined; ask: boolean },
  nowMs: number,
): Promise<{ refreshGroup: boolean }> {
  const row = await trx
    .insertInto('groups')
    .values({
      ...newGroup(group, nowMs),
      chat_id: group.chatId ?? null,
      verified_at: nowMs,
      refresh_due_at: group.ask ? nowMs : null,
      refresh_why: group.ask ? 'news' : null,
    })
    .onConflict((oc) =>
      oc
        .columns(['integration_id', 'open_conversation_id'])
        .doUpdateSet((eb) => ({
          chat_id: sql<string>`coalesce(${eb.ref('groups.chat_id')}, ${eb.ref('excluded.chat_id')})`,
          verified_at: nowMs,
          ...(group.ask ? askIf(isDoubtful(nowMs - DOUBT_EVERY_MS), nowMs) : {}),
        }))
        .where('groups.verified_at', '<', nowMs - PROOF_EVERY_MS),
    )
    .returningAll()
    .executeTakeFirst()
  return { refreshGroup: isDue(row, nowMs) }
}

/** Messages reached these groups, or presses came from them; those that we believe cannot be reached are asked about. */
export async function recordProof(trx: Handle, integrationId: string, ids: string[], nowMs: number): Promise<void> {
  if (ids.length === 0) return
  const before = { proven: nowMs - PROOF_EVERY_MS, asked: nowMs - DOUBT_EVERY_MS }
  await putProof(trx, { integrationId, ids, nowMs, before })
}

type Proof = { integrationId: string; ids: string[]; nowMs: number; before: { proven: number; asked: number } }

const putProof = statement((db, { integrationId, ids, nowMs, before }: Proof) =>
  db
    .updateTable('groups')
    .set({ verified_at: nowMs, ...askIf(isDoubtful(before.asked), nowMs) })
    .where('integration_id', '=', integrationId)
    .where('open_conversation_id', 'in', ids)
    .where('verified_at', '<', before.proven),
)

/**
 * Something speaks against what we believe of a reachable group, as when DingTalk would not deliver there: it is asked,
 * once in a while.
 */
export async function recordDoubt(
  trx: Handle,
  id: GroupId,
  believed: ('installed' | 'robot')[],
  nowMs: number,
): Promise<void> {
  await trx
    .updateTable('groups')
    .set({ refresh_due_at: nowMs, refresh_why: 'news', refresh_failures: 0 })
    .where('integration_id', '=', id.integrationId)
    .where('open_conversation_id', '=', id.openConversationId)
    .where('status', 'in', believed)
    .where('asked_at', '<', nowMs - DOUBT_EVERY_MS)
    .execute()
}

/** What DingTalk says when asked about a group. */
export type GroupAnswer =
  /** `proven`: only with the code of our cool app, since others are told of their own. */
  | { kind: 'scene'; title: string; disbanded: boolean; proven: { coolAppCode: string } | undefined }
  | { kind: 'uninstalled' }
  | { kind: 'robot'; present: boolean }

/**
 * What DingTalk answered overrules what we believed when we asked; whatever has come in since is newer.
 * Our clock and DingTalk's are never compared for it.
 * @returns what the group is now; undefined when something newer had come in
 */
export async function recordAnswer(
  trx: Handle,
  asked: Group,
  answer: GroupAnswer,
  askedAt: number,
  nowMs: number,
): Promise<Group | undefined> {
  if (answer.kind === 'scene') {
    await trx
      .updateTable('groups')
      .set({ title: answer.title })
      .where('integration_id', '=', asked.integration_id)
      .where('open_conversation_id', '=', asked.open_conversation_id)
      .where('titled_at', '=', asked.titled_at)
      .execute()
  }
  const row = await trx
    .updateTable('groups')
    .set({ ...factsOf(asked, answer), asked_at: askedAt, verified_at: askedAt, note: null, updated_at: nowMs })
    .where('integration_id', '=', asked.integration_id)
    .where('open_conversation_id', '=', asked.open_conversation_id)
    .where('operated_at', '=', asked.operated_at)
    .where('robot_at', '=', asked.robot_at)
    .where('disbanded_at', asked.disbanded_at === null ? 'is' : '=', asked.disbanded_at)
    .returningAll()
    .executeTakeFirst()
  if (row) await settle(trx, row)
  return row && { ...row, ...standingOf(row) }
}

function factsOf(asked: Group, answer: GroupAnswer) {
  if (answer.kind === 'robot') return { robot_status: answer.present ? ('present' as const) : ('absent' as const) }
  if (answer.kind === 'uninstalled') {
    // The robot that spoke there while the cool app was installed was the cool app's.
    return { app_status: 'uninstalled' as const, ...(asked.status === 'robot' ? {} : { robot_status: null }) }
  }
  return {
    disbanded_at: answer.disbanded ? Math.max(asked.operated_at, asked.robot_at, asked.disbanded_at ?? 0) : null,
    ...(answer.proven ? { app_status: 'installed' as const, app_cool_app_code: answer.proven.coolAppCode } : {}),
  }
}

function isDoubtful(askedBefore: number) {
  const open = sql.join(['installed', 'robot'].map((status) => sql.lit(status)))
  return sql<boolean>`groups.status not in (${open}) and groups.asked_at < ${askedBefore}`
}

function askIf(condition: ReturnType<typeof sql<boolean>>, nowMs: number) {
  return {
    refresh_due_at: sql<number>`case when ${condition} then ${nowMs} else groups.refresh_due_at end`,
    refresh_why: sql<'news'>`case when ${condition} then 'news' else groups.refresh_why end`,
  }
}

function isDue(row: Group | undefined, nowMs: number): boolean {
  return row !== undefined && row.refresh_due_at !== null && row.refresh_due_at <= nowMs
}

/** @returns whether there was anything to settle */
async function settle(trx: Handle, row: Group | undefined): Promise<boolean> {
  if (!row) return false
  const standing = standingOf(row)
  const same =
    row.status === standing.status &&
    row.robot_code === standing.robot_code &&
    row.cool_app_code === standing.cool_app_code
  if (!same) {
    await trx
      .updateTable('groups')
      .set(standing)
      .where('integration_id', '=', row.integration_id)
      .where('open_conversation_id', '=', row.open_conversation_id)
      .execute()
  }
  return true
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
    app_status: null,
    operated_at: 0,
    app_robot_code: null,
    app_cool_app_code: null,
    robot_status: null,
    robot_at: 0,
    plain_robot_code: null,
    plain_cool_app_code: null,
    disbanded_at: null,
    titled_at: 0,
    refresh_due_at: null,
    refresh_why: null,
    refresh_failures: 0,
    asked_at: 0,
    verified_at: 0,
    note: null,
    created_at: nowMs,
    updated_at: nowMs,
  }
}
