import type { Ack, InboundMessage } from '../domain/inbound.ts'
import { entryOfMessage } from '../domain/journal.ts'
import { recordRobot, recordTitle } from '../storage/group-facts.ts'
import { enterInbox } from '../storage/inbox.ts'
import { isOfAnother } from '../storage/integrations.ts'
import type { EventDeps } from './deps.ts'
import { laterBecause } from './later.ts'

/**
 * What people write to the robot is not read; but it proves that a group exists, by which name, and that the robot is in
 * it, which is how one whose install was missed becomes known: DingTalk is then asked about the cool app. LATER when it
 * could not be stored, as with events. Never throws.
 */
export async function takeMessage(deps: EventDeps, message: InboundMessage, how?: 'again'): Promise<Ack> {
  const { msgId, group, sentAt, robotCode } = message
  const integrationId = deps.integration.id
  // A conversation of another corporation is no group of ours.
  const isForeign = message.corpId !== undefined && message.corpId !== deps.integration.corpId
  if (isForeign) deps.log.warn({ msgId, corpId: message.corpId, own: deps.integration.corpId }, 'message-foreign')
  try {
    const refresh = await deps.db.write(async (trx) => {
      // As with events.
      if (await isOfAnother(trx, integrationId, deps.integration.corpId)) return 'former'
      const nowMs = deps.clock.nowMs()
      const isNew = await enterInbox(trx, { source: 'event', id: `${integrationId}:message:${msgId}` }, nowMs)
      await deps.countPush(trx, 'robot')
      if (isNew) await deps.keep(trx, integrationId, () => entryOfMessage(message), nowMs)
      if (!group || isForeign || !(isNew || how === 'again')) return false
      const { openConversationId, title } = group
      const id = { integrationId, openConversationId }
      if (title !== undefined) await recordTitle(trx, { ...id, title, chatId: null, titledAt: sentAt }, nowMs)
      const robot = { present: true, robotCode: robotCode ?? null, coolAppCode: null, at: sentAt }
      return (await recordRobot(trx, { ...id, ...robot }, nowMs)).refreshGroup
    })
    if (refresh === 'former') return { status: 'LATER', message: 'the integration is changing' }
    if (refresh) await deps.producer.tick(integrationId, 'group')
    return { status: 'SUCCESS', message: 'ok' }
  } catch (error) {
    deps.log.warn({ msgId, err: error }, 'message-not-stored')
    return laterBecause(error)
  }
}
