import { type CardFace, standingOf } from '../../domain/card.ts'
import { knownSeverity, respondersOf } from '../../domain/incident.ts'
import { isMessageKey, type Locale, say, severityDot, severityName, span } from '../../domain/messages.ts'
import { MAX_RESPONDERS } from '../../domain/limits.ts'
import { fullName, numberOf, titleOf, titleOrNumber } from '../../domain/naming.ts'
import {
  beginningOf,
  bareWords,
  cut,
  isVisible,
  MAX_READ,
  sendable,
  shortLine,
  UNITS_PER_TITLE_LETTER,
} from '../../domain/text.ts'
import { clockTimeNear, dateTime, isBelievable } from '../../domain/time.ts'

/** Letters. */
const MAX_TITLE = 200
const MAX_BARE_TITLE = 100
const MAX_CHANNEL = 200
const MAX_NAME = 100
const MAX_PEOPLE = 600
const MAX_PREFIX = 30
const MAX_SEVERITY = 20
/** DingTalk keeps 200 characters of it (page "interface-for-creating-a-card-instance"). */
const MAX_PUSH_TEXT = 120
/** Units. */
const MAX_PUSH_UNITS = 200
const MAX_IMPACT = 2_000

export function progressWord(face: CardFace, locale: Locale = face.locale): string {
  const { incident } = face
  if (face.gone) return say(locale, 'progress.gone')
  const progress = standingOf(face)
  if (progress === 'recovered') return say(locale, 'progress.recovered')
  if (progress !== 'snoozed') return say(locale, `progress.${incident.progress}`)
  const time = clockTimeNear(incident.snoozed_before, incident.account_time_zone, incident.start_time)
  return time === '' ? say(locale, 'progress.snoozed.open') : say(locale, 'progress.snoozed', { time })
}

export function dotOf(face: CardFace): string {
  return severityDot(standingOf(face) === 'recovered' ? 'Ok' : face.incident.incident_severity)
}

/** Flashduty's word for how bad it is, or whatever stands in its place. */
export function severityWord({ incident }: CardFace, locale: Locale): string {
  return shortLine(severityName(locale, incident.incident_severity), MAX_SEVERITY)
}

/** `[ESCALATE] [告警风暴] `: why it is told, and what is odd about it while it is open. */
export function signs(face: CardFace, locale: Locale = face.locale): string {
  const open = face.incident.progress !== 'Closed'
  return [
    face.minimal ? '' : shortLine(face.prefix, MAX_PREFIX),
    open && face.inStorm ? say(locale, 'sign.storm') : '',
    open && face.flapping ? say(locale, 'sign.flapping') : '',
  ]
    .filter(Boolean)
    .map((sign) => `[${sign}] `)
    .join('')
}

/** Flashduty's own title where there is one that can be seen. Mere text, one line. */
function renderedTitle({ rendered, plain, minimal }: CardFace): string {
  return plain || minimal || rendered?.title === undefined ? '' : titleOf({ title: rendered.title }, MAX_TITLE)
}

/** The title with the incident's number; one of Flashduty's own has it or does without. */
export function headline(face: CardFace): string {
  const { incident, minimal, locale } = face
  if (minimal) return bareWords(incident.title, MAX_BARE_TITLE) || numberOf(incident) || say(locale, 'card.untitled')
  return renderedTitle(face) || fullName(incident, locale, MAX_TITLE)
}

/** What lets a person decide in bed, on one line. */
export function pushText(face: CardFace, locale: Locale): string {
  const { incident } = face
  const progress = incident.progress === 'Triggered' && !face.gone ? '' : progressWord(face, locale)
  const state = [severityWord(face, locale), progress].filter(Boolean).join('·')
  const channel = channelOf(face)
  const name = face.minimal
    ? headline({ ...face, locale })
    : renderedTitle(face) || titleOrNumber(incident, locale, MAX_TITLE)
  const text = cut(
    `${state && `[${state}] `}${signs(face, locale)}${name}${channel ? ` · ${channel}` : ''}`,
    MAX_PUSH_TEXT,
  )
  if (text.length <= MAX_PUSH_UNITS) return text
  return `${beginningOf(text, MAX_PUSH_UNITS - 1)}…`
}

function channelOf({ incident, minimal }: CardFace): string {
  return minimal ? '' : shortLine(incident.channel_name, MAX_CHANNEL)
}

/**
 * `own` = words of ours; `severity` = one that has a colour; `words` = text from outside, of no language; `prose` = the same in
 * Markdown, with its line breaks.
 */
export type Fact = { name: string; value: string; kind: 'own' | 'severity' | 'words' | 'prose' }

/** Names and values for people, in the order Flashduty's own messages have them. */
export function factsOf(face: CardFace): Fact[] {
  const { incident, locale } = face
  const fact = (key: Parameters<typeof say>[1], value: string, kind: Fact['kind'] = 'own'): Fact[] =>
    value === '' ? [] : [{ name: say(locale, key), value, kind }]
  const isKnown = knownSeverity(incident.incident_severity) !== undefined
  const severity = fact('fact.severity', severityWord(face, locale), isKnown && !face.minimal ? 'severity' : 'words')
  if (face.minimal) return severity
  const count = Number.isFinite(incident.alert_cnt) && incident.alert_cnt > 1 ? incident.alert_cnt : undefined
  return [
    ...fact('fact.channel', channelOf(face), 'words'),
    ...severity,
    ...fact('fact.start', dateTime(incident.start_time, incident.account_time_zone)),
    ...fact('fact.duration', durationOf(face)),
    ...fact('fact.alerts', count === undefined ? '' : say(locale, 'fact.alerts.count', { count })),
    ...fact('fact.responders', peopleOf(face), 'words'),
    ...fact('fact.impact', impactOf(face), 'prose'),
  ]
}

/** Only of what is over: a running one would change by itself. */
function durationOf({ incident, locale }: CardFace): string {
  const { progress, start_time: startedAt } = incident
  const endedAt = incident.close_time || incident.end_time
  if (progress !== 'Closed' || !isBelievable(startedAt) || !isBelievable(endedAt) || endedAt <= startedAt) return ''
  return span(locale, (endedAt - startedAt) / 60)
}

function peopleOf({ incident, locale }: CardFace): string {
  const people = respondersOf(incident)
  if (people.length === 0) return say(locale, 'fact.nobody')
  let names = ''
  for (const person of people.slice(0, MAX_RESPONDERS)) {
    const name = shortLine(person.person_name, MAX_NAME) || String(person.person_id)
    names += `${names === '' ? '' : '、'}${name}${person.acknowledged_at ? ' ✓' : ''}`
    if (names.length > MAX_PEOPLE * UNITS_PER_TITLE_LETTER) break
  }
  return cut(names, MAX_PEOPLE)
}

function impactOf({ incident }: CardFace): string {
  const impact = sendable(beginningOf(incident.impact ?? '', MAX_READ)).trim()
  const read = beginningOf(impact, MAX_IMPACT)
  if (!isVisible(read)) return ''
  return read.length < impact.length ? `${read}…` : read
}

/** The line under the body: what a person did last, or where to look instead. */
export function tipsOf(face: CardFace): string {
  const { lastAct, incident, locale } = face
  if (face.superseded) return say(locale, 'card.superseded')
  if (face.gone) return say(locale, 'card.gone')
  const key = lastAct ? `act.${lastAct.eventType}` : ''
  if (!lastAct || face.minimal || !isMessageKey(key)) return ''
  const time = clockTimeNear(lastAct.at, incident.account_time_zone, incident.start_time)
  if (time === '') return ''
  const what = shortLine(lastAct.what ?? '', MAX_PREFIX)
  return say(locale, key, {
    name: shortLine(lastAct.personName, MAX_NAME),
    time,
    what: what === '' ? say(locale, 'button.custom') : `“${what}”`,
  })
}
