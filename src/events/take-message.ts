import type { InboundMessage } from '../domain/inbound.ts'
import { recordTitle } from '../storage/groups.ts'
import { enterInbox } from '../storage/inbox.ts'
import type { EventDeps } from './deps.ts'

/**
 * What people write to the robot is not read; but it proves that a group exists, and by which name, which is how one
 * whose install was missed becomes known. Never throws.
 */
export async function takeMessage(deps: EventDeps, { msgId, group, sentAt }: InboundMessage): Promise<void> {
  try {
    await deps.db.write(async (trx) => {
      const nowMs = deps.clock.nowMs()
      const isNew = await enterInbox(trx, { source: 'event', id: `${deps.integration.id}:message:${msgId}` }, nowMs)
      await deps.countPush(trx, 'robot')
      if (!isNew || group?.title === undefined) return
      const { openConversationId, title } = group
      const heard = { integrationId: deps.integration.id, openConversationId, title, chatId: null, titledAt: sentAt }
      await recordTitle(trx, heard, nowMs)
    })
  } catch (error) {
    deps.log.warn({ msgId, err: error }, 'message-not-stored')
  }
}
