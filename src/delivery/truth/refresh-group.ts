import type { Clock } from '../../clock.ts'
import type { DingTalkClient } from '../../dingtalk/client.ts'
import { queryGroup, queryRobots } from '../../dingtalk/groups.ts'
import { AppError } from '../../errors.ts'
import type { Log } from '../../log.ts'
import type { Producer } from '../../queue/producer.ts'
import type { AwaitTurn } from '../../queue/workers.ts'
import { clearSwitchedOff } from '../../storage/app-notes.ts'
import type { Db } from '../../storage/db.ts'
import { type GroupAnswer, recordAnswer } from '../../storage/group-answers.ts'
import { claimGroupToRefresh, type Group, holdRefreshes, isRefreshDue, scheduleRefresh } from '../../storage/groups.ts'
import { isOfAnother } from '../../storage/integrations.ts'
import type { Handle } from '../../storage/schema.ts'
import { costNothing, type Quota } from '../quota.ts'

const RETRY_MS = 30_000
const RETRY_MAX_MS = 3_600_000
/** What somebody has to put right first is looked at so often. */
const BLOCKED_MS = 300_000

/** How far our clock may be from DingTalk's. */
const CLOCKS_MS = 60_000

export type RefreshDeps = {
  db: Db
  clock: Clock
  log: Log
  client: DingTalkClient
  integrationId: string
  corpId: string
  /** Of the integration; what a group's own install said goes first. */
  coolAppCode: string | undefined
  quota: Quota
  producer: Pick<Producer, 'tick'>
}

type Question = { group: Group; api: 'sceneGroups/query' | 'robots/query' }

/**
 * Asks DingTalk about the group whose turn it is: at most one call. A successful answer proves the cool app installed, an
 * answer that it is not proves that too; what DingTalk will not tell leaves the group as it was, with a note.
 * @throws AppError `throttled` when the pacer should pause
 */
export async function refreshGroup(deps: RefreshDeps, awaitTurn: AwaitTurn): Promise<void> {
  const askedAt = deps.clock.nowMs()
  const question = await deps.db.write((trx) => claim(deps, trx, askedAt))
  if (!question) return
  const { group } = question
  const log = deps.log.child({ openConversationId: group.open_conversation_id, why: group.refresh_why })
  await awaitTurn()
  try {
    const answer = await ask(deps, question)
    const now = await deps.db.write((trx) => storeAnswer(deps, trx, group, answer, askedAt))
    log.info({ title: group.title, was: group.status, now: now?.status }, 'group-refreshed')
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    await refused(deps, question, error, askedAt, log)
  }
  if (await isRefreshDue(deps.db.read, deps.integrationId, deps.clock.nowMs())) {
    await deps.producer.tick(deps.integrationId, 'group')
  }
}

/** Counted with the claim, so that a crash forgets none. */
async function claim(deps: RefreshDeps, trx: Handle, nowMs: number): Promise<Question | undefined> {
  if (await isOfAnother(trx, deps.integrationId, deps.corpId)) return undefined
  for (;;) {
    const group = await claimGroupToRefresh(trx, deps.integrationId, nowMs, nowMs + RETRY_MS)
    if (!group) return undefined
    const why = group.refresh_why
    if (why === 'routine' || why === 'outage') {
      if ((await deps.quota.verifyAllowance(trx, why)) < 1) {
        await holdRefreshes(trx, deps.integrationId, { why })
        deps.log.warn({ why }, 'verification-stopped')
        continue
      }
      await deps.quota.countVerification(trx, why, 1)
    }
    // Once it is known that the cool app is not there, only the robot is left to ask about.
    const api = group.status === 'robot' && group.app_status !== null ? 'robots/query' : 'sceneGroups/query'
    await deps.quota.countCall(trx, api)
    return { group, api }
  }
}

async function ask(deps: RefreshDeps, { group, api }: Question): Promise<GroupAnswer> {
  const { client } = deps
  const openConversationId = group.open_conversation_id
  if (api === 'robots/query') {
    const robots = await queryRobots(client, openConversationId)
    return {
      kind: 'robot',
      present: robots.some((code) => code === group.plain_robot_code || code === client.clientId),
    }
  }
  const coolAppCode = group.app_cool_app_code ?? deps.coolAppCode
  try {
    const info = await queryGroup(client, { openConversationId, coolAppCode })
    return { kind: 'scene', ...info, proven: coolAppCode === undefined ? undefined : { coolAppCode } }
  } catch (error) {
    if (!(error instanceof AppError) || error.failure.code !== 'COOL_APP_NOT_INSTALLED') throw error
    return { kind: 'uninstalled' }
  }
}

async function storeAnswer(
  deps: RefreshDeps,
  trx: Handle,
  group: Group,
  answer: GroupAnswer,
  askedAt: number,
): Promise<Group | undefined> {
  const nowMs = deps.clock.nowMs()
  const now = await recordAnswer(trx, group, answer, askedAt, nowMs)
  await clearSwitchedOff(trx, deps.integrationId, askedAt - CLOCKS_MS)
  const half = answer.kind === 'uninstalled' && now?.status === 'robot'
  await scheduleRefresh(trx, group, { dueAt: half ? nowMs : now ? null : nowMs + RETRY_MS, failures: 0 })
  return now
}

async function refused(
  deps: RefreshDeps,
  { group, api }: Question,
  error: AppError,
  askedAt: number,
  log: Log,
): Promise<void> {
  const { failure } = error
  const failures = group.refresh_failures + 1
  const final = failure.kind === 'permanent'
  const pauseMs =
    failure.kind === 'throttled'
      ? failure.retryAfterMs
      : failure.kind === 'blocked'
        ? BLOCKED_MS
        : Math.min(RETRY_MS * 2 ** (failures - 1), RETRY_MAX_MS)
  await deps.db.write(async (trx) => {
    const nowMs = deps.clock.nowMs()
    if (costNothing(failure)) {
      await deps.quota.refundCall(trx, api)
      const why = group.refresh_why
      if (why === 'routine' || why === 'outage') await deps.quota.countVerification(trx, why, -1)
    }
    const note = (error.detail ?? error.message).slice(0, 200)
    const next = { dueAt: final ? null : nowMs + pauseMs, failures, note }
    await scheduleRefresh(trx, group, { ...next, ...(final ? { askedAt } : {}) })
    // The next one would be refused as well, and each may cost a call.
    if (failure.kind === 'blocked') await holdRefreshes(trx, deps.integrationId, { untilMs: nowMs + pauseMs })
  })
  log.warn({ err: error, detail: error.detail }, 'group-refresh-failed')
  if (!final) await deps.producer.tick(deps.integrationId, 'group', pauseMs)
  if (failure.kind === 'throttled') throw error
}
