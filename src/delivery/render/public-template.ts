import { encodeButton, type Action } from '../../domain/button.ts'
import { isSnoozed, type CardFace, type DrawnCard } from '../../domain/card.ts'
import { digest } from '../../domain/ids.ts'
import { isMessageKey, say, severityDot, severityName, span } from '../../domain/messages.ts'

/**
 * The vendor's Markdown-with-buttons template, usable by any app (DingTalk's Python SDK, card_instance.py).
 * Variables: `title`, `markdown`, `tips`, and `sys_full_json_obj` holding `{"msgButtons": […]}`.
 */
export const PUBLIC_TEMPLATE_ID = '1366a1eb-bc54-4859-ac88-517c56a9acb1.schema'

const MAX_BUTTONS = 6
const MAX_TITLE = 200
const MAX_DESCRIPTION = 600
const MAX_PUSH_TEXT = 120
const MAX_VALUE = 200
const MAX_PEOPLE = 600

/** Pure: equal faces give equal cards. `tips` replaces the line under the body, for a press's answer. */
export function drawCard(face: CardFace, tips?: string): DrawnCard {
  const { incident, locale } = face
  const title = cut(oneLine(incident.title), MAX_TITLE)
  const prefix = face.prefix ? `[${face.prefix}] ` : ''
  const number = incident.num ? `#${incident.num} ` : ''
  const draw = (revision: number): Record<string, string> => ({
    title: `${severityDot(incident.incident_severity)} ${progressWord(face)} · ${prefix}${number}${title}`,
    markdown: body(face),
    tips: tips ?? (face.superseded ? say(locale, 'card.superseded') : lastActLine(face)),
    sys_full_json_obj: JSON.stringify({ msgButtons: buttons(face, revision) }),
  })
  return {
    cardParamMap: draw(face.rev),
    pushText: cut(
      `[${severityName(locale, incident.incident_severity)}] ${prefix}${title}${incident.channel_name ? ` · ${oneLine(incident.channel_name)}` : ''}`,
      MAX_PUSH_TEXT,
    ),
    hash: digest(24, JSON.stringify(draw(0))),
  }
}

function progressWord({ incident, locale, snoozeOver }: CardFace): string {
  if (isSnoozed(incident, snoozeOver)) {
    return say(locale, 'progress.snoozed', { time: clockTime(incident.snoozed_before, incident.account_time_zone) })
  }
  return say(locale, `progress.${incident.progress}`)
}

function body(face: CardFace): string {
  const { incident, locale } = face
  const facts: [string, string][] = [
    [say(locale, 'fact.channel'), cut(inline(incident.channel_name), MAX_VALUE)],
    [say(locale, 'fact.severity'), severityName(locale, incident.incident_severity)],
    [say(locale, 'fact.start'), dateTime(incident.start_time, incident.account_time_zone)],
  ]
  const endedAt = incident.close_time || incident.end_time
  if (incident.progress === 'Closed' && endedAt > incident.start_time) {
    facts.push([say(locale, 'fact.duration'), span(locale, (endedAt - incident.start_time) / 60)])
  }
  if (incident.alert_cnt > 1) {
    facts.push([say(locale, 'fact.alerts'), say(locale, 'fact.alerts.count', { count: incident.alert_cnt })])
  }
  facts.push([say(locale, 'fact.responders'), responders(face)])
  const lines = facts.filter(([, value]) => value !== '').map(([name, value]) => `**${name}**：${value}`)
  const resource = incident.labels?.['resource']
  if (resource) lines.push(`**resource**：${cut(inline(resource), MAX_VALUE)}`)
  const description = cut(incident.description.trim(), MAX_DESCRIPTION)
  if (description) lines.push('---', description)
  return lines.join('\n\n')
}

function responders({ incident, locale }: CardFace): string {
  const people = incident.responders ?? []
  if (people.length === 0) return say(locale, 'fact.nobody')
  const names = people.map(
    (person) => inline(person.person_name || String(person.person_id)) + (person.acknowledged_at ? ' ✓' : ''),
  )
  return cut(names.join('、'), MAX_PEOPLE)
}

function lastActLine({ lastAct, incident, locale }: CardFace): string {
  if (!lastAct) return ''
  const key = `act.${lastAct.eventType}`
  if (!isMessageKey(key)) return ''
  return say(locale, key, {
    name: cut(oneLine(lastAct.personName), MAX_VALUE),
    time: clockTime(lastAct.at, incident.account_time_zone),
  })
}

type Button =
  | { text: string; color: string; id: string; request: true; params: { id: string } }
  | { text: string; color: string; url: string; iosUrl: string }

function buttons(face: CardFace, revision: number): Button[] {
  const { incident, locale } = face
  const press = (action: Action, color: string, minutes?: number): Button => {
    const id = encodeButton({ action, revision, ...(minutes === undefined ? {} : { minutes }) })
    const text =
      minutes === undefined
        ? say(locale, `button.${action}`)
        : say(locale, 'button.snooze', { span: span(locale, minutes) })
    // Both forms of naming a press; the template passes back whichever it honours.
    return { text, color, id, request: true, params: { id } }
  }
  const detail: Button[] = incident.detail_url
    ? [{ text: say(locale, 'button.detail'), color: 'gray', url: incident.detail_url, iosUrl: incident.detail_url }]
    : []
  if (face.superseded || incident.progress === 'Closed') return detail
  if (incident.progress === 'Triggered') return [press('ack', 'blue'), press('resolve', 'gray'), ...detail]
  if (isSnoozed(incident, face.snoozeOver)) return [press('wake', 'blue'), press('resolve', 'gray'), ...detail]
  const rest = [press('resolve', 'gray'), press('unack', 'gray'), ...detail]
  const snoozes = face.snoozeMinutes
    .slice(0, MAX_BUTTONS - rest.length)
    .map((minutes) => press('snooze', 'blue', minutes))
  return [...snoozes, ...rest]
}

const FALLBACK_ZONE = 'Asia/Shanghai'

function format(seconds: number, zone: string | undefined, options: Intl.DateTimeFormatOptions): string {
  const at = new Date(seconds * 1000)
  try {
    return new Intl.DateTimeFormat('sv-SE', { ...options, timeZone: zone || FALLBACK_ZONE }).format(at)
  } catch {
    return new Intl.DateTimeFormat('sv-SE', { ...options, timeZone: FALLBACK_ZONE }).format(at)
  }
}

/** `2026-01-31 09:05:00` in the account's time zone. */
function dateTime(seconds: number, zone: string | undefined): string {
  return format(seconds, zone, { dateStyle: 'short', timeStyle: 'medium' })
}

/** `09:05` in the account's time zone. */
function clockTime(seconds: number, zone: string | undefined): string {
  return format(seconds, zone, { hour: '2-digit', minute: '2-digit' })
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim()
}

/** A value inside our Markdown: one line, and no tag that DingTalk would take for a mention or a colour. */
function inline(text: string): string {
  return oneLine(text).replaceAll('<', '＜')
}

const letters = new Intl.Segmenter()

/**
 * At most `length` letters as people count them; `…` says that something is missing. A letter may carry any number of
 * marks, so what they take up is bounded too.
 */
function cut(text: string, length: number): string {
  if (text.length <= length) return text
  let count = 0
  let end = 0
  for (const { segment, index } of letters.segment(text)) {
    count += 1
    if (count <= length) end = index
    if (count > length || index + segment.length > length * 16) return `${text.slice(0, end)}…`
  }
  return text
}
