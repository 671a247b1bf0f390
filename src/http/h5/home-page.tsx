import type { Child } from 'hono/jsx'

import { phrase } from '../../domain/screen-messages.ts'
import type { Offer } from '../../storage/audiences.ts'
import type { OwnRecord } from '../../storage/home.ts'
import type { StoredIncident } from '../../storage/incidents.ts'
import { ActForm } from './act-buttons.tsx'
import { HistoryRows } from './history-rows.tsx'
import { type Detail, IncidentDetail } from './incident-detail.tsx'
import { IncidentItem } from './incident-item.tsx'
import { incidentAddress, linkAddress, type View } from './view.ts'

export type Home = {
  incidents: StoredIncident[]
  /** How many there are, those not shown included. */
  total: number
  offers: Map<string, Offer>
  records: OwnRecord[]
  /** What stands in the way of acting. */
  wants: 'link' | 'key' | undefined
}

/** The phone's start page: what waits for me, and why I was told or not. @param props `notes` what is to be said first */
export function HomeContent({ view, home, notes }: { view: View; home: Home; notes: Child }) {
  return (
    <>
      <ActForm view={view} origin="home" />
      {notes}
      <Wants view={view} wants={home.wants} />
      <Heading view={view} total={home.total} />
      <List view={view} home={home} hrefOf={(id) => incidentAddress(view, id)} />
      <RecentRecords view={view} records={home.records} />
    </>
  )
}

/** The PC's start page: the same list beside the one incident that was chosen. */
export function WideHomeContent(props: {
  view: View
  home: Home
  notes: Child
  chosen: { detail: Detail | undefined; refusal: Child; byAddress: boolean } | undefined
}) {
  const { view, home, chosen } = props
  const currentId = chosen?.detail?.stored.incidentId
  return (
    <>
      <ActForm view={view} origin="pc" />
      {props.notes}
      <div class="side">
        <Wants view={view} wants={home.wants} back={`${view.pages}/pc`} />
        <Heading view={view} total={home.total} />
        <List
          view={view}
          home={home}
          currentId={currentId}
          hrefOf={(id) => `${view.pages}/pc?incident=${encodeURIComponent(id)}`}
        />
        <RecentRecords view={view} records={home.records} />
      </div>
      <div class={chosen?.byAddress ? 'detail chosen' : 'detail'}>
        {chosen?.detail ? <IncidentDetail view={view} detail={chosen.detail} level={2} /> : chosen?.refusal}
      </div>
    </>
  )
}

function Heading({ view, total }: { view: View; total: number }) {
  return (
    <div class="head">
      <h1>{phrase(view.locale, 'home.title')}</h1>
      {total === 0 ? undefined : <span class="count">{phrase(view.locale, 'home.count', { count: total })}</span>}
    </div>
  )
}

function List(props: {
  view: View
  home: Home
  hrefOf: (incidentId: string) => string
  currentId?: string | undefined
}) {
  const { view, home } = props
  const { locale } = view
  if (home.incidents.length === 0) {
    // Of somebody who is not linked nobody knows whether anything waits for them.
    if (home.wants === 'link') return <></>
    return (
      <section class="panel empty">
        <span class="sign" aria-hidden="true"></span>
        <h2>{phrase(locale, 'home.empty')}</h2>
        <p>{phrase(locale, 'home.empty.hint')}</p>
      </section>
    )
  }
  const rest = home.total - home.incidents.length
  return (
    <section aria-label={phrase(locale, 'list.label')}>
      <h2 class="unseen">{phrase(locale, 'list.label')}</h2>
      <ul class="incidents">
        {home.incidents.map((stored) => (
          <IncidentItem
            view={view}
            stored={stored}
            offer={home.offers.get(stored.incidentId)}
            href={props.hrefOf(stored.incidentId)}
            current={stored.incidentId === props.currentId}
          />
        ))}
      </ul>
      {rest > 0 ? <p class="soft rest">{phrase(locale, 'home.more', { count: rest })}</p> : undefined}
    </section>
  )
}

function Wants({ view, wants, back }: { view: View; wants: Home['wants']; back?: string }) {
  const { locale } = view
  if (wants === undefined || !view.enabled) return <></>
  const [title, hint, now] =
    wants === 'link'
      ? (['link.none', 'link.none.hint', 'link.now'] as const)
      : (['link.key', 'link.key.hint', 'link.key.now'] as const)
  return (
    <section class="note ask">
      <div>
        <strong>{phrase(locale, title)}</strong>
        <p>{phrase(locale, hint)}</p>
        <p class="buttons">
          <a class="button first" href={linkAddress(view, back)}>
            {phrase(locale, now)}
          </a>
        </p>
      </div>
    </section>
  )
}

function RecentRecords({ view, records }: { view: View; records: OwnRecord[] }) {
  const { locale } = view
  return (
    <section class="panel">
      <h2>{phrase(locale, 'history.title')}</h2>
      {records.length === 0 ? (
        <p class="soft">{phrase(locale, 'history.empty')}</p>
      ) : (
        <>
          <HistoryRows view={view} records={records} />
          <p class="all">
            <a class="button plain" href={`${view.pages}/history`}>
              {phrase(locale, 'history.all')}
            </a>
          </p>
        </>
      )}
    </section>
  )
}
