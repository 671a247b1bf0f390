import { type Standing, standingOf } from '../../domain/card.ts'
import type { Incident } from '../../domain/incident.ts'
import { isMessageKey, type Locale, say } from '../../domain/messages.ts'
import { clockTime } from '../../domain/time.ts'
import type { StoredIncident } from '../../storage/incidents.ts'

type Known = Pick<StoredIncident, 'incident' | 'snoozeOver'>

const WORDS: Record<Exclude<Standing, 'snoozed'>, Parameters<typeof say>[1]> = {
  triggered: 'progress.Triggered',
  processing: 'progress.Processing',
  closed: 'progress.Closed',
  recovered: 'progress.recovered',
}

export function standingWord(stored: Known, locale: Locale): string {
  const standing = standingOf(stored)
  if (standing !== 'snoozed') return say(locale, WORDS[standing])
  const { snoozed_before: until, account_time_zone: zone } = stored.incident
  return say(locale, 'progress.snoozed', { time: clockTime(until, zone) })
}

/** The colour it is shown in: green once it has recovered. */
export function toneOf(stored: Known): Incident['incident_severity'] {
  return standingOf(stored) === 'recovered' ? 'Ok' : stored.incident.incident_severity
}

/** `#56E25B`, or the title of an incident that has no number. */
export function shortName({ num, title }: Incident): string {
  return num === '' ? title : `#${num}`
}

/** What a person did last; empty when nobody did anything. */
export function lastActWords({ lastAct, incident }: StoredIncident, locale: Locale): string {
  const key = lastAct ? `act.${lastAct.eventType}` : ''
  if (!lastAct || !isMessageKey(key)) return ''
  return say(locale, key, {
    name: lastAct.personName,
    time: clockTime(lastAct.at, incident.account_time_zone),
    what: lastAct.what ?? say(locale, 'button.custom'),
  })
}
