import { type CardFace, standingOf } from '../../domain/card.ts'
import { isMessageKey, type Locale, say, severityDot, severityName, span } from '../../domain/messages.ts'
import { MAX_RESPONDERS } from '../../domain/limits.ts'
import { beginningOf, bareWords, cut, inline, MAX_READ, shortWords, UNITS_PER_TITLE_LETTER } from '../../domain/text.ts'
import { clockTimeNear, dateTime, isBelievable } from '../../domain/time.ts'
import { cutMarkdown } from './cut-markdown.ts'

/** Letters. */
const MAX_TITLE = 200
const MAX_BARE_TITLE = 100
const MAX_VALUE = 200
const MAX_NAME = 100
const MAX_PEOPLE = 600
const MAX_PREFIX = 30
const MAX_NUMBER = 20
const MAX_SEVERITY = 20
/** DingTalk keeps 200 characters of it (page "interface-for-creating-a-card-instance"). */
const MAX_PUSH_TEXT = 120
/** Units. */
const MAX_PUSH_UNITS = 200
const MAX_IMPACT_READ = 2_000

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
export function severityWord({ incident, plain }: CardFace, locale: Locale): string {
  return shortWords(severityName(locale, incident.incident_severity), MAX_SEVERITY, { plain })
}

/** `[ESCALATE] [告警风暴] `: why it is told, and what is odd about it while it is open. */
export function signs(face: CardFace, locale: Locale = face.locale): string {
  const open = face.incident.progress !== 'Closed'
  return [
    face.minimal ? '' : shortWords(face.prefix, MAX_PREFIX, { plain: true }),
    open && face.inStorm ? say(locale, 'sign.storm') : '',
    open && face.flapping ? say(locale, 'sign.flapping') : '',
  ]
    .filter(Boolean)
    .map((sign) => `[${sign}] `)
    .join('')
}

/** Flashduty's own title where there is one. Mere text, one line. */
function nameOf({ incident, rendered, plain, minimal }: CardFace, locale: Locale): string {
  const untitled = say(locale, 'card.untitled')
  if (minimal) return bareWords(incident.title, MAX_BARE_TITLE) || untitled
  const how = { plain, unitsPerLetter: UNITS_PER_TITLE_LETTER }
  const own = plain || rendered?.title === undefined ? '' : shortWords(rendered.title, MAX_TITLE, how)
  return own || shortWords(incident.title, MAX_TITLE, how) || untitled
}

/** The same with the incident's number; a title of Flashduty's own has it or does without. */
export function headline(face: CardFace): string {
  const { incident, rendered, plain, minimal } = face
  const name = nameOf(face, face.locale)
  if (minimal || incident.num === '' || (!plain && rendered?.title !== undefined)) return name
  const number = shortWords(incident.num, MAX_NUMBER, { plain: true })
  return number === '' ? name : `#${number} ${name}`
}

/** What lets a person decide in bed, on one line. */
export function pushText(face: CardFace, locale: Locale): string {
  const { incident } = face
  const progress = incident.progress === 'Triggered' && !face.gone ? '' : progressWord(face, locale)
  const state = [severityWord(face, locale), progress].filter(Boolean).join('·')
  const channel = channelOf(face)
  const text = cut(
    `${state && `[${state}] `}${signs(face, locale)}${nameOf(face, locale)}${channel ? ` · ${channel}` : ''}`,
    MAX_PUSH_TEXT,
  )
  if (text.length <= MAX_PUSH_UNITS) return text
  return `${beginningOf(text, MAX_PUSH_UNITS - 1)}…`
}

function channelOf({ incident, plain, minimal }: CardFace): string {
  return minimal ? '' : shortWords(incident.channel_name, MAX_VALUE, { plain })
}

/** Names and values for people, in the order Flashduty's own messages have them. */
export function factsOf(face: CardFace): [name: string, value: string][] {
  const { incident, locale } = face
  const severity: [string, string] = [say(locale, 'fact.severity'), severityWord(face, locale)]
  if (face.minimal) return [severity]
  const count = Number.isFinite(incident.alert_cnt) && incident.alert_cnt > 1 ? incident.alert_cnt : undefined
  const facts: [string, string][] = [
    [say(locale, 'fact.channel'), channelOf(face)],
    severity,
    [say(locale, 'fact.start'), dateTime(incident.start_time, incident.account_time_zone)],
    [say(locale, 'fact.duration'), durationOf(face)],
    [say(locale, 'fact.alerts'), count === undefined ? '' : say(locale, 'fact.alerts.count', { count })],
    [say(locale, 'fact.responders'), responders(face)],
    [say(locale, 'fact.impact'), impactOf(face)],
  ]
  return facts.filter(([, value]) => value !== '')
}

/** Only of what is over: a running one would change by itself. */
function durationOf({ incident, locale }: CardFace): string {
  const { progress, start_time: startedAt } = incident
  const endedAt = incident.close_time || incident.end_time
  if (progress !== 'Closed' || !isBelievable(startedAt) || !isBelievable(endedAt) || endedAt <= startedAt) return ''
  return span(locale, (endedAt - startedAt) / 60)
}

function responders({ incident, locale, plain }: CardFace): string {
  const people = incident.responders ?? []
  if (people.length === 0) return say(locale, 'fact.nobody')
  let names = ''
  for (const person of people.slice(0, MAX_RESPONDERS)) {
    const name = shortWords(person.person_name, MAX_NAME, { plain }) || String(person.person_id)
    names += `${names === '' ? '' : '、'}${name}${person.acknowledged_at ? ' ✓' : ''}`
    if (names.length > MAX_PEOPLE * UNITS_PER_TITLE_LETTER) break
  }
  return cut(names, MAX_PEOPLE)
}

function impactOf({ incident, plain }: CardFace): string {
  const impact = beginningOf(incident.impact ?? '', MAX_READ).trim()
  const read = beginningOf(impact, MAX_IMPACT_READ)
  const { text, truncated } = cutMarkdown(inline(read, plain), MAX_VALUE)
  return truncated || read.length < impact.length ? `${text}…` : text
}

/** The line under the body: what a person did last, or where to look instead. */
export function tipsOf(face: CardFace): string {
  const { lastAct, incident, locale, plain } = face
  if (face.superseded) return say(locale, 'card.superseded')
  if (face.gone) return say(locale, 'card.gone')
  const key = lastAct ? `act.${lastAct.eventType}` : ''
  if (!lastAct || face.minimal || !isMessageKey(key)) return ''
  const time = clockTimeNear(lastAct.at, incident.account_time_zone, incident.start_time)
  if (time === '') return ''
  const what = shortWords(lastAct.what ?? '', MAX_PREFIX, { plain })
  return say(locale, key, {
    name: shortWords(lastAct.personName, MAX_VALUE, { plain }),
    time,
    what: what === '' ? say(locale, 'button.custom') : `“${what}”`,
  })
}
