import { isVisible } from '../domain/text.ts'
import { recordDoubt, recordTitle } from '../storage/group-facts.ts'
import type { HandleEvent } from './deps.ts'
import { textOf, timeOf } from './fields.ts'
import { whichGroup } from './which-group.ts'

/** `chat_update_title`. A group not heard of before is remembered too: it may install the cool app later. */
export const groupRenamed: HandleEvent = async (deps, trx, event) => {
  const openConversationId = await whichGroup(deps, trx, event)
  if (openConversationId === undefined) return { refreshGroup: false }
  const title = textOf(event, 'title')
  // A group has a name, whatever the event says: it keeps the one that is known, and DingTalk is asked.
  if (title === undefined || !isVisible(title)) {
    const group = { integrationId: deps.integration.id, openConversationId }
    await recordDoubt(trx, group, ['installed', 'robot'], deps.clock.nowMs())
    deps.log.info({ eventId: event.eventId, openConversationId }, 'group-renamed-to-nothing')
    return { refreshGroup: true }
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
