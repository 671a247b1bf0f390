import type { Clock } from '../clock.ts'
import type { DingTalkClient } from '../dingtalk/client.ts'
import { queryGroup } from '../dingtalk/groups.ts'
import { AppError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Producer } from '../queue/producer.ts'
import type { AwaitTurn } from '../queue/workers.ts'
import type { Db } from '../storage/db.ts'
import { claimGroupToRefresh, recordTitle, recordVerdict, scheduleRefresh } from '../storage/groups.ts'
import { costNothing, type Quota } from './quota.ts'

const RETRY_MS = 30_000
const RETRY_MAX_MS = 3_600_000

/**
 * Asks DingTalk for the title of the group that has waited longest: install events do not carry it.
 * @throws AppError `throttled` when the pacer should pause
 */
export async function refreshGroup(
  deps: {
    db: Db
    clock: Clock
    log: Log
    client: DingTalkClient
    integrationId: string
    quota: Quota
    producer: Pick<Producer, 'tick'>
  },
  awaitTurn: AwaitTurn,
): Promise<void> {
  const askedAt = deps.clock.nowMs()
  const group = await deps.db.write(async (trx) => {
    const claimed = await claimGroupToRefresh(trx, deps.integrationId, askedAt, askedAt + RETRY_MS)
    if (claimed) await deps.quota.countCall(trx, 'sceneGroups/query')
    return claimed
  })
  if (!group) return
  const id = { integrationId: deps.integrationId, openConversationId: group.open_conversation_id }
  const log = deps.log.child(id)
  await awaitTurn()
  try {
    const info = await queryGroup(deps.client, { ...id, coolAppCode: group.cool_app_code ?? undefined })
    await deps.db.write(async (trx) => {
      const nowMs = deps.clock.nowMs()
      await recordTitle(trx, { ...id, title: info.title, chatId: null, titledAt: askedAt }, nowMs)
      if (info.disbanded) await recordVerdict(trx, { ...id, status: 'disbanded', askedAt }, nowMs)
      await scheduleRefresh(trx, id, { dueAt: null, failures: 0 })
    })
    log.info({ title: info.title, disbanded: info.disbanded }, 'group-refreshed')
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    const { failure } = error
    const failures = group.refresh_failures + 1
    const gone = failure.kind === 'permanent'
    const pauseMs =
      failure.kind === 'throttled' ? failure.retryAfterMs : Math.min(RETRY_MS * 2 ** (failures - 1), RETRY_MAX_MS)
    await deps.db.write(async (trx) => {
      const nowMs = deps.clock.nowMs()
      if (costNothing(failure)) await deps.quota.refundCall(trx, 'sceneGroups/query')
      if (failure.code === 'COOL_APP_NOT_INSTALLED') {
        await recordVerdict(trx, { ...id, status: 'uninstalled', askedAt }, nowMs)
      }
      await scheduleRefresh(trx, id, { dueAt: gone ? null : nowMs + pauseMs, failures })
    })
    log.warn({ err: error, detail: error.detail }, 'group-refresh-failed')
    if (!gone) await deps.producer.tick(deps.integrationId, 'group', pauseMs)
    if (failure.kind === 'throttled') throw error
  }
}
