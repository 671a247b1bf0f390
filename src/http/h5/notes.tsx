import type { Child } from 'hono/jsx'
import type { Context } from 'hono'

import { phrase } from '../../domain/screen-messages.ts'
import { listClicksOfIncident } from '../../storage/incident-history.ts'
import { findIncident } from '../../storage/incidents.ts'
import { listWantedActs, type WantedAct } from '../../storage/wanted-acts.ts'
import { nameOfAct } from './acts.ts'
import type { H5Deps } from './deps.ts'
import { shortName } from './incident-words.ts'
import { type Note, readNote, wordsOfNote } from './note.ts'
import type { View } from './view.ts'
import { CSRF_FIELD, type H5Variables } from './visitor.ts'

/** A person presses often; whether their last act came to its end is found among so many. */
const LATEST_CLICKS = 20

/** What has to be said first: what became of the form just sent, and what was pressed before there was a link. */
export async function loadNotes(deps: H5Deps, c: Context<H5Variables>, view: View): Promise<Child> {
  const { visitor } = view
  const note = readNote(visitor.csrf, new URL(c.req.url).searchParams)
  const wanted = visitor.link
    ? await listWantedActs(deps.db.read, visitor.integrationId, visitor.userId, view.nowMs)
    : []
  const names = await namesOf(
    deps,
    view,
    wanted.map((act) => act.incidentId),
  )
  return (
    <>
      {note ? (
        <Result view={view} note={await asItIsNow(deps, view, note)} name={await numberOf(deps, view, note)} />
      ) : undefined}
      {wanted.map((act) => (
        <Wanted view={view} wanted={act} name={names.get(act.incidentId) ?? ''} />
      ))}
    </>
  )
}

async function namesOf(deps: H5Deps, view: View, ids: string[]): Promise<Map<string, string>> {
  const names = new Map<string, string>()
  for (const id of new Set(ids)) {
    const stored = await findIncident(deps.db.read, view.visitor.integrationId, id)
    if (stored) names.set(id, shortName(stored.incident))
  }
  return names
}

/** A form can name any incident, and a title is not for everybody. */
async function numberOf(deps: H5Deps, view: View, { incidentId }: Note): Promise<string> {
  const { num = '' } = (await findIncident(deps.db.read, view.visitor.integrationId, incidentId))?.incident ?? {}
  return num === '' ? '' : `#${num}`
}

/** What was under way may have come to its end since. */
async function asItIsNow(deps: H5Deps, view: View, note: Note): Promise<Note> {
  if (note.outcome !== 'working') return note
  const { integrationId, userId } = view.visitor
  const id = { integrationId, incidentId: note.incidentId }
  const clicks = await listClicksOfIncident(deps.db.read, id, LATEST_CLICKS)
  const own = clicks.find((click) => click.dingtalk_user_id === userId && click.action === note.act.action)
  if (own?.status === 'done') return { ...note, outcome: 'done' }
  return own?.status === 'failed' ? { ...note, outcome: { reason: own.reason ?? '' } } : note
}

function Result({ view, note, name }: { view: View; note: Note; name: string }) {
  const kind = typeof note.outcome === 'object' ? 'failed' : note.outcome
  return (
    <div class={`note ${kind}`} role={kind === 'failed' ? 'alert' : 'status'} tabindex={-1} data-note={kind}>
      <div class="text">{wordsOfNote(note, name, view.locale)}</div>
    </div>
  )
}

function Wanted({ view, wanted, name }: { view: View; wanted: WantedAct; name: string }) {
  const { locale, pages, visitor } = view
  const action = nameOfAct(wanted, locale)
  return (
    <section class="note ask">
      <form method="post" action={`${pages}/wanted`}>
        <input type="hidden" name={CSRF_FIELD} value={visitor.csrf} />
        <input type="hidden" name="wanted" value={wanted.token} />
        <strong>{phrase(locale, 'wanted.title', { action })}</strong>
        <p class="text">{phrase(locale, 'wanted.body', { incident: name })}</p>
        <p class="buttons">
          <button class="button first" type="submit" name="answer" value="do">
            {phrase(locale, 'wanted.do', { action })}
          </button>
          <button class="button" type="submit" name="answer" value="drop">
            {phrase(locale, 'wanted.drop')}
          </button>
        </p>
      </form>
    </section>
  )
}
