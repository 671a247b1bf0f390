import type { Locale } from '../../domain/messages.ts'
import { fullName, numberOf } from '../../domain/naming.ts'
import { asReason, reasonWords } from '../../domain/reasons.ts'
import { refusalText } from '../../domain/refusals.ts'
import { isScreenKey, phrase, type ScreenKey } from '../../domain/screen-messages.ts'
import type { OwnRecord } from '../../storage/home.ts'
import { nameOfAct, readAct } from './acts.ts'
import { Moment } from './times.tsx'
import { incidentAddress, type View } from './view.ts'

/** Letters. */
const MAX_TITLE = 200

/** Each notification and press of the visitor: what became of it, why, and what to do about it. */
export function HistoryRows({ view, records }: { view: View; records: OwnRecord[] }) {
  return (
    <ul class="rows">
      {records.map((record) => (
        <Row view={view} record={record} />
      ))}
    </ul>
  )
}

function Row({ view, record }: { view: View; record: OwnRecord }) {
  const { locale } = view
  const state = stateOf(record)
  const why = record.reason_code === null ? undefined : reasonWords(asReason(record.reason_code), locale)
  const todo = remedyOf(record, locale)
  return (
    <li>
      <p class="top">
        <span class="text">
          {whatOf(record, locale)}{' '}
          <strong class={`how ${state.tone}`}>
            {phrase(locale, state.key)}
            {why === undefined ? '' : `（${why}）`}
          </strong>
        </span>
        <Moment atMs={record.created_at} />
      </p>
      <p class="soft text">
        {record.title !== undefined && record.incident_id !== null ? (
          <a href={incidentAddress(view, record.incident_id)}>{nameOf(record, record.title, locale)}</a>
        ) : (
          `${numberOf({ num: record.incident_num ?? '' })} ${phrase(locale, 'history.deleted')}`.trim()
        )}
      </p>
      {todo === undefined ? undefined : <p class="todo">{todo}</p>}
    </li>
  )
}

function nameOf({ incident_num: num, channelName }: OwnRecord, title: string, locale: Locale): string {
  return fullName({ num: num ?? '', title, channel_name: channelName }, locale, MAX_TITLE)
}

function whatOf({ kind, effect, event_type: type }: OwnRecord, locale: Locale): string {
  if (kind === 'action') {
    const act = readAct(type ?? '')
    return act ? nameOfAct(act, locale) : (type ?? '')
  }
  const key = `feed.${type ?? ''}`
  const event = isScreenKey(key) ? phrase(locale, key) : ''
  return [phrase(locale, effect === 'update' ? 'history.update' : 'history.notify'), event].filter(Boolean).join(' · ')
}

function stateOf({ kind, status }: OwnRecord): { key: ScreenKey; tone: 'good' | 'bad' | '' } {
  switch (status) {
    case 'success':
      return { key: kind === 'action' ? 'record.done' : 'record.success', tone: 'good' }
    case 'updated':
      return { key: 'record.updated', tone: 'good' }
    case 'failed':
      return { key: kind === 'action' ? 'record.refused' : 'record.failed', tone: 'bad' }
    default:
      return { key: `record.${status}`, tone: '' }
  }
}

/** What the person can do about it; undefined when nothing went wrong. */
function remedyOf({ kind, status, reason_code: code }: OwnRecord, locale: Locale): string | undefined {
  if (status !== 'failed' && status !== 'retrying') return undefined
  // What was pressed then is offered for a while only, and this row stays.
  const isLasting = code === 'NOT_LINKED'
  if (kind === 'action' && !isLasting) return refusalText(locale, asReason(code ?? ''))
  const remedy = `remedy.${code ?? ''}`
  return phrase(locale, isScreenKey(remedy) ? remedy : 'remedy.admin')
}
