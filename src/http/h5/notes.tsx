import type { Child } from 'hono/jsx'
import type { Context } from 'hono'

import { say } from '../../domain/messages.ts'
import { tell } from '../../domain/page-messages.ts'
import { numberOf } from '../../domain/naming.ts'
import { asReason, type Reason } from '../../domain/reasons.ts'
import { isForTheConsole, isMendedByLinking, isMendedBySwitching } from '../../domain/refusals.ts'
import { phrase } from '../../domain/screen-messages.ts'
import { findClick } from '../../storage/clicks.ts'
import { findToldIncident, type StoredIncident } from '../../storage/incidents.ts'
import { findMemberKey } from '../../storage/member-keys.ts'
import { listWantedActs, type WantedAct } from '../../storage/wanted-acts.ts'
import { whyNoKey } from '../../actions/acting-key.ts'
import { nameOfAct } from './acts.ts'
import type { H5Deps } from './deps.ts'
import { shortName } from './incident-words.ts'
import { type Note, readNote, wordsOfNote } from './note.ts'
import { linkAddress, type View } from './view.ts'
import { CSRF_FIELD, type H5Variables } from './visitor.ts'
import { webPage } from './web-page.ts'

/** `following`: something is under way, and the page is looked at again until it has come to its end. */
export type Notes = { content: Child; following: boolean }

/** What has to be said first: what became of the form just sent, and what was pressed before it could be done. */
export async function loadNotes(deps: H5Deps, c: Context<H5Variables>, view: View): Promise<Notes> {
  const { visitor } = view
  const query = new URL(c.req.url).searchParams
  const told = readNote(visitor.csrf, query)
  const note = told && (await asItIsNow(deps, view, told))
  const canOffer = visitor.link !== undefined && view.enabled
  const wanted = canOffer ? await listWantedActs(deps.db.read, visitor.integrationId, visitor.userId, view.nowMs) : []
  const stored = await findAll(deps, view, [...wanted.map((act) => act.incidentId), ...(note ? [note.incidentId] : [])])
  const canAct = wanted.length > 0 && (await hasKey(deps, c, view))
  const content = (
    <>
      {query.has('linked') && visitor.link ? <Linked view={view} member={visitor.link.memberName} /> : undefined}
      {note ? <Result view={view} note={note} stored={stored.get(note.incidentId)} /> : undefined}
      {wanted.map((act) => (
        <Wanted view={view} wanted={act} stored={stored.get(act.incidentId)} canAct={canAct} />
      ))}
    </>
  )
  return { content, following: note?.outcome === 'working' }
}

async function findAll(deps: H5Deps, view: View, ids: string[]): Promise<Map<string, StoredIncident>> {
  const all = new Map<string, StoredIncident>()
  for (const id of new Set(ids)) {
    const stored = await findToldIncident(deps.db.read, view.visitor.integrationId, id)
    if (stored) all.set(id, stored)
  }
  return all
}

async function hasKey(deps: H5Deps, c: Context<H5Variables>, { visitor }: View): Promise<boolean> {
  if (!visitor.link) return false
  const key = await findMemberKey(deps.db.read, deps.box, visitor.integrationId, visitor.link.memberId)
  return whyNoKey(c.get('integration'), key) === undefined
}

/** What was under way may have come to its end since. @returns undefined when nobody knows of it any more */
async function asItIsNow(deps: H5Deps, view: View, note: Note): Promise<Note | undefined> {
  if (note.outcome !== 'working') return note
  const { integrationId, userId } = view.visitor
  const own = note.clickId === undefined ? undefined : await findClick(deps.db.read, note.clickId)
  if (own?.integration_id !== integrationId || own.dingtalk_user_id !== userId) return undefined
  if (own.status === 'done') return { ...note, outcome: 'done' }
  if (own.status !== 'failed') return note
  return { ...note, outcome: { reason: own.reason ?? '', ...(own.detail === null ? {} : { said: own.detail }) } }
}

function Linked({ view, member }: { view: View; member: string }) {
  return (
    <div class="note done" role="status" tabindex={-1} data-note="done">
      <div class="text">{tell(view.locale, 'link.now', { member })}</div>
    </div>
  )
}

function Result({ view, note, stored }: { view: View; note: Note; stored: StoredIncident | undefined }) {
  const kind = typeof note.outcome === 'object' ? 'failed' : note.outcome
  // A form can name any incident, and a title is not for everybody.
  const name = stored ? numberOf(stored.incident) : ''
  const reason = typeof note.outcome === 'object' ? asReason(note.outcome.reason) : undefined
  const console = reason && isForTheConsole(reason) ? webPage(stored?.incident.detail_url) : undefined
  const wayOut = { detail: console !== undefined, link: reason !== undefined && isMendedByLinking(reason) }
  return (
    <div class={`note ${kind}`} role={kind === 'failed' ? 'alert' : 'status'} tabindex={-1} data-note={kind}>
      <div>
        <div class="text">{wordsOfNote(note, name, view.locale, wayOut)}</div>
        {reason === undefined ? undefined : <WayOut view={view} reason={reason} console={console} />}
      </div>
    </div>
  )
}

/** What the sentence above it tells to do next. */
function WayOut({ view, reason, console }: { view: View; reason: Reason; console: string | undefined }) {
  const switching = isMendedBySwitching(reason)
  if (console === undefined && !switching && !isMendedByLinking(reason)) return <></>
  return (
    <p class="buttons">
      {console === undefined ? (
        <a class="button" href={linkAddress(view)}>
          {say(view.locale, switching ? 'button.switch' : 'button.link')}
        </a>
      ) : (
        <a class="button" href={console} target="_blank" rel="noopener noreferrer nofollow">
          {say(view.locale, 'button.detail')}
        </a>
      )}
    </p>
  )
}

function Wanted(props: { view: View; wanted: WantedAct; stored: StoredIncident | undefined; canAct: boolean }) {
  const { view, wanted, stored, canAct } = props
  const { locale, pages, visitor } = view
  const action = nameOfAct(wanted, locale)
  const incident = stored ? shortName(stored.incident, locale) : ''
  return (
    <section class="note ask">
      <form method="post" action={`${pages}/wanted`}>
        <input type="hidden" name={CSRF_FIELD} value={visitor.csrf} />
        <input type="hidden" name="wanted" value={wanted.token} />
        <strong>{phrase(locale, 'wanted.title', { action })}</strong>
        <p class="text">{phrase(locale, canAct ? 'wanted.body' : 'wanted.nokey', { incident })}</p>
        <p class="buttons">
          {canAct ? (
            <button class="button first" type="submit" name="answer" value="do">
              {phrase(locale, 'wanted.do', { action })}
            </button>
          ) : (
            <a class="button first" href={linkAddress(view)}>
              {phrase(locale, 'link.key.now')}
            </a>
          )}
          <button class="button" type="submit" name="answer" value="drop">
            {phrase(locale, 'wanted.drop')}
          </button>
        </p>
      </form>
    </section>
  )
}
