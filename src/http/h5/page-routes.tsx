import type { Hono } from 'hono'

import { whyNoKey } from '../../actions/acting-key.ts'
import type { Integration } from '../../domain/integration.ts'
import { phrase } from '../../domain/screen-messages.ts'
import { findOffers } from '../../storage/audiences.ts'
import { listOwnIncidents, listOwnRecords } from '../../storage/home.ts'
import { findMemberKey } from '../../storage/member-keys.ts'
import { ActForm } from './act-buttons.tsx'
import type { H5Deps } from './deps.ts'
import { GroupContent, GroupRefused } from './group-page.tsx'
import { HistoryRows } from './history-rows.tsx'
import { type Home, HomeContent, WideHomeContent } from './home-page.tsx'
import { IncidentDetail } from './incident-detail.tsx'
import { pageTitle } from './incident-words.ts'
import { HiddenIncident, UnknownIncident } from './incident-refusals.tsx'
import { loadGroup } from './load-group.ts'
import { type Loaded, loadIncident } from './load-incident.ts'
import { loadNotes } from './notes.tsx'
import type { PersonLimits } from './person-limits.tsx'
import { answerPage, viewOf } from './shell.tsx'
import type { View } from './view.ts'
import type { H5Variables } from './visitor.ts'

/** On a page more than these are not drawn; the most severe and newest are. */
const LISTED = 50
const RECENT_RECORDS = 5
const ALL_RECORDS = 100

/** What people come for. All need a visitor, which whoever mounts them sees to. */
export function addPageRoutes(app: Hono<H5Variables>, deps: H5Deps & Pick<PersonLimits, 'beforeAsking'>): void {
  app.get('/', async (c) => {
    const view = viewOf(deps, c)
    const [home, notes] = await Promise.all([loadHome(deps, c.get('integration'), view), loadNotes(deps, c, view)])
    const look = { title: phrase(view.locale, 'home.title'), following: notes.following }
    return answerPage(deps, c, view, look, <HomeContent view={view} home={home} notes={notes.content} />)
  })

  app.get('/pc', async (c) => {
    const view = viewOf(deps, c)
    const [home, notes] = await Promise.all([loadHome(deps, c.get('integration'), view), loadNotes(deps, c, view)])
    const wanted = c.req.query('incident')
    const chosenId = wanted ?? home.incidents[0]?.incidentId
    const loaded = chosenId === undefined ? undefined : await loadIncident(deps, view, chosenId)
    const chosen = loaded && {
      detail: loaded.kind === 'shown' ? loaded.detail : undefined,
      refusal: refusalOf(view, loaded),
      byAddress: wanted !== undefined,
    }
    const look = { title: phrase(view.locale, 'home.title'), wide: true, following: notes.following }
    const content = <WideHomeContent view={view} home={home} notes={notes.content} chosen={chosen} />
    return answerPage(deps, c, view, look, content)
  })

  app.get('/history', async (c) => {
    const view = viewOf(deps, c)
    const records = await listOwnRecords(deps.db.read, personOf(view), ALL_RECORDS)
    const title = phrase(view.locale, 'history.title')
    return answerPage(
      deps,
      c,
      view,
      { title, back: `${view.pages}/` },
      <>
        <div class="head">
          <h1>{title}</h1>
        </div>
        <p class="asof">{phrase(view.locale, 'history.why')}</p>
        <section class="panel">
          {records.length === 0 ? (
            <p class="soft">{phrase(view.locale, 'history.empty')}</p>
          ) : (
            <HistoryRows view={view} records={records} />
          )}
        </section>
      </>,
    )
  })

  app.get('/group', async (c) => {
    const view = viewOf(deps, c)
    const address = { corpId: c.req.query('corpId'), cid: c.req.query('cid') }
    const [loaded, notes] = await Promise.all([
      loadGroup(deps, view.visitor, address, c.get('integration').corpId),
      loadNotes(deps, c, view),
    ])
    const look = { title: phrase(view.locale, 'group.title'), following: notes.following }
    const content =
      'group' in loaded ? (
        <GroupContent view={view} group={loaded.group} notes={notes.content} />
      ) : (
        <>
          {notes.content}
          <GroupRefused view={view} refusal={loaded.refusal} />
        </>
      )
    return answerPage(deps, c, view, look, content)
  })

  app.get('/incident/:incidentId', async (c) => {
    const view = viewOf(deps, c)
    const [loaded, notes] = await Promise.all([
      loadIncident(deps, view, c.req.param('incidentId')),
      loadNotes(deps, c, view),
    ])
    const title =
      loaded.kind === 'shown'
        ? pageTitle(loaded.detail.stored.incident, view.locale)
        : phrase(view.locale, 'incident.facts')
    const look = { title, back: `${view.pages}/`, following: notes.following }
    const content = (
      <>
        <ActForm view={view} origin="incident" />
        {notes.content}
        {loaded.kind === 'shown' ? (
          <IncidentDetail view={view} detail={loaded.detail} level={1} />
        ) : (
          refusalOf(view, loaded)
        )}
      </>
    )
    return answerPage(deps, c, view, { ...look, status: loaded.kind === 'unknown' ? 404 : 200 }, content)
  })
}

function personOf({ visitor }: View) {
  return { integrationId: visitor.integrationId, userId: visitor.userId, memberId: visitor.link?.memberId }
}

async function loadHome(deps: H5Deps, integration: Integration, view: View): Promise<Home> {
  const { integrationId, link } = view.visitor
  const person = personOf(view)
  const { incidents, total } = await listOwnIncidents(deps.db.read, person, LISTED)
  const ids = incidents.map((stored) => stored.incidentId)
  const [offers, records, key] = await Promise.all([
    findOffers(deps.db.read, integrationId, ids),
    listOwnRecords(deps.db.read, person, RECENT_RECORDS),
    link && findMemberKey(deps.db.read, deps.box, integrationId, link.memberId),
  ])
  return { incidents, total, offers, records, wants: !link ? 'link' : whyNoKey(integration, key) && 'key' }
}

function refusalOf(view: View, loaded: Loaded) {
  if (loaded.kind === 'unknown') return <UnknownIncident view={view} />
  if (loaded.kind === 'hidden') return <HiddenIncident view={view} stored={loaded.stored} why={loaded.why} />
  return undefined
}
