import type { Mention } from '../../domain/card.ts'
import type { ChatTarget } from '../../domain/event.ts'
import type { PlanInput } from './plan.ts'

type Found = { chats: ChatTarget[]; people: { ids: number[]; names: Map<number, string> } }

/** Event types that tell groups without naming any. */
const TELLS_GROUPS = new Set(['i_assign', 'i_notify'])

/** Targets named by the delivery; without any, the groups of the rule or else of the routes, and the responders. */
export function findTargets({ event, ruleChats, routedGroups, integration }: PlanInput): Found {
  const responders = event.incident.responders ?? []
  const names = new Map(responders.map((person) => [person.person_id, person.person_name]))
  if (event.delivery.targets) {
    return { chats: event.delivery.targets.chats, people: { ids: event.delivery.targets.personIds, names } }
  }
  const routed = routedGroups.map((chatId): ChatTarget => ({ ...EVERYTHING, chatId }))
  const chats = !TELLS_GROUPS.has(event.eventType) ? [] : ruleChats && ruleChats.length > 0 ? ruleChats : routed
  const ids = integration.dmFromWebhook ? responders.map((person) => person.person_id) : []
  return { chats, people: { ids, names } }
}

const EVERYTHING = { chatName: undefined, disableAt: false, replyEventTypes: [], severities: [] }

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
