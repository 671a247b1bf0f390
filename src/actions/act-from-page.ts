import type { Action } from '../domain/button.ts'
import { DEFAULT_SNOOZE_MINUTES } from '../domain/read-delivery.ts'
import type { Reason } from '../domain/reasons.ts'
import { AppError } from '../errors.ts'
import { listCardsOfIncident } from '../storage/cards.ts'
import { isOfAnother } from '../storage/integrations.ts'
import type { Handle } from '../storage/schema.ts'
import type { PerformDeps } from './deps.ts'
import { followUp, performWithin } from './perform-within.ts'
import { refuse, takeClick, type TakenClick, type Wanted } from './take-click.ts'

export type PageAct = {
  integrationId: string
  /** Whose people the pages were for when it was asked for. */
  corpId: string
  /** DingTalk's, from the session. */
  userId: string
  incidentId: string
  action: Action
  /** Of `snooze`: one of the presets of the incident's cards. */
  minutes?: number
  /** Of `custom`: one that a card of the incident offers. */
  customId?: number
  /** Of `reopen`: demanded, as in the console. */
  reason?: string
  /** Names the form: sent twice, it is one act with one answer. */
  token: string
}

/** `detail` is what Flashduty said of it; `refusalText` makes a sentence of both. */
export type PageAnswer =
  | { status: 'done' }
  /** It goes on; of a failure the robot tells the person. */
  | { status: 'working'; clickId: string }
  | { status: 'failed'; reason: Reason; detail?: string }

const MAX_COMMENT = 1_024

/** A durable click like a press, without a card: stored, carried out as the linked member, and answered in time. */
export async function actFromPage(deps: PerformDeps, request: PageAct): Promise<PageAnswer> {
  const startedAt = performance.now()
  const log = deps.log.child({ incidentId: request.incidentId, userId: request.userId, action: request.action })
  let taken: TakenClick
  try {
    taken = await deps.db.write((trx) => takePageAct(deps, trx, request))
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    log.error({ err: error }, 'page-act-not-stored')
    return { status: 'failed', reason: 'STORE_UNAVAILABLE' }
  }
  if (taken.kind === 'refused') {
    log.info({ reason: taken.reason }, 'page-act-refused')
    return { status: 'failed', reason: taken.reason }
  }
  const { click, repeated } = taken
  log.info({ clickId: click.id, memberId: click.member_id, repeated }, 'page-act-accepted')
  const { settled, outcome } = await performWithin(deps, click, repeated, startedAt)
  if (settled.status === 'working' && !repeated) deps.inFlight.add(followUp(deps, click, outcome()))
  if (settled.status === 'working') return { status: 'working', clickId: click.id }
  if (settled.status === 'done') return settled
  const { reason, detail } = settled
  return { status: 'failed', reason, ...(detail === undefined ? {} : { detail }) }
}

async function takePageAct(deps: PerformDeps, trx: Handle, request: PageAct): Promise<TakenClick> {
  const { integrationId, userId, incidentId, action, minutes, customId } = request
  const comment = request.reason?.trim().slice(0, MAX_COMMENT)
  const wanted: Wanted & { incidentId: string } = {
    integrationId,
    userId,
    incidentId,
    outTrackId: '',
    act: {
      action,
      ...(action === 'snooze' && minutes !== undefined ? { minutes } : {}),
      ...(action === 'custom' && customId !== undefined ? { customId } : {}),
    },
    comment: action === 'reopen' ? comment : undefined,
    formToken: request.token,
  }
  if (await isOfAnother(trx, integrationId, request.corpId)) return refuse(deps, trx, wanted, 'OTHER_CORPORATION')
  if (action === 'reopen' && !comment) return refuse(deps, trx, wanted, 'COMMENT_MISSING')
  if ((action === 'snooze' || action === 'custom') && !(await isOffered(trx, request))) {
    return refuse(deps, trx, wanted, 'BUTTON_UNKNOWN')
  }
  return takeClick(deps, trx, wanted)
}

async function isOffered(trx: Handle, request: PageAct): Promise<boolean> {
  const cards = await listCardsOfIncident(trx, request.integrationId, request.incidentId)
  const audiences = cards.map(({ audience }) => audience)
  if (request.action === 'custom') {
    return audiences.some(({ customActions }) =>
      customActions.some(({ integrationId }) => integrationId === request.customId),
    )
  }
  const presets = audiences.length === 0 ? DEFAULT_SNOOZE_MINUTES : audiences.flatMap((one) => one.snoozeMinutes)
  return request.minutes !== undefined && presets.includes(request.minutes)
}
