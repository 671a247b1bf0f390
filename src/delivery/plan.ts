import type { Audience, Mention, Space, TargetKind } from '../domain/card.ts'
import type { ChatTarget, IncidentEvent } from '../domain/event.ts'
import { type GroupStatus, isReachable } from '../domain/group.ts'
import type { Locale } from '../domain/messages.ts'
import type { Reason } from '../domain/reasons.ts'
import { keyOfAudience, nameUnfrozen } from './names.ts'
import { PUBLIC_TEMPLATE_ID } from './render/public-template.ts'

/** A card that exists already, as planning needs to know it. Newest generation first in every list of them. */
export type ExistingCard = {
  outTrackId: string
  notificationKey: string
  generation: number
  audienceKey: string
  audience: Audience
  frozen: boolean
  /** No request for it has left yet. */
  unsent: boolean
  /** The stored incident has moved on by events that its audience does not let through. */
  behind: boolean
  /** Places it is in or on its way to; failed ones are not listed. */
  spaces: Space[]
}

export type GroupState = {
  status: GroupStatus
  robotCode: string | null
  title: string | null
}

export type PlanInput = {
  event: IncidentEvent
  integration: {
    id: string
    clientId: string
    templateId: string | undefined
    dmFromWebhook: boolean
    /** How presses of new cards return. */
    cardCallback: Audience['callbackType']
  }
  /** Groups of the escalation rule, when it was asked for and answered. */
  ruleChats: ChatTarget[] | undefined
  /** Groups that local routes name for the incident's channel. */
  routedGroups: string[]
  /** Why no group is known though a rule names some; undefined when all that could be known is. */
  unread: 'later' | Reason | undefined
  /** This event moved the stored incident forward; false for a late or repeated one. */
  isNewest: boolean
  /** Progress of the newest known snapshot, which is what gets drawn. */
  progress: 'Triggered' | 'Processing' | 'Closed'
  groups: ReadonlyMap<string, GroupState>
  /** DingTalk user by Flashduty member id. */
  links: ReadonlyMap<number, string>
  /** Members who were linked to somebody who has left the corporation since. */
  left: ReadonlySet<number>
  cards: ExistingCard[]
  /** Target keys that already have a record of this event; of linked people both keys, their user's and `member:`. */
  seen: ReadonlySet<string>
  nowMs: number
}

/** Whom an operation record is about; a person who was never linked is known by member id only. */
export type RecordTarget =
  | { kind: 'group'; id: string; name: string | undefined }
  | { kind: 'person'; id: string; name: string | undefined }
  | { kind: 'none'; id: ''; name: undefined }

export type PlannedRecord = { target: RecordTarget; memberId?: number } & (
  | { status: 'pending'; outTrackId: string; spaceId: string; effect: 'create' | 'update' }
  | { status: 'failed' | 'skipped'; reason: Reason }
  | { status: 'duplicate' }
)

export type MissedTarget = {
  target: RecordTarget
  memberId: number | null
  audience: Audience
  notification: { key: string; generation: number; prefix: string }
}

export type NewCard = {
  outTrackId: string
  audienceKey: string
  audience: Audience
  /** How many cards of this notification and audience are frozen already. */
  replacement: number
  spaces: Space[]
}

export type Plan = {
  /** The notification that new cards belong to, when there are any. */
  notification: { key: string; generation: number; prefix: string } | undefined
  newCards: NewCard[]
  /** Spaces that join a card made earlier. */
  joins: { outTrackId: string; spaces: Space[] }[]
  /** Cards that may show this event. */
  updates: string[]
  /** Cards all of whose targets have a newer one now. */
  freezes: string[]
  /** Cards that were superseded before anything of them left. */
  cancels: string[]
  /** Groups that are told in words beside the card. */
  notices: string[]
  /** Targets that would have got a card had they been there: they get it when they come. */
  missed: MissedTarget[]
  /** Whom groups mention, by the names the incident has for them (empty = none); an audience may be spared it. */
  mentions: Mention[]
  records: PlannedRecord[]
  /** Whether the event asks to tell people, so that Flashduty is told what came of it. */
  tells: boolean
}

/** What an event asks for, beside updating the cards that exist. */
type Ask =
  /** Cards for targets that have none yet; `first` is one notification however many events make it up. */
  | { kind: 'first' }
  /** Cards for every target, again. */
  | { kind: 'again'; key: string; prefix: string }
  | { kind: 'update-only' }

function targetKey(target: { kind: RecordTarget['kind']; id: string }): string {
  return `${target.kind}:${target.id}`
}

function targetOfKey(key: string): RecordTarget {
  const colon = key.indexOf(':')
  return { kind: key.slice(0, colon), id: key.slice(colon + 1), name: undefined } as RecordTarget
}

/** Pure: what one event means for every target, each outcome with its reason. */
export function planDelivery(input: PlanInput): Plan {
  const { event, cards } = input
  const ask = readAsk(event)
  const plan: Plan = {
    notification: undefined,
    newCards: [],
    joins: [],
    updates: [],
    freezes: [],
    cancels: [],
    notices: [],
    missed: [],
    mentions: findMentions(input),
    records: [],
    tells: ask.kind !== 'update-only',
  }
  const records = new Map<string, PlannedRecord>()
  const record = (entry: PlannedRecord): void => {
    const key = targetKey(entry.target)
    if (!records.has(key)) records.set(key, input.seen.has(key) ? { target: entry.target, status: 'duplicate' } : entry)
  }

  const live = cards.filter((card) => !card.frozen).sort((a, b) => b.generation - a.generation)
  const waived = ask.kind === 'update-only' ? [] : planCreates(input, ask, plan, record)

  const toldAgain = ask.kind === 'again' && plan.newCards.length + plan.joins.length > 0
  const generations = newestGenerations(live, plan)
  for (const card of live) {
    const spaces = [...card.spaces, ...plan.joins.flatMap((j) => (j.outTrackId === card.outTrackId ? j.spaces : []))]
    const replaced =
      toldAgain &&
      spaces.length > 0 &&
      spaces.every((space) => (generations.get(spaceKey(space)) ?? -1) > card.generation)
    if (replaced) (card.unsent ? plan.cancels : plan.freezes).push(card.outTrackId)
    const allowed =
      card.audience.replyEventTypes.length === 0 || card.audience.replyEventTypes.includes(event.eventType)
    // What overtook this event was kept from the card, so this one is still news there.
    const isNews = input.isNewest || (card.behind && allowed && input.seen.size === 0)
    if (isNews && allowed && !replaced) {
      plan.updates.push(card.outTrackId)
      if (input.isNewest && event.eventType === 'i_storm')
        plan.notices.push(...card.spaces.filter(isGroup).map(({ targetId }) => targetId))
    }
    if (replaced) continue
    for (const space of card.spaces) {
      const target: RecordTarget = { kind: space.kind, id: space.targetId, name: undefined }
      // The card came after this event did, so the event was never news there.
      if (!isNews && input.seen.size > 0 && !input.seen.has(targetKey(target))) continue
      record({
        target,
        ...(!isNews
          ? { status: 'skipped' as const, reason: 'STALE_EVENT' as const }
          : allowed
            ? {
                status: 'pending' as const,
                outTrackId: card.outTrackId,
                spaceId: space.targetId,
                effect: 'update' as const,
              }
            : { status: 'skipped' as const, reason: 'EVENT_FILTERED' as const }),
      })
    }
  }
  // Told before, by a card that is frozen now: no live card has a record for them.
  for (const target of waived) record({ target, status: 'skipped', reason: 'SUPERSEDED' })
  for (const key of input.seen) record({ target: targetOfKey(key), status: 'duplicate' })

  const nobody: RecordTarget = { kind: 'none', id: '', name: undefined }
  if (input.unread !== undefined && input.unread !== 'later') {
    record({ target: nobody, status: 'failed', reason: input.unread })
  }
  if (records.size === 0 && input.unread !== 'later') {
    record({ target: nobody, status: 'skipped', reason: 'NO_TARGET' })
  }
  plan.records = [...records.values()]
  if (plan.newCards.length === 0 && plan.joins.length === 0) plan.notification = undefined
  return plan
}

/** The generation of each space's newest live card, this plan's own cards included. */
function newestGenerations(live: ExistingCard[], plan: Plan): Map<string, number> {
  const planned = [...plan.newCards, ...plan.joins].map(({ spaces }) => ({
    spaces,
    generation: plan.notification?.generation ?? 0,
  }))
  const newest = new Map<string, number>()
  for (const { spaces, generation } of [...live, ...planned]) {
    for (const key of spaces.map(spaceKey)) newest.set(key, Math.max(generation, newest.get(key) ?? -1))
  }
  return newest
}

/** @returns the targets that get no card because they were reached before */
function planCreates(
  input: PlanInput,
  ask: Exclude<Ask, { kind: 'update-only' }>,
  plan: Plan,
  record: (entry: PlannedRecord) => void,
): RecordTarget[] {
  const { event, integration } = input
  const notificationKey = ask.kind === 'first' ? 'first' : ask.key
  const known = input.cards.find((card) => card.notificationKey === notificationKey)
  const generation = known?.generation ?? Math.max(-1, ...input.cards.map((card) => card.generation)) + 1
  const notification = { key: notificationKey, generation, prefix: ask.kind === 'again' ? ask.prefix : '' }
  plan.notification = notification

  const { chats, people } = findTargets(input)
  const refusal = refuseAll(input)
  // Frozen cards count: their targets were reached, and a repeated event must not reach them again.
  const here = input.cards.filter((card) => ask.kind === 'first' || card.notificationKey === notificationKey)
  // A card that shows the incident closed says all there is to say.
  const closed = refusal === 'ALREADY_CLOSED' ? input.cards.filter((card) => !card.frozen) : []
  const reached = new Set([...here, ...closed].flatMap((card) => card.spaces.map(spaceKey)))
  const waived: RecordTarget[] = []
  const audiences = new Map<string, NewCard>()
  const place = (target: RecordTarget, space: Space, reason: Reason | undefined, audience: Audience): void => {
    if (reached.has(spaceKey(space))) {
      waived.push(target)
      return
    }
    if (reason) {
      record({ target, status: statusOf(reason), reason })
      return
    }
    const audienceKey = keyOfAudience(audience)
    const card = audiences.get(audienceKey) ?? {
      ...nameUnfrozen(integration.id, event.incident.incident_id, input.cards, notificationKey, audienceKey),
      audienceKey,
      audience,
      spaces: [],
    }
    record({ target, status: 'pending', outTrackId: card.outTrackId, spaceId: space.targetId, effect: 'create' })
    // Whoever has a record of this very event was told, or found not to be reachable, when it came first.
    if (input.seen.has(targetKey(target))) return
    if (!card.spaces.some((other) => spaceKey(other) === spaceKey(space))) card.spaces.push(space)
    audiences.set(audienceKey, card)
  }

  for (const chat of chats) {
    const group = input.groups.get(chat.chatId)
    const target: RecordTarget = { kind: 'group', id: chat.chatId, name: group?.title ?? chat.chatName }
    const reason = refusal ?? refuseGroup(group) ?? refuseSeverity(chat, event)
    const audience = audienceOf(input, group?.robotCode ?? integration.clientId, chat)
    place(target, { kind: 'group', targetId: chat.chatId }, reason, audience)
    if (reason === 'COOL_APP_NOT_INSTALLED' && !refuseSeverity(chat, event)) {
      plan.missed.push({ target, memberId: null, audience, notification })
    }
  }
  for (const memberId of people.ids) {
    const userId = input.links.get(memberId)
    const name = people.names.get(memberId)
    const target: RecordTarget = { kind: 'person', id: `member:${memberId}`, name }
    // The event found them before, whatever account was linked to them then.
    if (input.seen.has(targetKey(target))) {
      record({ target, status: 'duplicate' })
      continue
    }
    if (userId === undefined) {
      const reason = input.left.has(memberId) ? 'IM_USER_NOT_FOUND' : 'NOT_LINKED'
      record({ target, memberId, status: 'failed', reason })
      if (!refusal) {
        const audience = audienceOf(input, integration.clientId, undefined)
        plan.missed.push({ target, memberId, audience, notification })
      }
      continue
    }
    const linked: RecordTarget = { kind: 'person', id: userId, name }
    place(linked, { kind: 'person', targetId: userId }, refusal, audienceOf(input, integration.clientId, undefined))
  }

  for (const card of audiences.values()) {
    const { outTrackId, spaces } = card
    if (input.cards.some((other) => other.outTrackId === outTrackId)) plan.joins.push({ outTrackId, spaces })
    else plan.newCards.push(card)
  }
  return waived
}

/** A new generation's prefix and key by the event that asks for it; see the glossary for "notification". */
function readAsk(event: IncidentEvent): Ask {
  const { delivery, eventType } = event
  if (delivery.mode === 'update') return { kind: 'update-only' }
  const assigned = event.incident.assigned_to?.type || 'assign'
  if (eventType === 'i_assign' && assigned !== 'assign') {
    return { kind: 'again', key: event.eventId, prefix: assigned.toUpperCase() }
  }
  if (delivery.fireType === 'refire' && (eventType === 'i_notify' || eventType === 'i_assign')) {
    const times = delivery.fireTimes > 1 ? ` ×${delivery.fireTimes}` : ''
    return { kind: 'again', key: delivery.rid ?? event.eventId, prefix: `REFIRE${times}` }
  }
  const first = ['i_new', 'i_assign', 'i_notify', 'i_a_rspd'].includes(eventType) || delivery.mode === 'create'
  return first ? { kind: 'first' } : { kind: 'update-only' }
}

type Found = { chats: ChatTarget[]; people: { ids: number[]; names: Map<number, string> } }

/** Event types that tell groups without naming any. */
const TELLS_GROUPS = new Set(['i_assign', 'i_notify'])

/** Targets named by the delivery; without any, the groups of the rule or else of the routes, and the responders. */
function findTargets({ event, ruleChats, routedGroups, integration }: PlanInput): Found {
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
function findMentions({ event, links }: PlanInput): Mention[] {
  const responders = event.incident.responders ?? []
  const names = new Map(responders.map((person) => [person.person_id, person.person_name]))
  const ids = event.delivery.atPersonIds ?? responders.map((person) => person.person_id)
  const people = [...new Set(ids)].flatMap((id) => {
    const userId = links.get(id)
    return userId === undefined ? [] : [{ userId, name: names.get(id) ?? '' }]
  })
  return people.slice(0, MAX_MENTIONS)
}

function refuseAll({ event, progress, nowMs }: PlanInput): Reason | undefined {
  if (progress === 'Closed') return 'ALREADY_CLOSED'
  if (event.delivery.expiresAtMs !== undefined && event.delivery.expiresAtMs <= nowMs) return 'EXPIRED'
  return undefined
}

function refuseGroup(group: GroupState | undefined): Reason | undefined {
  if (group?.status === 'disbanded') return 'CHAT_NOT_FOUND'
  return isReachable(group?.status) ? undefined : 'COOL_APP_NOT_INSTALLED'
}

function refuseSeverity(chat: ChatTarget, event: IncidentEvent): Reason | undefined {
  const passes = chat.severities.length === 0 || chat.severities.includes(event.incident.incident_severity)
  return passes ? undefined : 'SEVERITY_FILTERED'
}

/** Nobody has to act on a `skipped`; a `failed` says whom the alert did not reach though it should have. */
function statusOf(reason: Reason): 'failed' | 'skipped' {
  return ['ALREADY_CLOSED', 'EXPIRED', 'SEVERITY_FILTERED'].includes(reason) ? 'skipped' : 'failed'
}

function audienceOf(input: PlanInput, robotCode: string, chat: ChatTarget | undefined): Audience {
  const { delivery, incident } = input.event
  const accountLocale: Locale = incident.account_locale?.startsWith('en') ? 'en-US' : 'zh-CN'
  return {
    robotCode,
    templateId: input.integration.templateId ?? PUBLIC_TEMPLATE_ID,
    callbackType: input.integration.cardCallback,
    locale: delivery.locale ?? accountLocale,
    replyEventTypes: [...new Set(chat?.replyEventTypes)].sort(),
    disableAt: chat?.disableAt ?? false,
    snoozeMinutes: delivery.snoozeMinutes,
    customActions: delivery.customActions,
  }
}

function isGroup(space: Space): boolean {
  return space.kind === 'group'
}

function spaceKey(space: { kind: TargetKind; targetId: string }): string {
  return `${space.kind}:${space.targetId}`
}
