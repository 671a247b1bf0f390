import type { Child } from 'hono/jsx'
import { raw } from 'hono/html'

import { MAX_IMAGES, MAX_LABEL, MAX_LABEL_NAME, MAX_LABELS, MAX_PAGE_TEXT } from '../../domain/limits.ts'
import { say } from '../../domain/messages.ts'
import { phrase } from '../../domain/screen-messages.ts'
import { shortLine, shortText } from '../../domain/text.ts'
import { clockTime, dateTime, isBelievable } from '../../domain/time.ts'
import type { Offer } from '../../storage/audiences.ts'
import type { StoredIncident } from '../../storage/incidents.ts'
import { ActButtons } from './act-buttons.tsx'
import { Headline, MANY, People, Tags } from './incident-item.tsx'
import { lastActWords, MAX_CHANNEL, MAX_NAME, severityWord, toneOf } from './incident-words.ts'
import { toHtml } from './markdown.ts'
import { ReopenForm } from './reopen-form.tsx'
import { Retry } from './say.tsx'
import type { TimelineEntry } from './timeline.ts'
import { Moment } from './times.tsx'
import type { View } from './view.ts'
import { webPage } from './web-page.ts'

export type Detail = {
  stored: StoredIncident
  offer: Offer | undefined
  timeline: { entries: TimelineEntry[]; hint: string | undefined; retry: boolean; more: boolean }
}

/** All there is to one incident. @param props `level` of its heading: 1 on a page of its own */
export function IncidentDetail({ view, detail, level }: { view: View; detail: Detail; level: 1 | 2 }) {
  const { stored, offer } = detail
  const { incident } = stored
  const { locale } = view
  const Heading = level === 1 ? 'h1' : 'h2'
  const last = lastActWords(stored, locale)
  return (
    <>
      <article class={`incident ${toneOf(stored)}`}>
        <Tags stored={stored} view={view} />
        <Heading>
          <Headline incident={incident} locale={locale} />
        </Heading>
        {last === '' ? undefined : <p class="last text">{last}</p>}
        <ActButtons view={view} stored={stored} offer={offer} all />
        {view.visitor.link && view.enabled && incident.progress === 'Closed' ? (
          <ReopenForm view={view} stored={stored} />
        ) : undefined}
        <Pages view={view} stored={stored} />
      </article>
      <section class="panel">
        <h2>{phrase(locale, 'incident.facts')}</h2>
        <dl class="facts">
          {factsOf(view, stored).map(([name, value]) => (
            <>
              <dt>{name}</dt>
              <dd class="text">{value}</dd>
            </>
          ))}
        </dl>
      </section>
      <Body view={view} stored={stored} />
      <section class="panel">
        <h2>{phrase(locale, 'incident.timeline')}</h2>
        {detail.timeline.hint === undefined ? undefined : <p class="soft">{detail.timeline.hint}</p>}
        {detail.timeline.retry ? (
          <p class="buttons">
            <Retry locale={locale} />
          </p>
        ) : undefined}
        <Timeline view={view} timeline={detail.timeline} zone={incident.account_time_zone} />
      </section>
    </>
  )
}

function factsOf(view: View, { incident }: StoredIncident): [string, Child][] {
  const { locale } = view
  const zone = incident.account_time_zone
  const running = incident.progress !== 'Closed'
  const facts: [string, Child][] = [
    [say(locale, 'fact.channel'), shortLine(incident.channel_name, MAX_CHANNEL)],
    [say(locale, 'fact.severity'), severityWord(incident.incident_severity, locale)],
    [say(locale, 'fact.start'), dateTime(incident.start_time, zone)],
    [
      phrase(locale, 'incident.snoozed'),
      running && incident.snoozed_before * 1_000 > view.nowMs ? dateTime(incident.snoozed_before, zone) : '',
    ],
    [phrase(locale, 'incident.closed'), !running ? dateTime(incident.close_time, zone) : ''],
    [
      say(locale, 'fact.alerts'),
      incident.alert_cnt > 1 ? say(locale, 'fact.alerts.count', { count: incident.alert_cnt }) : '',
    ],
    [
      say(locale, 'fact.responders'),
      incident.responders?.length ? (
        <People incident={incident} locale={locale} most={MANY} />
      ) : (
        say(locale, 'fact.nobody')
      ),
    ],
    [
      say(locale, 'fact.impact'),
      incident.impact?.trim() ? <Markdown view={view} text={incident.impact} maxLength={MAX_LABEL} /> : '',
    ],
    [phrase(locale, 'incident.root'), markdownOf(view, incident['root_cause'])],
    [phrase(locale, 'incident.resolution'), markdownOf(view, incident['resolution'])],
  ]
  return facts.filter(([, value]) => value !== '')
}

function markdownOf(view: View, value: unknown): Child {
  const isText = typeof value === 'string' && value.trim() !== ''
  return isText ? <Markdown view={view} text={value} maxLength={MAX_LABEL} /> : ''
}

function Markdown({ view, text, maxLength }: { view: View; text: string; maxLength: number }) {
  return (
    <>
      <div class="markdown text">{raw(toHtml(text, maxLength))}</div>
      {text.length > maxLength ? <p class="soft">{phrase(view.locale, 'incident.cut')}</p> : undefined}
    </>
  )
}

function Body({ view, stored }: { view: View; stored: StoredIncident }) {
  const { incident } = stored
  const { body_text: bodyText, ...labels } = incident.labels ?? {}
  const text = bodyText?.trim() ? bodyText : incident.description
  const entries = Object.entries(labels)
    .filter(([, value]) => value !== '')
    .slice(0, MAX_LABELS)
  const images = (incident.images ?? []).slice(0, MAX_IMAGES)
  const pictures = images.flatMap(({ src, alt }) => {
    const address = webPage(src)
    return address === undefined ? [] : [{ address, name: shortLine(alt, MAX_NAME) || address }]
  })
  return (
    <>
      {text.trim() === '' && images.length === 0 ? undefined : (
        <section class="panel">
          <h2>{phrase(view.locale, 'incident.body')}</h2>
          <Markdown view={view} text={text} maxLength={MAX_PAGE_TEXT} />
          {pictures.map(({ address, name }) => (
            <p>
              <WebLink href={address}>{name}</WebLink>
            </p>
          ))}
          {pictures.length === images.length ? undefined : (
            <p class="soft">{say(view.locale, 'card.images.missing', { count: images.length - pictures.length })}</p>
          )}
        </section>
      )}
      {entries.length === 0 ? undefined : (
        <section class="panel">
          <h2>{phrase(view.locale, 'incident.labels')}</h2>
          <dl class="facts labels">
            {entries.map(([name, value]) => (
              <>
                <dt class="text">{shortLine(name, MAX_LABEL_NAME)}</dt>
                <dd class="text">
                  <Value text={shortText(value, MAX_LABEL)} />
                </dd>
              </>
            ))}
          </dl>
        </section>
      )}
    </>
  )
}

/** The address of a web page can be followed. */
function Value({ text }: { text: string }) {
  const address = /^https?:\/\/\S+$/.test(text) ? webPage(text) : undefined
  return address === undefined ? <>{text}</> : <WebLink href={address}>{text}</WebLink>
}

function WebLink({ href, children, ...rest }: { href: string; class?: string; children: Child }) {
  return (
    <a href={href} target="_blank" rel="noopener noreferrer nofollow" {...rest}>
      {children}
    </a>
  )
}

/** Where Flashduty itself goes on. */
function Pages({ view, stored: { incident } }: { view: View; stored: StoredIncident }) {
  const detail = webPage(incident.detail_url)
  const silence = webPage(incident.silence_url)
  const console = phrase(view.locale, 'incident.console')
  const silencing = say(view.locale, 'button.silence')
  const missing = [
    ...(detail === undefined && incident.detail_url.trim() !== '' ? [console] : []),
    ...(silence === undefined && incident.silence_url?.trim() && incident.progress !== 'Closed' ? [silencing] : []),
  ]
  return (
    <>
      {detail === undefined && silence === undefined ? undefined : (
        <p class="buttons">
          {detail === undefined ? undefined : (
            <WebLink href={detail} class="button">
              {console}
            </WebLink>
          )}
          {silence === undefined || incident.progress === 'Closed' ? undefined : (
            <WebLink href={silence} class="button">
              {silencing}
            </WebLink>
          )}
        </p>
      )}
      {missing.map((button) => (
        <p class="soft">{say(view.locale, 'card.page.missing', { button })}</p>
      ))}
    </>
  )
}

function Timeline(props: { view: View; timeline: Detail['timeline']; zone: string | undefined }) {
  const { view, timeline } = props
  if (timeline.entries.length === 0) return <p class="soft">{phrase(view.locale, 'incident.timeline.empty')}</p>
  return (
    <>
      <ol class="timeline">
        {timeline.entries.map((entry) => (
          <li class={entry.kind}>
            <Moment atMs={entry.atMs} zone={props.zone} />
            <span class="text">
              {entry.who === undefined ? '' : <bdi>{`${entry.who} `}</bdi>}
              {entry.words}
            </span>
            {entry.said === undefined || entry.said === '' ? undefined : <p class="said text">{entry.said}</p>}
          </li>
        ))}
      </ol>
      {timeline.more ? <p class="soft">{phrase(view.locale, 'incident.timeline.cut')}</p> : undefined}
    </>
  )
}

/** `09:05`: until when what is shown is known; empty where nobody knows. */
export function asOf(stored: StoredIncident): string {
  const { updated_at: updatedAt, start_time: startTime, account_time_zone: zone } = stored.incident
  return clockTime(isBelievable(updatedAt) ? updatedAt : startTime, zone)
}
