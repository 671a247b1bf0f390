import { hasRecovered, type Incident, type LastAct, type Rendered } from './incident.ts'
import type { Locale } from './messages.ts'

/** What targets must share to share one card instance. Its hash names the card, so keys are never reordered or dropped. */
export type Audience = {
  robotCode: string
  templateId: string
  callbackType: 'STREAM' | 'HTTP'
  locale: Locale
  /** Sorted; empty = all. */
  replyEventTypes: string[]
  disableAt: boolean
  snoozeMinutes: number[]
  customActions: CustomAction[]
}

/** What Flashduty offers beside its own actions; `name` is the button's text. */
export type CustomAction = { integrationId: number; name: string }

/** A person whom a group's card calls by name; `userId` is DingTalk's. */
export type Mention = { userId: string; name: string }

/** Everything a card's face depends on. There is no clock in it: a face changes only when stored state does. */
export type CardFace = {
  incident: Incident
  /** Revision of the incident; the buttons carry it. */
  rev: number
  lastAct: LastAct | undefined
  /** The stored snooze has run out though no event said so. */
  snoozeOver: boolean
  /** `REFIRE`, `ESCALATE` … of the notification, or empty. */
  prefix: string
  /** A newer notification reached all of this card's targets. */
  superseded: boolean
  locale: Locale
  snoozeMinutes: number[]
  customActions: CustomAction[]
  /** Which template it is drawn for. */
  templateId: string
  rendered: Rendered | undefined
  flapping: boolean
  inStorm: boolean
  /** Flashduty does not know the incident any more. */
  gone: boolean
  /** No Markdown from outside, no images, no links in texts: for a face that DingTalk refused, or that could not be drawn. */
  plain: boolean
  /** Every value is below 1 KB, and only acting, closing and 查看详情 are offered: for a face that DingTalk refused. */
  reduced?: boolean
  /** Of texts from outside only the letters of the title: for a face that could not even be drawn plain. */
  minimal: boolean
}

/**
 * What only the presser sees: a sentence in place of the last line, and a way out put before the buttons. The sentence may
 * name no button that is not there.
 */
export type Overlay = {
  tips: string | ((drawn: { detail: boolean }) => string)
  lead?: 'detail' | { text: string; url: string } | undefined
}

/** What an operation record says beside its status. */
export type CardNote = 'CONTENT_TRUNCATED'

/** A card ready to be sent: DingTalk wants every value as text. */
export type DrawnCard = {
  cardParamMap: Record<string, string>
  /** Which of them the template shows as Markdown. */
  markdownIn: string
  /** The line that phones show on the lock screen, in the card's language. */
  pushText: string
  /** The same line for the list of chats, which a client asks for in its own language. */
  lastMessage: Record<Locale, string>
  notes: CardNote[]
  /** Equal for equal faces; blind to the revision inside button ids. */
  hash: string
}

export type TargetKind = 'group' | 'person'

/** A place a card can be in: a group by openConversationId, a person by DingTalk userId. */
export type Space = { kind: TargetKind; targetId: string }

/** Incident `Processing` and put off, as far as the snapshot itself can tell. */
export function isSnoozed(incident: Incident, snoozeOver: boolean): boolean {
  return (
    incident.progress === 'Processing' && !snoozeOver && incident.snoozed_before > Math.max(incident.updated_at ?? 0, 0)
  )
}

/** How far an incident has come, as people are told it. */
export type Standing = 'triggered' | 'processing' | 'snoozed' | 'closed' | 'recovered'

export function standingOf({ incident, snoozeOver }: { incident: Incident; snoozeOver: boolean }): Standing {
  if (isSnoozed(incident, snoozeOver)) return 'snoozed'
  if (incident.progress === 'Closed') return hasRecovered(incident) ? 'recovered' : 'closed'
  return incident.progress === 'Triggered' ? 'triggered' : 'processing'
}
