import { recordTitle } from '../storage/group-facts.ts'
import type { HandleEvent } from './deps.ts'
import { textOf, timeOf } from './fields.ts'

/** `chat_update_title`. A group not heard of before is remembered too: it may install the cool app later. */
export const groupRenamed: HandleEvent = async (deps, trx, event) => {
  const openConversationId = textOf(event, 'openConversationId')
  const title = textOf(event, 'title')
  if (openConversationId === undefined || title === undefined) {
    deps.log.warn({ eventId: event.eventId, eventType: event.eventType }, 'event-without-group')
    return { refreshGroup: false }
  }
  const taken = await recordTitle(
    trx,
    {
      integrationId: deps.integration.id,
      openConversationId,
      title,
      chatId: textOf(event, 'chatId') ?? null,
      titledAt: timeOf(event, 'timeStamp') || event.bornAt,
    },
    deps.clock.nowMs(),
  )
  deps.log.info({ eventId: event.eventId, openConversationId, title, taken }, 'group-renamed')
  return { refreshGroup: false }
}
