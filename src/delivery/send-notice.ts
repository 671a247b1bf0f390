import type { Clock } from '../clock.ts'
import type { DingTalkClient } from '../dingtalk/client.ts'
import { sendToGroup } from '../dingtalk/messages.ts'
import { AppError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { AwaitTurn } from '../queue/workers.ts'
import type { Db } from '../storage/db.ts'
import { findGroup } from '../storage/groups.ts'
import { claimNotice, closeNotice, postponeNotice } from '../storage/notices.ts'
import { costNothing, type Quota } from './quota.ts'

const LEASE_MS = 30_000
const RETRY_MS = 5_000

/**
 * Has the robot say the notice that is due longest: at most one call. It is said once or, when nobody can know, not again:
 * the card tells the same.
 * @throws AppError `throttled` when the pacer should pause
 */
export async function sendNotice(
  deps: {
    db: Db
    clock: Clock
    log: Log
    client: DingTalkClient
    integrationId: string
    quota: Quota
    wake: (delayMs: number) => Promise<void>
  },
  awaitTurn: AwaitTurn,
): Promise<void> {
  const { db, clock, integrationId } = deps
  const notice = await db.write(async (trx) => {
    const nowMs = clock.nowMs()
    const claimed = await claimNotice(trx, integrationId, nowMs, nowMs + LEASE_MS)
    if (!claimed) return undefined
    const group = await findGroup(trx, { integrationId, openConversationId: claimed.open_conversation_id })
    if (claimed.expires_at <= nowMs || group?.status !== 'installed' || (await deps.quota.isScarce(trx))) {
      await closeNotice(trx, claimed.id)
      return undefined
    }
    await deps.quota.countCall(trx, 'groupMessages/send')
    return { ...claimed, group }
  })
  if (!notice) return
  const log = deps.log.child({ incidentId: notice.incident_id, openConversationId: notice.open_conversation_id })
  try {
    const to = {
      openConversationId: notice.open_conversation_id,
      robotCode: notice.group.robot_code ?? deps.client.clientId,
      coolAppCode: notice.group.cool_app_code ?? undefined,
    }
    await awaitTurn()
    await sendToGroup(deps.client, to, { msgKey: 'sampleText', msgParam: { content: notice.text } })
    await db.write((trx) => closeNotice(trx, notice.id))
    log.info('notice-sent')
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    const { failure } = error
    const again = failure.kind === 'throttled' || failure.kind === 'retryable'
    const pauseMs = Math.max(RETRY_MS, again ? (failure.retryAfterMs ?? 0) : 0)
    await db.write(async (trx) => {
      if (again) await postponeNotice(trx, notice.id, clock.nowMs() + pauseMs)
      else await closeNotice(trx, notice.id)
      if (costNothing(failure)) await deps.quota.refundCall(trx, 'groupMessages/send')
    })
    log.warn({ err: error, detail: error.detail, again }, 'notice-failed')
    if (again) await deps.wake(pauseMs)
    if (failure.kind === 'throttled') throw error
  }
}
