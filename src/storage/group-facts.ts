import { type RawBuilder, sql } from 'kysely'

import { eachChunk } from './chunks.ts'
import { newGroup, newOrKnown, settleStanding, takeIn, takingIn } from './group-row.ts'
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
  const row = await takeIn(trx, {
    news: { ...newGroup(group, nowMs), ...facts, verified_at: nowMs, ...(installed ? askNow(nowMs) : {}) },
    change: {
      ...facts,
      app_robot_code: newOrKnown('app_robot_code'),
      app_cool_app_code: newOrKnown('app_cool_app_code'),
      verified_at: nowMs,
      refresh_due_at: installed
        ? nowMs
        : sql<number>`case when groups.asked_at >= ${group.operatedAt} then ${nowMs} end`,
      refresh_why: 'news',
      refresh_failures: 0,
      updated_at: nowMs,
    },
    ifHolds: sql<boolean>`excluded.operated_at >= groups.operated_at`,
  })
  return settleStanding(trx, row)
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
  const row = await takeIn(trx, {
    news: { ...newGroup(group, nowMs), ...facts, verified_at: nowMs, ...(group.present ? askNow(nowMs) : {}) },
    change: {
      ...facts,
      plain_robot_code: newOrKnown('plain_robot_code'),
      verified_at: nowMs,
      ...(group.present ? askIf(isDoubtful(nowMs - DOUBT_EVERY_MS), nowMs) : {}),
      updated_at: nowMs,
    },
    ifHolds: sql<boolean>`excluded.robot_at >= groups.robot_at`,
  })
  return { taken: await settleStanding(trx, row), refreshGroup: isDue(row, nowMs) }
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
  const facts = { title: group.title, chat_id: group.chatId, titled_at: group.titledAt, verified_at: nowMs }
  const { rows } = await putTitle(trx, { news: { ...newGroup(group, nowMs), ...facts }, facts, nowMs })
  return settleStanding(trx, rows[0])
}

type Titled = Pick<Group, 'title' | 'chat_id' | 'titled_at' | 'verified_at'>

const putTitle = statement((db, { news, facts, nowMs }: { news: Group; facts: Titled; nowMs: number }) =>
  takingIn(db, {
    news,
    change: {
      ...facts,
      chat_id: newOrKnown('chat_id'),
      // What DingTalk has answered since may be newer than this message.
      ...askIf(sql<boolean>`groups.asked_at >= ${facts.titled_at} and groups.title <> ${facts.title}`, nowMs),
      updated_at: nowMs,
    },
    ifHolds: sql<boolean>`excluded.titled_at >= groups.titled_at`,
  }),
)

export async function recordDisbanded(
  trx: Handle,
  group: GroupId & { chatId: string | null; disbandedAt: number },
  nowMs: number,
): Promise<boolean> {
  const facts = { disbanded_at: group.disbandedAt, verified_at: nowMs }
  const row = await takeIn(trx, {
    news: { ...newGroup(group, nowMs), chat_id: group.chatId, ...facts },
    change: { ...facts, ...askIf(sql<boolean>`groups.asked_at >= ${group.disbandedAt}`, nowMs), updated_at: nowMs },
    ifHolds: sql<boolean>`groups.disbanded_at is null or groups.disbanded_at <= excluded.disbanded_at`,
  })
  return settleStanding(trx, row)
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
  const row = await takeIn(trx, {
    news: {
      ...newGroup(group, nowMs),
      chat_id: group.chatId ?? null,
      verified_at: nowMs,
      ...(group.ask ? askNow(nowMs) : {}),
    },
    change: {
      chat_id: sql<string | null>`coalesce(groups.chat_id, excluded.chat_id)`,
      verified_at: nowMs,
      ...(group.ask ? askIf(isDoubtful(nowMs - DOUBT_EVERY_MS), nowMs) : {}),
    },
    ifHolds: sql<boolean>`groups.verified_at < ${nowMs - PROOF_EVERY_MS}`,
  })
  return { refreshGroup: isDue(row, nowMs) }
}

/** Messages reached these groups, or presses came from them; those that we believe cannot be reached are asked about. */
export async function recordProof(trx: Handle, integrationId: string, ids: string[], nowMs: number): Promise<void> {
  const before = { proven: nowMs - PROOF_EVERY_MS, asked: nowMs - DOUBT_EVERY_MS }
  await eachChunk(ids, (chunk) => putProof(trx, { integrationId, ids: chunk, nowMs, before }))
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
    .set({ ...askNow(nowMs), refresh_failures: 0 })
    .where('integration_id', '=', id.integrationId)
    .where('open_conversation_id', '=', id.openConversationId)
    .where('status', 'in', believed)
    .where('asked_at', '<', nowMs - DOUBT_EVERY_MS)
    .execute()
}

/** DingTalk is to be asked about the group. */
function askNow(nowMs: number) {
  return { refresh_due_at: nowMs, refresh_why: 'news' as const }
}

function isDoubtful(askedBefore: number) {
  const open = sql.join(['installed', 'robot'].map((status) => sql.lit(status)))
  return sql<boolean>`groups.status not in (${open}) and groups.asked_at < ${askedBefore}`
}

function askIf(condition: RawBuilder<boolean>, nowMs: number) {
  return {
    refresh_due_at: sql<number>`case when ${condition} then ${nowMs} else groups.refresh_due_at end`,
    refresh_why: sql<'news'>`case when ${condition} then 'news' else groups.refresh_why end`,
  }
}

function isDue(row: Group | undefined, nowMs: number): boolean {
  return row !== undefined && row.refresh_due_at !== null && row.refresh_due_at <= nowMs
}
