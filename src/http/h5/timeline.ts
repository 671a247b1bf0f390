import type { FeedItem } from '../../flashduty/feed.ts'
import { ACTIONS } from '../../domain/button.ts'
import { EVENT_OF_ACTION } from '../../domain/click.ts'
import type { Incident } from '../../domain/incident.ts'
import { type Locale, span } from '../../domain/messages.ts'
import { asReason, reasonWords } from '../../domain/reasons.ts'
import { isScreenKey, phrase, type ScreenKey } from '../../domain/screen-messages.ts'
import { shortLine, shortText } from '../../domain/text.ts'
import { isBelievable } from '../../domain/time.ts'
import type { PastClick, Telling } from '../../storage/incident-history.ts'
import type { StoredIncident } from '../../storage/incidents.ts'
import { nameOfAct, readAct } from './acts.ts'
import { MAX_NAME } from './incident-words.ts'

export type TimelineEntry = {
  atMs: number
  /** What happened. */
  words: string
  /** By whom; undefined = nobody, or not known. */
  who: string | undefined
  /** What more there is to it: a comment, a reason, a count. */
  said: string | undefined
  kind: 'act' | 'bad' | 'plain'
}

type Names = ReadonlyMap<number, string>

const ACTS = new Set(['i_ack', 'i_unack', 'i_snooze', 'i_wake', 'i_rslv', 'i_reopen', 'i_merge', 'i_comm', 'i_custom'])
/** Units. */
const MAX_SAID = 500
/** Letters. */
const MAX_WHY = 120
/** Names, and reasons, of one entry. */
const MOST_NAMES = 50
const MOST_WHYS = 5

/** Pure: Flashduty's own timeline, with what was tried here and came to nothing; newest first. */
export function timelineOfFeed(items: FeedItem[], clicks: PastClick[], names: Names, locale: Locale): TimelineEntry[] {
  const told = items.map(({ type, detail, creatorId, createdAtMs }): TimelineEntry => {
    const key = `feed.${type}`
    return {
      atMs: createdAtMs,
      words: phrase(locale, isScreenKey(key) ? key : 'feed.other'),
      who: creatorId > 0 ? (nameIn(names, creatorId) ?? phrase(locale, 'feed.somebody', { id: creatorId })) : undefined,
      said: type === 'i_notify' ? notified(detail, locale) : saidIn(type, detail, locale),
      kind: type === 'i_notify' && failuresIn(detail).length > 0 ? 'bad' : ACTS.has(type) ? 'act' : 'plain',
    }
  })
  return newestFirst([
    ...told,
    ...clicks.filter(({ status }) => status !== 'done').map((click) => pressed(click, locale)),
  ])
}

/** Pure: the same as far as it is known here. */
export function timelineOfStore(
  { incident, lastAct }: StoredIncident,
  clicks: PastClick[],
  tellings: Telling[],
  locale: Locale,
): TimelineEntry[] {
  const at = (seconds: number, key: ScreenKey, kind: TimelineEntry['kind'], who?: string): TimelineEntry[] =>
    isBelievable(seconds)
      ? [
          {
            atMs: seconds * 1_000,
            words: phrase(locale, key),
            who: who && shortLine(who, MAX_NAME),
            said: undefined,
            kind,
          },
        ]
      : []
  const people = incident.responders ?? []
  const closer = incident.closer?.person_name
  const facts = [
    ...at(incident.start_time, 'feed.i_new', 'plain'),
    ...assignments(incident, locale),
    ...people.flatMap((person) => at(person.acknowledged_at, 'feed.i_ack', 'act', person.person_name)),
    ...(incident.progress === 'Closed' ? at(incident.close_time, 'feed.i_rslv', 'act', closer) : []),
  ]
  const key = lastAct ? `feed.${lastAct.eventType}` : ''
  const last = lastAct && isScreenKey(key) ? at(lastAct.at, key, 'act', lastAct.personName) : []
  const isNews = ({ words }: TimelineEntry) =>
    !facts.some((fact) => fact.kind === 'act' && fact.words === words) &&
    !clicks.some(({ status, action }) => status === 'done' && eventOf(action) === lastAct?.eventType)
  // What the snapshot tells by itself needs no telling again.
  const told = new Set(['i_ack', 'i_rslv', undefined])
  const others = clicks.filter(({ status, action }) => status !== 'done' || !told.has(eventOf(action)))
  return newestFirst([
    ...facts,
    ...last.filter(isNews),
    ...others.map((click) => pressed(click, locale)),
    ...notifications(tellings, locale),
  ])
}

function eventOf(action: string): string | undefined {
  const known = ACTIONS.find((one) => one === action)
  return known && EVENT_OF_ACTION[known]
}

function assignments(incident: Incident, locale: Locale): TimelineEntry[] {
  const byTime = new Map<number, string[]>()
  for (const { assigned_at: atS, person_name: name } of incident.responders ?? []) {
    if (isBelievable(atS)) byTime.set(atS, [...(byTime.get(atS) ?? []), name])
  }
  return [...byTime].map(([atS, names]) => ({
    atMs: atS * 1_000,
    words: phrase(locale, 'feed.i_assign'),
    who: undefined,
    said: named(names),
    kind: 'plain',
  }))
}

function pressed(click: PastClick, locale: Locale): TimelineEntry {
  const act = readAct([click.action, click.minutes].filter((part) => part !== null).join('.'))
  const action = act ? nameOfAct(act, locale) : click.action
  const why = reasonWords(asReason(click.reason ?? ''), locale)
  return {
    atMs: click.created_at,
    words: phrase(locale, 'feed.pressed', { action }),
    who: shortLine(click.member_name ?? '', MAX_NAME) || phrase(locale, 'feed.somebody', { id: click.member_id }),
    said:
      click.status === 'failed'
        ? phrase(locale, 'feed.pressed.failed', { why })
        : click.status === 'pending'
          ? phrase(locale, 'feed.pressed.pending')
          : undefined,
    kind: click.status === 'failed' ? 'bad' : 'act',
  }
}

/** One entry per event that was told, with how it went. */
function notifications(tellings: Telling[], locale: Locale): TimelineEntry[] {
  const byEvent = new Map<string, Telling[]>()
  for (const telling of tellings) {
    if (telling.status !== 'success' && telling.status !== 'failed') continue
    const event = telling.event_id ?? ''
    byEvent.set(event, [...(byEvent.get(event) ?? []), telling])
  }
  return [...byEvent.values()].map((all) => {
    const failed = all.filter(({ status }) => status === 'failed')
    const count = (kind: string) => all.filter((telling) => telling.kind === kind).length
    return {
      atMs: Math.min(...all.map((telling) => telling.created_at)),
      words: phrase(locale, 'feed.i_notify'),
      who: undefined,
      said: counts(
        count('person'),
        count('group'),
        failed.map(({ reason_code: code }) => reasonWords(asReason(code ?? ''), locale)),
        locale,
      ),
      kind: failed.length > 0 ? 'bad' : 'plain',
    }
  })
}

function notified(detail: Record<string, unknown>, locale: Locale): string {
  const size = (value: unknown): number => (Array.isArray(value) ? value.length : 0)
  return counts(size(detail['persons']), size(detail['chats']) + size(detail['robots']), failuresIn(detail), locale)
}

function failuresIn(detail: Record<string, unknown>): string[] {
  return ['persons', 'chats', 'robots'].flatMap((key) => {
    const targets: unknown = detail[key]
    if (!Array.isArray(targets)) return []
    return targets.flatMap((target: unknown) => {
      const why: unknown = typeof target === 'object' && target !== null ? Reflect.get(target, 'failed_reason') : ''
      return typeof why === 'string' && why !== '' ? [why] : []
    })
  })
}

function counts(people: number, groups: number, failures: string[], locale: Locale): string {
  return [
    people > 0 ? phrase(locale, 'feed.i_notify.people', { count: people }) : '',
    groups > 0 ? phrase(locale, 'feed.i_notify.groups', { count: groups }) : '',
    failures.length > 0
      ? `${phrase(locale, 'feed.i_notify.failed', { count: failures.length })} (${whys(failures)})`
      : '',
  ]
    .filter(Boolean)
    .join(' · ')
}

function saidIn(type: string, detail: Record<string, unknown>, locale: Locale): string | undefined {
  const minutes = detail['minutes']
  if (type === 'i_snooze' && typeof minutes === 'number') return span(locale, minutes)
  for (const key of ['comment', 'content', 'reason', 'to', 'title']) {
    const value = detail[key]
    if (typeof value === 'string' && value.trim() !== '') return shortText(value.trim(), MAX_SAID)
  }
  return undefined
}

function nameIn(names: Names, id: number): string | undefined {
  const name = names.get(id)
  return name === undefined ? undefined : shortLine(name, MAX_NAME)
}

function named(names: string[]): string {
  const shown = names.slice(0, MOST_NAMES).map((name) => shortLine(name, MAX_NAME))
  return [...shown, ...(names.length > MOST_NAMES ? ['…'] : [])].join('、')
}

function whys(failures: string[]): string {
  const all = [...new Set(failures)]
  const shown = all.slice(0, MOST_WHYS).map((why) => shortLine(why, MAX_WHY))
  return [...shown, ...(all.length > MOST_WHYS ? ['…'] : [])].join(' / ')
}

function newestFirst(entries: TimelineEntry[]): TimelineEntry[] {
  return entries.toSorted((a, b) => b.atMs - a.atMs)
}
