import { type Incident, respondersOf } from '../../domain/incident.ts'
import { numberOf } from '../../domain/naming.ts'
import { type Locale, say } from '../../domain/messages.ts'
import { phrase } from '../../domain/screen-messages.ts'
import { shortLine } from '../../domain/text.ts'
import type { Offer } from '../../storage/audiences.ts'
import type { StoredIncident } from '../../storage/incidents.ts'
import { ActButtons } from './act-buttons.tsx'
import { lastActWords, MAX_CHANNEL, MAX_NAME, standingWord, titleBesideNumber, toneOf } from './incident-words.ts'
import { SeverityTag } from './severity-tag.tsx'
import { Running } from './times.tsx'
import type { View } from './view.ts'

/** One incident of a list: what it is, how bad, whose, and what can be done about it. */
export function IncidentItem(props: {
  view: View
  stored: StoredIncident
  offer: Offer | undefined
  href: string
  current?: boolean
}) {
  const { view, stored } = props
  const { incident } = stored
  const { locale } = view
  const last = lastActWords(stored, locale)
  const channel = shortLine(incident.channel_name, MAX_CHANNEL)
  return (
    <li class={`incident ${toneOf(stored)}`} aria-current={props.current ? 'true' : undefined}>
      <Tags stored={stored} view={view} />
      <h3 class="clamp">
        <a href={props.href}>
          <Headline incident={incident} locale={locale} />
        </a>
      </h3>
      <p class="about text">
        {channel === '' ? '' : `${channel} · `}
        <People incident={incident} locale={locale} most={FEW} />
      </p>
      {last === '' ? undefined : <p class="last text">{last}</p>}
      <ActButtons view={view} stored={stored} offer={props.offer} />
    </li>
  )
}

export function Headline({ incident, locale }: { incident: Incident; locale: Locale }) {
  const number = numberOf(incident)
  return (
    <>
      {number === '' ? undefined : <span class="num">{number} </span>}
      <bdi>{titleBesideNumber(incident, locale)}</bdi>
    </>
  )
}

/** How bad, how far, how long. */
export function Tags({ stored, view }: { stored: StoredIncident; view: View }) {
  const { incident } = stored
  const { locale } = view
  const open = incident.progress !== 'Closed'
  return (
    <p class="tags">
      <SeverityTag stored={stored} locale={locale} />
      <span class={incident.progress === 'Triggered' ? 'tag open' : 'tag'}>{standingWord(stored, locale)}</span>
      {open && stored.inStorm ? <span class="tag">{say(locale, 'sign.storm')}</span> : undefined}
      {open && stored.flapping ? <span class="tag">{say(locale, 'sign.flapping')}</span> : undefined}
      {open ? (
        <Running sinceS={incident.start_time} nowMs={view.nowMs} locale={locale} zone={incident.account_time_zone} />
      ) : undefined}
    </p>
  )
}

/** Names that an item of a list, and that a page of its own shows. */
const FEW = 20
export const MANY = 200

export function People({ incident, locale, most }: { incident: Incident; locale: Locale; most: number }) {
  const people = respondersOf(incident)
  if (people.length === 0)
    return <>{`${say(locale, 'fact.responders')}${locale === 'zh-CN' ? '：' : ': '}${say(locale, 'fact.nobody')}`}</>
  return (
    <>
      {people.slice(0, most).map((person, index) => (
        <>
          {index === 0 ? '' : locale === 'zh-CN' ? '、' : ', '}
          <bdi>{shortLine(person.person_name, MAX_NAME) || String(person.person_id)}</bdi>
          {person.acknowledged_at > 0 ? (
            <span title={phrase(locale, 'incident.acked')}>
              {' '}
              <span aria-hidden="true">✓</span>
              <span class="unseen">{phrase(locale, 'incident.acked')}</span>
            </span>
          ) : undefined}
        </>
      ))}
      {people.length > most ? '…' : ''}
    </>
  )
}
