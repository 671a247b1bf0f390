import { createAndDeliver, deliverCard, updateCard } from '../dingtalk/cards.ts'
import { cardRouteKeyOf } from '../domain/integration.ts'
import { AppError } from '../errors.ts'
import type { AwaitTurn } from '../queue/workers.ts'
import { BARE, type CardOfNotification, FULL } from '../storage/cards.ts'
import { writeUntil } from '../storage/db.ts'
import { isOfAnother } from '../storage/integrations.ts'
import type { Handle } from '../storage/schema.ts'
import { claimDelivery, claimUpdate } from './claim.ts'
import { storeDelivered, storeNotDelivered } from './delivery-outcome.ts'
import { drawLeased } from './hard-to-draw.ts'
import { onlyButtons } from './render/template.ts'
import { withMentions } from './render/mentions.ts'
import { PUBLIC_TEMPLATE_ID } from '../domain/card-template.ts'
import { putOffUpdate, storeAbsent, storeNotShown, storeShown } from './update-outcome.ts'
import type { ReconcileDeps } from './work.ts'

/**
 * Creates or delivers the card whose turn it is: at most one call to DingTalk.
 * What came of it is stored before this settles.
 * @param awaitTurn right before the call, since claiming takes longer at times
 * @throws AppError `throttled` when the pacer should pause, `retryable` when the database could not be written
 */
export async function reconcileDelivery(deps: ReconcileDeps, awaitTurn: AwaitTurn): Promise<void> {
  const claimed = await deps.db.write((trx) => claimDelivery(deps, trx))
  if (!claimed) return
  const { card, stored, spaces } = claimed
  const drawn = await drawLeased(deps, claimed)
  if (!drawn) return deps.wakeDueCards([card.out_track_id])
  const work = { ...claimed, drawn }
  const creating = card.stage === 'absent'
  await awaitTurn()
  if (await isOfAnother(deps.db.read, deps.integrationId, deps.corpId)) return
  const startedAt = performance.now()
  const log = deps.log.child({ incidentId: card.incident_id, outTrackId: card.out_track_id })
  const touched = [card.out_track_id]
  const toGroups = spaces.some(({ kind }) => kind === 'group')
  const mentions = toGroups && !card.audience.disableAt ? card.mentions : []
  const call = { outTrackId: card.out_track_id, robotCode: card.audience.robotCode, spaces, mentions }
  const answer = await attempt(
    creating
      ? createAndDeliver(deps.client, {
          ...call,
          templateId: card.audience.templateId,
          callbackType: card.audience.callbackType,
          ...(card.audience.callbackType === 'HTTP' ? { callbackRouteKey: cardRouteKeyOf(card.integration_id) } : {}),
          drawn: withMentions(drawn, card.audience.locale, mentions, card.plain > FULL),
        })
      : deliverCard(deps.client, call),
  )
  try {
    if ('error' in answer) {
      const { error } = answer
      const instead = await store(deps, card, (trx) => storeNotDelivered(deps, trx, work, error))
      if (instead) touched.push(instead)
      log[levelOf(error)](
        { targets: spaces.length, err: error, detail: error.detail, instead },
        creating ? 'card-create-failed' : 'card-deliver-failed',
      )
      if (error.failure.code !== 'TEMPLATE_INVALID' || card.audience.templateId === PUBLIC_TEMPLATE_ID) {
        pausePacer(deps, error)
      }
      return
    }
    const results = answer.value
    await store(deps, card, (trx) => storeDelivered(deps, trx, work, results))
    log.info(
      {
        rev: stored.rev,
        delivered: results.filter((result) => result.outcome === 'delivered').length,
        failed: results.flatMap((r) =>
          r.outcome === 'failed' ? [`${r.space.targetId}: ${r.reason} (${r.detail})`] : [],
        ),
        unknown: results.filter((result) => result.outcome === 'unknown').length,
        tookMs: Math.round(performance.now() - startedAt),
      },
      creating ? 'card-created' : 'card-delivered',
    )
  } finally {
    await deps.wakeDueCards(touched)
  }
}

/**
 * Brings the card whose turn it is up to date, or finds out whether an unsure one exists: at most one call to DingTalk.
 * @param awaitTurn right before the call, since claiming takes longer at times
 * @throws AppError `throttled` when the pacer should pause, `retryable` when the database could not be written
 */
export async function reconcileUpdate(deps: ReconcileDeps, awaitTurn: AwaitTurn): Promise<void> {
  const claimed = await deps.db.write((trx) => claimUpdate(deps, trx))
  if (!claimed) return
  const { card, stored } = claimed
  const drawn = await drawLeased(deps, claimed)
  if (!drawn) return deps.wakeDueCards([card.out_track_id])
  const work = { ...claimed, drawn }
  const probing = card.stage !== 'present'
  const needed = probing || card.shown_hash !== drawn.hash
  if (needed) {
    await deps.db.write((trx) => deps.quota.countCall(trx, 'updateCard'))
    await awaitTurn()
    if (await isOfAnother(deps.db.read, deps.integrationId, deps.corpId)) return
  }
  const startedAt = performance.now()
  const log = deps.log.child({ incidentId: card.incident_id, outTrackId: card.out_track_id })
  const touched = [card.out_track_id]
  try {
    // A press may have come in since the card was claimed, and is not stored yet.
    if (needed && deps.isPressed(card.out_track_id)) {
      await store(deps, card, (trx) => putOffUpdate(deps, trx, work))
      return
    }
    if (!needed) {
      await store(deps, card, (trx) => storeShown(deps, trx, work, card.called_at))
      log.debug({ rev: stored.rev }, 'card-unchanged')
      return
    }
    const answer = await attempt(
      updateCard(deps.client, {
        outTrackId: card.out_track_id,
        cardParamMap: card.plain === BARE ? onlyButtons(drawn.cardParamMap) : drawn.cardParamMap,
      }),
    )
    if (!('error' in answer)) {
      await store(deps, card, (trx) => storeShown(deps, trx, work, deps.clock.nowMs()))
      log.info(
        { rev: stored.rev, progress: stored.incident.progress, tookMs: Math.round(performance.now() - startedAt) },
        probing ? 'card-found' : 'card-updated',
      )
      return
    }
    const { error } = answer
    if (probing && error.failure.code === 'CARD_NOT_EXIST') {
      await store(deps, card, (trx) => storeAbsent(deps, trx, work))
      log.info('card-absent')
      return
    }
    const instead = await store(deps, card, (trx) => storeNotShown(deps, trx, work, error))
    if (instead) touched.push(instead)
    log[levelOf(error)]({ err: error, detail: error.detail, instead }, 'card-update-failed')
    pausePacer(deps, error)
  } finally {
    await deps.wakeDueCards(touched)
  }
}

/** What came of a call, unless the integration has been given to another corporation meanwhile: then all of it is over. */
async function store<T>(
  deps: ReconcileDeps,
  card: CardOfNotification,
  work: (trx: Handle) => Promise<T>,
): Promise<T | undefined> {
  return writeUntil(deps, card.lease_until, async (trx) =>
    (await isOfAnother(trx, deps.integrationId, deps.corpId)) ? undefined : work(trx),
  )
}

/** @throws AppError `throttled`: every further call of this API would be refused as this one was */
function pausePacer(deps: ReconcileDeps, error: AppError): void {
  const { failure } = error
  if (failure.kind === 'throttled') throw error
  if (failure.kind !== 'blocked') return
  const pause = { kind: 'throttled', code: failure.code, retryAfterMs: deps.settings.blockedRetryMs } as const
  throw new AppError(pause, error.message, { cause: error })
}

/** The call's outcome apart from what becomes of storing it: only DingTalk's failures may be taken for DingTalk's. */
async function attempt<T>(call: Promise<T>): Promise<{ value: T } | { error: AppError }> {
  try {
    return { value: await call }
  } catch (error) {
    if (error instanceof AppError) return { error }
    throw error
  }
}

/** Somebody has to act on what will not mend itself. */
function levelOf(error: AppError): 'error' | 'warn' {
  // An earlier create got through after all, which settles itself.
  if (error.failure.code === 'CARD_ALREADY_EXIST') return 'warn'
  return error.failure.kind === 'permanent' || error.failure.kind === 'blocked' ? 'error' : 'warn'
}
