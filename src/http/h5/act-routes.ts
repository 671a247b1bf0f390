import type { Context, Hono } from 'hono'

import type { Act } from '../../domain/button.ts'
import { asReason } from '../../domain/reasons.ts'
import { isMendedByLinking } from '../../domain/refusals.ts'
import { AppError } from '../../errors.ts'
import { findToldIncident } from '../../storage/incidents.ts'
import { listWantedActs, takeWantedAct } from '../../storage/wanted-acts.ts'
import { readAct } from './acts.ts'
import { type H5Deps, pathOfPages } from './deps.ts'
import { type Note, type Outcome, spellNote } from './note.ts'
import { MAX_REASON } from './reopen-form.tsx'
import { checkCsrf } from './require-visitor.ts'
import type { Form, H5Variables } from './visitor.ts'

/** As `newId` makes them. */
const TOKEN = /^[a-z2-7]{16}$/

/** What the buttons of the pages send. Each answer is an address to go to, so that reloading sends nothing twice. */
export function addActRoutes(app: Hono<H5Variables>, deps: H5Deps): void {
  app.post('/incident/:incidentId/act', checkCsrf, async (c) => {
    const form = c.get('form')
    const incidentId = c.req.param('incidentId')
    const act = readAct(form['act'])
    const token = form['token']
    const known = await findToldIncident(deps.db.read, c.get('visitor').integrationId, incidentId)
    if (!act || token === undefined || !TOKEN.test(token) || !known) {
      return goOn(deps, c, { origin: 'incident' }, incidentId, undefined)
    }
    const reason = form['reason']?.trim().slice(0, MAX_REASON)
    const note = await carryOut(deps, c, { act, incidentId, token, reason })
    return goOn(deps, c, form, incidentId, note)
  })

  app.post('/wanted', checkCsrf, async (c) => {
    const form = c.get('form')
    const { integrationId, userId } = c.get('visitor')
    const token = form['wanted'] ?? ''
    const nowMs = deps.clock.nowMs()
    const take = () => deps.db.write((trx) => takeWantedAct(trx, { integrationId, userId, token }, nowMs))
    const takeIfPossible = () =>
      take().catch((error: unknown) => {
        // It is over in a while anyway, and what was done has to be told.
        if (!(error instanceof AppError)) throw error
        deps.log.warn({ integrationId, userId, err: error }, 'wanted-not-taken')
      })
    const all = await listWantedActs(deps.db.read, integrationId, userId, nowMs)
    const wanted = all.find((one) => one.token === token)
    if (!wanted || form['answer'] !== 'do') {
      await take()
      return goOn(deps, c, form, '', undefined)
    }
    const { action, minutes, customId, incidentId } = wanted
    const act = {
      action,
      ...(minutes === undefined ? {} : { minutes }),
      ...(customId === undefined ? {} : { customId }),
    }
    // Its token makes it one act, however often the form is sent; so it may be taken away afterwards.
    const note = await carryOut(deps, c, { act, incidentId, token, reason: undefined })
    if (!mayBeDoneLater(note.outcome)) await takeIfPossible()
    return goOn(deps, c, form, incidentId, note)
  })
}

async function carryOut(
  deps: H5Deps,
  c: Context<H5Variables>,
  wanted: { act: Act; incidentId: string; token: string; reason: string | undefined },
): Promise<Note> {
  const { integrationId, userId } = c.get('visitor')
  const { act, incidentId, token, reason } = wanted
  const answer = await deps.act({
    integrationId,
    userId,
    incidentId,
    ...act,
    ...(reason === undefined ? {} : { reason }),
    token,
  })
  const note = { act, incidentId }
  if (answer.status === 'done') return { ...note, outcome: 'done' }
  if (answer.status === 'working') return { ...note, outcome: 'working', clickId: answer.clickId }
  const { reason: why, detail: said } = answer
  return { ...note, outcome: { reason: why, ...(said === undefined ? {} : { said }) } }
}

/** What still stands in the way is for the person to mend, and then it is offered again. */
function mayBeDoneLater(outcome: Outcome): boolean {
  if (typeof outcome !== 'object') return false
  const reason = asReason(outcome.reason)
  return isMendedByLinking(reason) || reason === 'STORE_UNAVAILABLE'
}

/** Back to where it was asked for: one of our own pages, whatever the form says. */
function goOn(deps: H5Deps, c: Context<H5Variables>, form: Form, incidentId: string, note: Note | undefined): Response {
  const pages = pathOfPages(deps, c.get('integration').id)
  const query = new URLSearchParams(note ? spellNote(c.get('visitor').csrf, note) : '')
  const to = (path: string): Response => {
    const text = query.toString()
    return c.redirect(`${pages}${path}${text === '' ? '' : `?${text}`}`, 303)
  }
  switch (form['origin']) {
    case 'pc':
      query.set('incident', incidentId)
      return to('/pc')
    case 'incident':
      return to(`/incident/${encodeURIComponent(incidentId)}`)
    case 'group':
      query.set('cid', form['cid'] ?? '')
      return to('/group')
    default:
      return to('/')
  }
}
