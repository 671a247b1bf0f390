import type { Context, Hono } from 'hono'

import type { Act } from '../../domain/button.ts'
import { findIncident } from '../../storage/incidents.ts'
import { takeWantedAct } from '../../storage/wanted-acts.ts'
import { readAct } from './acts.ts'
import { type H5Deps, pathOfPages } from './deps.ts'
import { type Note, spellNote } from './note.ts'
import { MAX_REASON } from './reopen-form.tsx'
import { checkCsrf } from './require-visitor.ts'
import type { H5Variables } from './visitor.ts'

type Form = Record<string, unknown>

/** As `newId` makes them. */
const TOKEN = /^[a-z2-7]{16}$/

/** What the buttons of the pages send. Each answer is an address to go to, so that reloading sends nothing twice. */
export function addActRoutes(app: Hono<H5Variables>, deps: H5Deps): void {
  app.post('/incident/:incidentId/act', checkCsrf, async (c) => {
    const form: Form = await c.req.parseBody()
    const incidentId = c.req.param('incidentId')
    const act = readAct(form['act'])
    const token = form['token']
    const known = await findIncident(deps.db.read, c.get('visitor').integrationId, incidentId)
    if (!act || typeof token !== 'string' || !TOKEN.test(token) || !known) {
      return goOn(deps, c, { origin: 'incident' }, incidentId, undefined)
    }
    const reason = textIn(form, 'reason')?.trim().slice(0, MAX_REASON)
    const outcome = await carryOut(deps, c, { act, incidentId, token, reason })
    return goOn(deps, c, form, incidentId, { act, incidentId, outcome })
  })

  app.post('/wanted', checkCsrf, async (c) => {
    const form: Form = await c.req.parseBody()
    const { integrationId, userId } = c.get('visitor')
    const token = textIn(form, 'wanted') ?? ''
    const wanted = await deps.db.write((trx) =>
      takeWantedAct(trx, { integrationId, userId, token }, deps.clock.nowMs()),
    )
    if (!wanted || form['answer'] !== 'do') return goOn(deps, c, form, '', undefined)
    const { action, minutes, customId, incidentId } = wanted
    const act = {
      action,
      ...(minutes === undefined ? {} : { minutes }),
      ...(customId === undefined ? {} : { customId }),
    }
    const outcome = await carryOut(deps, c, { act, incidentId, token, reason: undefined })
    return goOn(deps, c, form, incidentId, { act, incidentId, outcome })
  })
}

async function carryOut(
  deps: H5Deps,
  c: Context<H5Variables>,
  wanted: { act: Act; incidentId: string; token: string; reason: string | undefined },
): Promise<Note['outcome']> {
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
  return answer.status === 'failed' ? { reason: answer.reason } : answer.status
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
      query.set('cid', textIn(form, 'cid') ?? '')
      return to('/group')
    default:
      return to('/')
  }
}

function textIn(form: Form, name: string): string | undefined {
  const value = form[name]
  return typeof value === 'string' ? value : undefined
}
