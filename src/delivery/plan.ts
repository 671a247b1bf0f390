import type { Audience, Space, TargetKind } from '../domain/card.ts'
import type { ChatTarget, IncidentEvent } from '../domain/event.ts'
import { digest } from '../domain/ids.ts'
import type { Locale } from '../domain/messages.ts'
import type { Reason } from '../domain/reasons.ts'
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
  /** Places it is in or on its way to; failed ones are not listed. */
  spaces: Space[]
}

export type GroupState = {
  status: 'installed' | 'uninstalled' | 'disbanded' | 'unknown'
  robotCode: string | null
  title: string | null
}

export type PlanInput = {
  event: IncidentEvent
  integration: { id: string; clientId: string }
  /** This event moved the stored incident forward; false for a late or repeated one. */
  isNewest: boolean
  /** Progress of the newest known snapshot, which is what gets drawn. */
  progress: 'Triggered' | 'Processing' | 'Closed'
  groups: ReadonlyMap<string, GroupState>
  /** DingTalk user by Flashduty member id. */
  links: ReadonlyMap<number, string>
  cards: ExistingCard[]
  /** Target keys that already have a record of this event. */
  seen: ReadonlySet<string>
  nowMs: number
}

/** Whom an operation record is about; a person who was never linked is known by member id only. */
export type RecordTarget =
  | { kind: 'group'; id: string; name: string | undefined }
  | { kind: 'person'; id: string; name: string | undefined }
  | { kind: 'none'; id: ''; name: undefined }

export type PlannedRecord = { target: RecordTarget } & (
  | { status: 'pending'; outTrackId: string; spaceId: string; effect: 'create' | 'update' }
  | { status: 'failed' | 'skipped'; reason: Reason }
  | { status: 'duplicate' }
)

export type NewCard = { outTrackId: string; audienceKey: string; audience: Audience; spaces: Space[] }

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
  records: PlannedRecord[]
}

/** What an event asks for, beside updating the cards that exist. */
type Ask =
  /** Cards for targets that have none yet; `first` is one notification however many events make it up. */
  | { kind: 'first' }
  /** Cards for every target, again. */
  | { kind: 'again'; key: string; prefix: string }
  | { kind: 'update-only' }

export function targetKey(target: { kind: RecordTarget['kind']; id: string }): string {
  return `${target.kind}:${target.id}`
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
    records: [],
  }
  const records = new Map<string, PlannedRecord>()
  const record = (entry: PlannedRecord): void => {
    const key = targetKey(entry.target)
    if (!records.has(key)) records.set(key, input.seen.has(key) ? { target: entry.target, status: 'duplicate' } : entry)
  }

  const live = cards.filter((card) => !card.frozen).sort((a, b) => b.generation - a.generation)
  if (ask.kind !== 'update-only') planCreates(input, ask, plan, record)

  const newSpaces = new Set(plan.newCards.flatMap((card) => card.spaces.map(spaceKey)))
  for (const card of live) {
    const replaced =
      ask.kind === 'again' && card.spaces.length > 0 && card.spaces.every((s) => newSpaces.has(spaceKey(s)))
    if (replaced) (card.unsent ? plan.cancels : plan.freezes).push(card.outTrackId)
    const allowed =
      card.audience.replyEventTypes.length === 0 || card.audience.replyEventTypes.includes(event.eventType)
    if (input.isNewest && allowed && !replaced) plan.updates.push(card.outTrackId)
    for (const space of card.spaces) {
      if (newSpaces.has(spaceKey(space))) continue
      record({
        target: { kind: space.kind, id: space.targetId, name: undefined },
        ...(!input.isNewest
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

  if (records.size === 0)
    record({ target: { kind: 'none', id: '', name: undefined }, status: 'skipped', reason: 'NO_TARGET' })
  plan.records = [...records.values()]
  if (plan.newCards.length === 0 && plan.joins.length === 0) plan.notification = undefined
  return plan
}

function planCreates(
  input: PlanInput,
  ask: Exclude<Ask, { kind: 'update-only' }>,
  plan: Plan,
  record: (entry: PlannedRecord) => void,
): void {
  const { event, integration } = input
  const notificationKey = ask.kind === 'first' ? 'first' : ask.key
  const known = input.cards.find((card) => card.notificationKey === notificationKey)
  const generation = known?.generation ?? Math.max(-1, ...input.cards.map((card) => card.generation)) + 1
  plan.notification = { key: notificationKey, generation, prefix: ask.kind === 'again' ? ask.prefix : '' }

  // Frozen cards count: their targets were reached, and a repeated event must not reach them again.
  const here = input.cards.filter((card) => ask.kind === 'first' || card.notificationKey === notificationKey)
  const reached = new Set(here.flatMap((card) => card.spaces.map(spaceKey)))
  const audiences = new Map<string, { audience: Audience; spaces: Space[] }>()
  const place = (target: RecordTarget, space: Space, audience: Audience): void => {
    const audienceKey = keyOfAudience(audience)
    const outTrackId = nameCard(integration.id, event.incident.incident_id, notificationKey, audienceKey, 0)
    record({ target, status: 'pending', outTrackId, spaceId: space.targetId, effect: 'create' })
    const entry = audiences.get(audienceKey) ?? { audience, spaces: [] }
    if (!entry.spaces.some((other) => spaceKey(other) === spaceKey(space))) entry.spaces.push(space)
    audiences.set(audienceKey, entry)
  }

  const { chats, people } = findTargets(input)
  const refusal = refuseAll(input)
  for (const chat of chats) {
    const space: Space = { kind: 'group', targetId: chat.chatId }
    if (reached.has(spaceKey(space))) continue
    const group = input.groups.get(chat.chatId)
    const target: RecordTarget = { kind: 'group', id: chat.chatId, name: group?.title ?? chat.chatName }
    const reason = refusal ?? refuseGroup(group) ?? refuseSeverity(chat, event)
    if (reason) record({ target, status: statusOf(reason), reason })
    else place(target, space, audienceOf(input, group?.robotCode ?? integration.clientId, chat))
  }
  for (const memberId of people.ids) {
    const userId = input.links.get(memberId)
    const name = people.names.get(memberId)
    if (userId === undefined) {
      record({ target: { kind: 'person', id: `member:${memberId}`, name }, status: 'failed', reason: 'NOT_LINKED' })
      continue
    }
    const space: Space = { kind: 'person', targetId: userId }
    if (reached.has(spaceKey(space))) continue
    const target: RecordTarget = { kind: 'person', id: userId, name }
    if (refusal) record({ target, status: statusOf(refusal), reason: refusal })
    else place(target, space, audienceOf(input, integration.clientId, undefined))
  }

  for (const [audienceKey, { audience, spaces }] of audiences) {
    const outTrackId = nameCard(integration.id, event.incident.incident_id, notificationKey, audienceKey, 0)
    const joined = input.cards.some((card) => card.outTrackId === outTrackId)
    if (joined) plan.joins.push({ outTrackId, spaces })
    else plan.newCards.push({ outTrackId, audienceKey, audience, spaces })
  }
}

/** A new generation's prefix and key by the event that asks for it; see the glossary for "notification". */
function readAsk(event: IncidentEvent): Ask {
  const { delivery, eventType } = event
  if (delivery.mode === 'update') return { kind: 'update-only' }
  const assigned = event.incident.assigned_to?.type ?? 'assign'
  if (eventType === 'i_assign' && assigned !== 'assign') {
    return { kind: 'again', key: event.eventId, prefix: assigned.toUpperCase() }
  }
  if (delivery.fireType === 'refire' && (eventType === 'i_notify' || eventType === 'i_assign')) {
    return { kind: 'again', key: delivery.rid ?? event.eventId, prefix: 'REFIRE' }
  }
  const first = ['i_new', 'i_assign', 'i_notify', 'i_a_rspd'].includes(eventType) || delivery.mode === 'create'
  return first ? { kind: 'first' } : { kind: 'update-only' }
}

type Found = { chats: ChatTarget[]; people: { ids: number[]; names: Map<number, string> } }

/** Targets named by the delivery; without any, the responders in their own chats. */
function findTargets({ event }: PlanInput): Found {
  const responders = event.incident.responders ?? []
  const names = new Map(responders.map((person) => [person.person_id, person.person_name]))
  if (event.delivery.targets) {
    return { chats: event.delivery.targets.chats, people: { ids: event.delivery.targets.personIds, names } }
  }
  return { chats: [], people: { ids: responders.map((person) => person.person_id), names } }
}

function refuseAll({ event, progress, nowMs }: PlanInput): Reason | undefined {
  if (progress === 'Closed') return 'ALREADY_CLOSED'
  if (event.delivery.expiresAtMs !== undefined && event.delivery.expiresAtMs <= nowMs) return 'EXPIRED'
  return undefined
}

function refuseGroup(group: GroupState | undefined): Reason | undefined {
  if (group?.status === 'disbanded') return 'CHAT_NOT_FOUND'
  return group?.status === 'installed' ? undefined : 'COOL_APP_NOT_INSTALLED'
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
    templateId: PUBLIC_TEMPLATE_ID,
    callbackType: 'STREAM',
    locale: delivery.locale ?? accountLocale,
    replyEventTypes: [...new Set(chat?.replyEventTypes)].sort(),
    disableAt: chat?.disableAt ?? false,
    snoozeMinutes: delivery.snoozeMinutes,
  }
}

export function keyOfAudience(audience: Audience): string {
  return digest(
    16,
    audience.robotCode,
    audience.templateId,
    audience.callbackType,
    audience.locale,
    audience.replyEventTypes.join(','),
    String(audience.disableAt),
    audience.snoozeMinutes.join(','),
  )
}

/** `fd-<incidentId>-<24 letters>`: the same card gets the same name in every retry and every process. At most 64. */
export function nameCard(
  integrationId: string,
  incidentId: string,
  notificationKey: string,
  audienceKey: string,
  replacement: number,
): string {
  const readable = /^[\w-]{1,36}$/.test(incidentId) ? incidentId : digest(24, incidentId)
  return `fd-${readable}-${digest(24, integrationId, incidentId, notificationKey, audienceKey, replacement)}`
}

function spaceKey(space: { kind: TargetKind; targetId: string }): string {
  return `${space.kind}:${space.targetId}`
}
