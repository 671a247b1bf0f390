import type { Mention } from '../../domain/card.ts'
import { MAX_TARGETS } from '../../domain/limits.ts'
import { type ChatTarget, EVERYTHING, type UnreadableTarget } from '../../domain/read-delivery.ts'
import type { PlanInput } from './plan.ts'

export type Found = {
  chats: ChatTarget[]
  people: { ids: number[]; names: Map<number, string> }
  unreadable: UnreadableTarget[]
  /** How many more there would be. */
  overLimit: number
}

/** Event types that tell groups without naming any. */
const TELLS_GROUPS = new Set(['i_assign', 'i_notify'])

/**
 * Targets named by the delivery; without any, the groups of the rule or else of the routes, and the responders. Of too many,
 * people come first.
 */
export function findTargets({ event, ruleChats, routedGroups, integration }: PlanInput): Found {
  const responders = event.incident.responders ?? []
  const names = new Map(responders.map((person) => [person.person_id, person.person_name]))
  const { delivery } = event
  const routed = routedGroups.map((chatId): ChatTarget => ({ ...EVERYTHING, chatId }))
  const elsewhere = !TELLS_GROUPS.has(event.eventType) ? [] : ruleChats && ruleChats.length > 0 ? ruleChats : routed
  const chats = [...new Map((delivery.chats ?? elsewhere).map((chat) => [chat.chatId, chat])).values()]
  const assigned = integration.dmFromWebhook ? responders.map((person) => person.person_id) : []
  const ids = [...new Set(delivery.personIds ?? assigned)]
  const { unreadableTargets } = delivery

  const told = ids.slice(0, MAX_TARGETS)
  const shown = chats.slice(0, MAX_TARGETS - told.length)
  const unreadable = unreadableTargets.slice(0, MAX_TARGETS - told.length - shown.length)
  const overLimit =
    ids.length + chats.length + unreadableTargets.length - told.length - shown.length - unreadable.length
  return { chats: shown, people: { ids: told, names }, unreadable, overLimit }
}

/** More would be a crowd that nobody reads the names of. */
const MAX_MENTIONS = 20

/** The linked ones among those the delivery names, or among the responders; everybody once. */
export function findMentions({ event, links }: PlanInput): Mention[] {
  const responders = event.incident.responders ?? []
  const names = new Map(responders.map((person) => [person.person_id, person.person_name]))
  const ids = event.delivery.atPersonIds ?? responders.map((person) => person.person_id)
  const people = [...new Set(ids)].flatMap((id) => {
    const userId = links.get(id)
    return userId === undefined ? [] : [{ userId, name: names.get(id) ?? '' }]
  })
  return people.slice(0, MAX_MENTIONS)
}
