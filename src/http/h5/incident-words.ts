import { type Standing, standingOf } from '../../domain/card.ts'
import type { Incident } from '../../domain/incident.ts'
import { isMessageKey, type Locale, say, severityName } from '../../domain/messages.ts'
import { fullName, type Named, numberOf, titleOf, wordsBesideNumber } from '../../domain/naming.ts'
import { shortLine } from '../../domain/text.ts'
import { clockTimeNear } from '../../domain/time.ts'
import type { StoredIncident } from '../../storage/incidents.ts'

type Known = Pick<StoredIncident, 'incident' | 'snoozeOver'>

/** Letters of what comes from outside, as far as a page shows it. */
export const MAX_NAME = 100
export const MAX_CHANNEL = 200
const MAX_TITLE = 200
const MAX_SHORT_TITLE = 60
const MAX_SEVERITY = 20

const WORDS: Record<Exclude<Standing, 'snoozed'>, Parameters<typeof say>[1]> = {
  triggered: 'progress.Triggered',
  processing: 'progress.Processing',
  closed: 'progress.Closed',
  recovered: 'progress.recovered',
}

export function standingWord(stored: Known, locale: Locale): string {
  const standing = standingOf(stored)
  if (standing !== 'snoozed') return say(locale, WORDS[standing])
  const { snoozed_before: until, account_time_zone: zone, start_time: startedAt } = stored.incident
  const time = clockTimeNear(until, zone, startedAt)
  return time === '' ? say(locale, 'progress.snoozed.open') : say(locale, 'progress.snoozed', { time })
}

/** How bad it is, as a class of the style sheet: green once it has recovered, none for a word that is nobody's. */
export function toneOf(stored: Known): string {
  const severity: string = severityNow(stored)
  return TONES.has(severity) ? severity : ''
}

const TONES: ReadonlySet<string> = new Set(['Critical', 'Warning', 'Info', 'Ok'])

function severityNow(stored: Known): Incident['incident_severity'] {
  return standingOf(stored) === 'recovered' ? 'Ok' : stored.incident.incident_severity
}

/** How bad it is now. */
export function toneWord(stored: Known, locale: Locale): string {
  return severityWord(severityNow(stored), locale)
}

export function severityWord(severity: Incident['incident_severity'], locale: Locale): string {
  return shortLine(severityName(locale, severity), MAX_SEVERITY)
}

/** The title as it stands beside the number; the channel of an incident whose title cannot be seen. */
export function titleBesideNumber(incident: Named, locale: Locale): string {
  return wordsBesideNumber(incident, locale, MAX_TITLE)
}

/** What a page of one incident is called. */
export function pageTitle(incident: Named, locale: Locale): string {
  return titleOf(incident, MAX_TITLE) || fullName(incident, locale, MAX_TITLE)
}

/** `#56E25B`, or the title of an incident that has no number. */
export function shortName(incident: Named, locale: Locale): string {
  return numberOf(incident) || wordsBesideNumber(incident, locale, MAX_SHORT_TITLE)
}

/** What a person did last; empty when nobody did anything, or nobody knows when. */
export function lastActWords({ lastAct, incident }: StoredIncident, locale: Locale): string {
  const key = lastAct ? `act.${lastAct.eventType}` : ''
  if (!lastAct || !isMessageKey(key)) return ''
  const time = clockTimeNear(lastAct.at, incident.account_time_zone, incident.start_time)
  if (time === '') return ''
  const what = shortLine(lastAct.what ?? '', MAX_NAME)
  return say(locale, key, {
    name: shortLine(lastAct.personName, MAX_NAME),
    time,
    what: what === '' ? say(locale, 'button.custom') : what,
  })
}
