import type { Action } from './button.ts'
import { isSnoozed } from './card.ts'
import type { Incident } from './incident.ts'

export type ActionVerdict =
  /** Flashduty has to be called. */
  | 'needed'
  /** The incident is where the press wants it already. */
  | 'reached'
  /** The state has moved on; the action has no meaning any more. */
  | 'not-applicable'

/** Tells our own snooze from an earlier, shorter one when a press is repeated after a crash (seconds). */
const SNOOZE_TOLERANCE = 90

/** Pure: what a press still means for an incident. @param pressedAt Unix seconds */
export function judgeAction(
  incident: Incident,
  click: { action: Action; minutes: number | undefined; memberId: number; pressedAt: number },
): ActionVerdict {
  const closed = incident.progress === 'Closed'
  const snoozed = isSnoozed(incident, false)
  switch (click.action) {
    case 'ack': {
      if (closed) return 'not-applicable'
      const mine = incident.responders?.find((person) => person.person_id === click.memberId)
      return incident.progress === 'Processing' && mine && mine.acknowledged_at > 0 ? 'reached' : 'needed'
    }
    case 'unack':
      if (closed) return 'not-applicable'
      return incident.progress === 'Triggered' ? 'reached' : 'needed'
    case 'snooze': {
      if (incident.progress !== 'Processing') return 'not-applicable'
      const wanted = click.pressedAt + (click.minutes ?? 0) * 60
      return snoozed && incident.snoozed_before >= wanted - SNOOZE_TOLERANCE ? 'reached' : 'needed'
    }
    case 'wake':
      if (closed) return 'not-applicable'
      return snoozed ? 'needed' : 'reached'
    case 'resolve':
      return closed ? 'reached' : 'needed'
    case 'reopen':
      return closed ? 'needed' : 'reached'
    case 'custom':
    case 'refresh':
      return 'needed'
  }
}

/** What an event says of an incident; `at` Unix seconds. */
export type News = {
  eventType: string
  personId: number | undefined
  /** Of a custom action: which. */
  customId: number | undefined
  at: number
  incident: Incident
}

/** Clocks differ: news of an act may seem a little older than its press. */
const NEWS_TOLERANCE = 60

/**
 * Pure: whether the news shows that the press was carried out, though nobody answered it: the same member did the same, or
 * the incident is where the press wanted it. What another member did proves nothing, unless it closed the incident.
 */
export function isProof(
  click: {
    action: Action
    minutes: number | undefined
    customId: number | undefined
    memberId: number
    pressedAt: number
  },
  { eventType, personId, customId, at, incident }: News,
): boolean {
  if (click.action === 'ack' || click.action === 'resolve') {
    if (judgeAction(incident, click) === 'reached') return true
  }
  const own = personId === click.memberId && eventType === EVENT_OF_ACTION[click.action]
  const same = click.action !== 'custom' || customId === click.customId
  return own && same && at >= click.pressedAt - NEWS_TOLERANCE
}

/** Whether a look at the incident tells if it was done. What cannot be told is never repeated after an unknown outcome. */
export function canBeReread(action: Action): boolean {
  return action !== 'custom'
}

/**
 * For how long a press of the very same button is no second act (ms). What is read from the incident is done once for good;
 * a custom action, which runs something elsewhere, may be wanted again after minutes; a look may be wanted at any time.
 */
export function repeatsFor(action: Action): number {
  if (action === 'custom') return 5 * 60_000
  return action === 'refresh' ? 0 : Infinity
}

/** The event that Flashduty sends for each action, if any; filters and the card's last line go by it. */
export const EVENT_OF_ACTION: Record<Action, string | undefined> = {
  ack: 'i_ack',
  unack: 'i_unack',
  snooze: 'i_snooze',
  wake: 'i_wake',
  resolve: 'i_rslv',
  reopen: 'i_reopen',
  custom: 'i_custom',
  refresh: undefined,
}
