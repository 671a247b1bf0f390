import { recordDisbanded } from '../storage/group-facts.ts'
import type { HandleEvent } from './deps.ts'
import { textOf, timeOf } from './fields.ts'
import { whichGroup } from './which-group.ts'

/** `chat_disband`. */
export const groupDisbanded: HandleEvent = async (deps, trx, event) => {
  const openConversationId = await whichGroup(deps, trx, event)
  if (openConversationId === undefined) return { refreshGroup: false }
  const group = {
    integrationId: deps.integration.id,
    openConversationId,
    chatId: textOf(event, 'chatId') ?? null,
    disbandedAt: timeOf(event, 'timeStamp') || event.bornAt,
  }
  const taken = await recordDisbanded(trx, group, deps.clock.nowMs())
  deps.log.info({ eventId: event.eventId, openConversationId, taken }, 'group-disbanded')
  return { refreshGroup: false }
}
