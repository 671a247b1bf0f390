import type { InboundEvent } from '../domain/inbound.ts'
import { findGroupOfChat } from '../storage/groups.ts'
import type { Handle } from '../storage/schema.ts'
import type { EventDeps } from './deps.ts'
import { textOf } from './fields.ts'

/**
 * The group that an event is about, by its openConversationId. Events of the older kind may name it by `ChatId` alone: then it is
 * the one that is known by it.
 * @returns undefined for a group that nobody knows, which is logged
 */
export async function whichGroup(deps: EventDeps, trx: Handle, event: InboundEvent): Promise<string | undefined> {
  const named = textOf(event, 'openConversationId')
  if (named !== undefined) return named
  const chatId = textOf(event, 'chatId')
  const found = chatId === undefined ? undefined : await findGroupOfChat(trx, deps.integration.id, chatId)
  if (found === undefined) {
    deps.log.warn({ eventId: event.eventId, eventType: event.eventType, chatId }, 'event-without-group')
  }
  return found
}
