import { recordSeen } from '../storage/group-facts.ts'
import type { HandleEvent } from './deps.ts'
import { textOf } from './fields.ts'
import { whichGroup } from './which-group.ts'

/**
 * Any other event that names a group: it is there. Events come from every group of the corporation, with our app in it
 * or not, so nobody is asked about one for that alone.
 */
export const groupSeen: HandleEvent = async (deps, trx, event) => {
  const openConversationId = await whichGroup(deps, trx, event)
  if (openConversationId === undefined) return { refreshGroup: false }
  const group = { integrationId: deps.integration.id, openConversationId, chatId: textOf(event, 'chatId'), ask: false }
  return recordSeen(trx, group, deps.clock.nowMs())
}
