import type { Audience, Mention, Space, TargetKind } from '../../domain/card.ts'
import type { IncidentEvent } from '../../domain/event.ts'
import type { ChatTarget } from '../../domain/read-delivery.ts'
import type { GroupStatus } from '../../domain/group.ts'
import type { Progress } from '../../domain/incident.ts'
import type { Reason } from '../../domain/reasons.ts'

/** A card that exists already, as planning needs to know it. Newest generation first in every list of them. */
export type ExistingCard = {
  outTrackId: string
  notificationKey: string
  generation: number
  audienceKey: string
  audience: Audience
  /** When its notification's event was, in ms. */
  eventTime?: number
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
  /** When the event was, in ms; undefined = after everything known. */
  eventTime?: number
  /** This event moved the stored incident forward; false for a late or repeated one. */
  isNewest: boolean
  /** Progress of the newest known snapshot, which is what gets drawn. */
  progress: Progress
  groups: ReadonlyMap<string, GroupState>
  /** DingTalk user by Flashduty member id. */
  links: ReadonlyMap<number, string>
  /** Members who were linked to somebody who has left the corporation since. */
  left: ReadonlySet<number>
  cards: ExistingCard[]
  /** Target keys that already have a record of this event; of linked people both keys, their user's and `member:`. */
  seen: ReadonlySet<string>
  /** Members who have a record of this incident; undefined = nobody asked. */
  recorded?: ReadonlySet<number> | undefined
  nowMs: number
}

/** Whom an operation record is about; a person who was never linked is known by member id only. */
export type RecordTarget =
  | { kind: 'group'; id: string; name: string | undefined }
  | { kind: 'person'; id: string; name: string | undefined }
  /** Nobody, several, or somebody whom nothing says who they are: `id` is empty or tells which. */
  | { kind: 'none'; id: string; name: undefined }

export type PlannedRecord = { target: RecordTarget; memberId?: number } & (
  | { status: 'pending'; outTrackId: string; spaceId: string; effect: 'create' | 'update' }
  | { status: 'failed' | 'skipped'; reason: Reason; detail?: string }
  | { status: 'duplicate' }
)

export type MissedTarget = {
  target: RecordTarget
  memberId: number | null
  audience: Audience
  notification: { key: string; generation: number; prefix: string }
  /** Told once the incident reaches one of these; null = once they are there. */
  severities: string[] | null
}

export type NewCard = {
  outTrackId: string
  audienceKey: string
  audience: Audience
  /** How many cards of this notification and audience are frozen already. */
  replacement: number
  spaces: Space[]
}

export type Merge = { from: string; to: string; spaces: Space[] }

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
  /** Generations from that of the notification on make room for it: it comes late. */
  insertsGeneration: boolean
  /** What waits for an older card of which nothing has left, in places that a newer one goes to as well: the newer one does for both. */
  merges: Merge[]
  /** Newer cards on their way that do for this event's as well: they call its people too. */
  callsBy: string[]
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

/** Takes a planned record in; the first about a target counts. */
export type TakeRecord = (record: PlannedRecord) => void

export function targetKey(target: { kind: RecordTarget['kind']; id: string }): string {
  return `${target.kind}:${target.id}`
}

export function targetOfKey(key: string): RecordTarget {
  const colon = key.indexOf(':')
  return { kind: key.slice(0, colon), id: key.slice(colon + 1), name: undefined } as RecordTarget
}

export function spaceKey(space: { kind: TargetKind; targetId: string }): string {
  return `${space.kind}:${space.targetId}`
}
