import { type CardFace, standingOf } from '../../domain/card.ts'
import { isMessageKey, type Locale, say, severityDot, severityName, span } from '../../domain/messages.ts'
import { cutMarkdown } from './cut-markdown.ts'
import { cut, inline, words } from './text.ts'
import { clockTime, dateTime } from '../../domain/time.ts'

const MAX_TITLE = 200
/** Families of emoji take up some ten units each. */
const UNITS_PER_TITLE_LETTER = 16
const MAX_VALUE = 200
const MAX_PEOPLE = 600
const MAX_PREFIX = 30
/** DingTalk keeps 200 characters of it (page "interface-for-creating-a-card-instance"). */
const MAX_PUSH_TEXT = 120
const MAX_PUSH_UNITS = 200

export function progressWord(face: CardFace, locale: Locale = face.locale): string {
  const { incident } = face
  if (face.gone) return say(locale, 'progress.gone')
  const progress = standingOf(face)
  if (progress === 'recovered') return say(locale, 'progress.recovered')
  if (progress !== 'snoozed') return say(locale, `progress.${incident.progress}`)
  const time = clockTime(incident.snoozed_before, incident.account_time_zone)
  return say(locale, 'progress.snoozed', { time })
}

export function dotOf(face: CardFace): string {
  return severityDot(standingOf(face) === 'recovered' ? 'Ok' : face.incident.incident_severity)
}

/** `[ESCALATE] [告警风暴] `: why it is told, and what is odd about it while it is open. */
export function signs(face: CardFace, locale: Locale = face.locale): string {
  const open = face.incident.progress !== 'Closed'
  return [
    cut(inline(face.prefix, true), MAX_PREFIX),
    open && face.inStorm ? say(locale, 'sign.storm') : '',
    open && face.flapping ? say(locale, 'sign.flapping') : '',
  ]
    .filter(Boolean)
    .map((sign) => `[${sign}] `)
    .join('')
}

/** Flashduty's own title where there is one. Mere text, one line. */
function nameOf({ incident, rendered, plain }: CardFace): string {
  const title = plain ? undefined : rendered?.title
  return cut(words(title ?? incident.title, plain), MAX_TITLE, UNITS_PER_TITLE_LETTER)
}

/** The same with the incident's number; a title of Flashduty's own has it or does without. */
export function headline(face: CardFace): string {
  const { incident, rendered, plain } = face
  const numbered = incident.num !== '' && (plain || rendered?.title === undefined)
  return `${numbered ? `#${cut(inline(incident.num, true), 20)} ` : ''}${nameOf(face)}`
}

/** What lets a person decide in bed, on one line. */
export function pushText(face: CardFace, locale: Locale): string {
  const { incident } = face
  const progress = incident.progress === 'Triggered' && !face.gone ? '' : `·${progressWord(face, locale)}`
  const channel = words(incident.channel_name, face.plain)
  const text = cut(
    `[${severityName(locale, incident.incident_severity)}${progress}] ${signs(face, locale)}${nameOf(face)}${channel ? ` · ${channel}` : ''}`,
    MAX_PUSH_TEXT,
  )
  if (text.length <= MAX_PUSH_UNITS) return text
  return `${text.slice(0, MAX_PUSH_UNITS - 1).replace(/\p{Surrogate}$/u, '')}…`
}

/** Names and values for people, in the order Flashduty's own messages have them. */
export function factsOf(face: CardFace): [name: string, value: string][] {
  const { incident, locale, plain } = face
  const facts: [string, string][] = [
    [say(locale, 'fact.channel'), cut(words(incident.channel_name, plain), MAX_VALUE)],
    [say(locale, 'fact.severity'), severityName(locale, incident.incident_severity)],
    [say(locale, 'fact.start'), dateTime(incident.start_time, incident.account_time_zone)],
  ]
  const duration = durationOf(face)
  if (duration !== '') facts.push([say(locale, 'fact.duration'), duration])
  if (incident.alert_cnt > 1) {
    facts.push([say(locale, 'fact.alerts'), say(locale, 'fact.alerts.count', { count: incident.alert_cnt })])
  }
  facts.push([say(locale, 'fact.responders'), responders(face)])
  facts.push([say(locale, 'fact.impact'), cutMarkdown(inline(incident.impact ?? '', plain), MAX_VALUE).text])
  return facts.filter(([, value]) => value !== '')
}

/** Only of what is over: a running one would change by itself. */
function durationOf({ incident, locale }: CardFace): string {
  const endedAt = incident.close_time || incident.end_time
  if (incident.progress !== 'Closed' || endedAt <= incident.start_time) return ''
  return span(locale, (endedAt - incident.start_time) / 60)
}

function responders({ incident, locale, plain }: CardFace): string {
  const people = incident.responders ?? []
  if (people.length === 0) return say(locale, 'fact.nobody')
  const names = people.map(
    (person) => words(person.person_name || String(person.person_id), plain) + (person.acknowledged_at ? ' ✓' : ''),
  )
  return cut(names.join('、'), MAX_PEOPLE)
}

/** The line under the body: what a person did last, or where to look instead. */
export function tipsOf(face: CardFace): string {
  const { lastAct, incident, locale } = face
  if (face.superseded) return say(locale, 'card.superseded')
  if (face.gone) return say(locale, 'card.gone')
  const key = lastAct ? `act.${lastAct.eventType}` : ''
  if (!lastAct || !isMessageKey(key)) return ''
  return say(locale, key, {
    name: cut(words(lastAct.personName, face.plain), MAX_VALUE),
    time: clockTime(lastAct.at, incident.account_time_zone),
    what: lastAct.what ? `“${cut(words(lastAct.what, face.plain), MAX_PREFIX)}”` : say(locale, 'button.custom'),
  })
}
