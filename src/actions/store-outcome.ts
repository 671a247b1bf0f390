import { EVENT_OF_ACTION } from '../domain/click.ts'
import type { LastAct } from '../domain/incident.ts'
import { asReason, type Reason } from '../domain/reasons.ts'
import type { AppError } from '../errors.ts'
import { listCardsOfIncident } from '../storage/cards.ts'
import { allowRevision } from '../storage/change-cards.ts'
import { type Click, findClick, settleClick } from '../storage/clicks.ts'
import { writeUntil } from '../storage/db.ts'
import { type Fresh, storeFreshIncident } from '../storage/fresh-incident.ts'
import { markGone, nextRevision } from '../storage/incidents.ts'
import { isOfAnother } from '../storage/integrations.ts'
import type { Handle } from '../storage/schema.ts'
import { settleRecord } from '../storage/settle-records.ts'
import { actionOf, outcomeOf, recordKeyOf } from './click-parts.ts'
import type { ClickOutcome, PerformDeps } from './deps.ts'

/** @returns the click as it is now; undefined when it had come to its end before */
export async function storeDone(
  deps: PerformDeps,
  click: Click,
  fresh: Fresh | undefined,
  untilMs: number,
): Promise<Click | undefined> {
  return writeUntil(deps, untilMs, async (trx) => {
    const nowMs = deps.clock.nowMs()
    const moved = fresh && (await storeFresh(deps, trx, click, fresh, click.member_name ?? undefined))
    const settled = await settleClick(trx, click.id, { status: 'done' }, nowMs)
    if (settled) await settleRecord(trx, recordKeyOf(click), { status: 'success' }, nowMs)
    if (settled && !moved && actionOf(click) === 'custom') await drawAnew(deps, trx, click, nowMs)
    return settled
  })
}

/** What a custom action did may not show; the button it was run by is another one from now on all the same. */
async function drawAnew(deps: PerformDeps, trx: Handle, click: Click, nowMs: number): Promise<void> {
  const rev = await nextRevision(trx, click.integration_id, click.incident_id, nowMs)
  if (rev === undefined || click.out_track_id === '') return
  await allowRevision(trx, [click.out_track_id], { rev, spacingMs: deps.settings.spacingMs, urgent: true }, nowMs)
}

/** Moves the incident forward and lets every card that takes such events show it. @returns whether it moved */
export async function storeFresh(
  deps: PerformDeps,
  trx: Handle,
  click: Click,
  fresh: Fresh,
  actorName: string | undefined,
): Promise<boolean> {
  // What was pressed in a corporation that the integration was taken from is told to nobody of the other one.
  if (await isOfAnother(trx, click.integration_id, click.corp_id)) return false
  const eventType = EVENT_OF_ACTION[actionOf(click)]
  const cards = await listCardsOfIncident(trx, click.integration_id, click.incident_id)
  const custom = cards
    .flatMap(({ audience }) => audience.customActions)
    .find(({ integrationId }) => integrationId === click.custom_id)
  const lastAct = (updatedAt: number): LastAct | undefined => {
    if (!actorName || !eventType) return undefined
    const at = eventType === 'i_custom' ? Math.floor(click.created_at / 1000) : updatedAt
    return { eventType, personName: actorName, at, ...(custom ? { what: custom.name } : {}) }
  }
  const news = { eventType, lastAct, outTrackId: click.out_track_id, urgent: true, spacingMs: deps.settings.spacingMs }
  const shown = await storeFreshIncident(trx, click.integration_id, fresh, news, deps.clock.nowMs())
  return shown !== undefined
}

/** Every card says that Flashduty does not know the incident any more. */
async function storeGone(deps: PerformDeps, trx: Handle, click: Click, nowMs: number): Promise<void> {
  const rev = await markGone(trx, click.integration_id, click.incident_id, nowMs)
  if (rev === undefined) return
  const cards = await listCardsOfIncident(trx, click.integration_id, click.incident_id)
  const live = cards.filter(({ frozen }) => frozen === 0).map((card) => card.out_track_id)
  await allowRevision(trx, live, { rev, spacingMs: deps.settings.spacingMs, urgent: true }, nowMs)
}

/** @returns the click as it is now; undefined when it had come to its end before */
export async function storeFailed(
  deps: PerformDeps,
  click: Click,
  failed: { reason: Reason; detail: string | undefined; fresh?: Fresh | undefined },
  untilMs: number,
): Promise<Click | undefined> {
  const { reason, detail, fresh } = failed
  return writeUntil(deps, untilMs, async (trx) => {
    const nowMs = deps.clock.nowMs()
    if (fresh) await storeFresh(deps, trx, click, fresh, undefined)
    if (reason === 'INCIDENT_NOT_FOUND') await storeGone(deps, trx, click, nowMs)
    const settled = await settleClick(trx, click.id, { status: 'failed', reason, detail }, nowMs)
    if (settled) await settleRecord(trx, recordKeyOf(click), { status: 'failed', reason, detail }, nowMs)
    return settled
  })
}

/** Of a click that came to its end by other news, while this process still waited for an answer. */
export async function outcomeAfterAll(deps: PerformDeps, click: Click): Promise<ClickOutcome> {
  return outcomeOf((await findClick(deps.db.read, click.id)) ?? click)
}

/** It is tried again by itself. */
export async function storeRetry(
  deps: PerformDeps,
  click: Click,
  error: AppError,
  pauseMs: number,
): Promise<ClickOutcome> {
  const reason = asReason(error.failure.code)
  const settled = await writeUntil(deps, click.lease_until, async (trx) => {
    const nowMs = deps.clock.nowMs()
    const kept = await settleClick(trx, click.id, { status: 'pending', reason, dueAt: nowMs + pauseMs }, nowMs)
    if (kept) await settleRecord(trx, recordKeyOf(click), { status: 'retrying', reason, detail: error.detail }, nowMs)
    return kept
  })
  if (!settled) return outcomeAfterAll(deps, click)
  await deps.producer.tickClick(click.id, pauseMs)
  return { status: 'retrying' }
}
