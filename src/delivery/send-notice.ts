import type { Clock } from '../clock.ts'
import type { DingTalkClient } from '../dingtalk/client.ts'
import { type RobotMessage, sendToGroup, sendToPerson } from '../dingtalk/messages.ts'
import { isReachable } from '../domain/group.ts'
import { asSaid } from '../domain/notices.ts'
import { AppError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { AwaitTurn } from '../queue/workers.ts'
import type { Db } from '../storage/db.ts'
import { findGroup, type Group } from '../storage/groups.ts'
import { isOfAnother } from '../storage/integrations.ts'
import { claimNotice, closeNotice, type Notice, postponeNotice } from '../storage/notices.ts'
import { costNothing, type Quota } from './quota.ts'

const LEASE_MS = 30_000
const RETRY_MS = 5_000
const BLOCKED_MS = 600_000

/**
 * Has the robot say the notice that is due longest, to its group or its person: at most one call. It is said once or,
 * when nobody can know, not again: the card tells the same.
 * @throws AppError `throttled` when the pacer should pause
 */
export async function sendNotice(
  deps: {
    db: Db
    clock: Clock
    log: Log
    client: DingTalkClient
    integrationId: string
    corpId: string
    quota: Quota
    wake: (delayMs: number) => Promise<void>
  },
  awaitTurn: AwaitTurn,
): Promise<void> {
  const { db, clock, integrationId } = deps
  const notice = await db.write(async (trx) => {
    const nowMs = clock.nowMs()
    if (await isOfAnother(trx, integrationId, deps.corpId)) return undefined
    const claimed = await claimNotice(trx, integrationId, nowMs, nowMs + LEASE_MS)
    if (!claimed) return undefined
    const group =
      claimed.dingtalk_user_id === null
        ? await findGroup(trx, { integrationId, openConversationId: claimed.open_conversation_id })
        : undefined
    const isThere = claimed.dingtalk_user_id !== null || (group !== undefined && isReachable(group.status))
    const isScarce = !isAboutRights(claimed) && (await deps.quota.isScarce(trx))
    if (claimed.expires_at <= nowMs || !isThere || isScarce) {
      await closeNotice(trx, claimed.id)
      return undefined
    }
    await deps.quota.countCall(trx, apiOf(claimed))
    return { ...claimed, group }
  })
  if (!notice) return
  const api = apiOf(notice)
  const log = deps.log.child({
    ...(isAboutRights(notice) ? {} : { incidentId: notice.incident_id }),
    ...(notice.dingtalk_user_id === null
      ? { openConversationId: notice.open_conversation_id }
      : { userId: notice.dingtalk_user_id }),
  })
  try {
    await awaitTurn()
    if (await isOfAnother(db.read, integrationId, deps.corpId)) return
    await send(deps.client, notice)
    await db.write((trx) => closeNotice(trx, notice.id))
    log.info('notice-sent')
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    const { failure } = error
    // What the administrator has to put right first is waited for where no card tells the same.
    const isBlocked = failure.kind === 'blocked' && isAboutRights(notice)
    const again = failure.kind === 'throttled' || failure.kind === 'retryable' || isBlocked
    const asked = failure.kind === 'throttled' || failure.kind === 'retryable' ? (failure.retryAfterMs ?? 0) : 0
    const pauseMs = isBlocked ? BLOCKED_MS : Math.max(RETRY_MS, asked)
    await db.write(async (trx) => {
      if (again) await postponeNotice(trx, notice.id, clock.nowMs() + pauseMs)
      else await closeNotice(trx, notice.id)
      if (costNothing(failure)) await deps.quota.refundCall(trx, api)
    })
    log.warn({ err: error, detail: error.detail, again }, 'notice-failed')
    if (again) await deps.wake(pauseMs)
    if (failure.kind === 'throttled') throw error
  }
}

/** Nothing else tells the person. */
function isAboutRights({ incident_id: incidentId }: Notice): boolean {
  return incidentId === ''
}

function apiOf(notice: Notice): string {
  return notice.dingtalk_user_id === null ? 'groupMessages/send' : 'oToMessages/batchSend'
}

async function send(client: DingTalkClient, notice: Notice & { group: Group | undefined }): Promise<void> {
  const message: RobotMessage = { msgKey: 'sampleText', msgParam: { content: asSaid(notice.text) } }
  if (notice.dingtalk_user_id !== null) {
    await sendToPerson(client, { userId: notice.dingtalk_user_id, robotCode: client.clientId }, message)
    return
  }
  const to = {
    openConversationId: notice.open_conversation_id,
    robotCode: notice.group?.robot_code ?? client.clientId,
    coolAppCode: notice.group?.cool_app_code ?? undefined,
  }
  await sendToGroup(client, to, message)
}
