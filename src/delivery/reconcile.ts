import { createAndDeliver, deliverCard, updateCard } from '../dingtalk/cards.ts'
import { AppError } from '../errors.ts'
import { writeUntil } from '../storage/db.ts'
import { claimDelivery, claimUpdate } from './claim.ts'
import { withMentions } from './render/mentions.ts'
import { storeAbsent, storeDelivered, storeNotDelivered, storeNotShown, storeShown } from './outcome.ts'
import type { ReconcileDeps } from './work.ts'

/**
 * Creates or delivers the card that has waited longest: at most one call to DingTalk.
 * What came of it is stored before this settles.
 * @throws AppError `throttled` when the pacer should pause, `retryable` when the database could not be written
 */
export async function reconcileDelivery(deps: ReconcileDeps): Promise<void> {
  const claimed = await deps.db.write((trx) => claimDelivery(deps, trx))
  if (!claimed) return
  const { card, stored, drawn, spaces } = claimed
  const creating = card.stage === 'absent'
  const startedAt = performance.now()
  const log = deps.log.child({ incidentId: card.incident_id, outTrackId: card.out_track_id })
  const toGroups = spaces.some(({ kind }) => kind === 'group')
  const mentions = toGroups && !card.audience.disableAt ? card.mentions : []
  const call = { outTrackId: card.out_track_id, robotCode: card.audience.robotCode, spaces, mentions }
  const answer = await attempt(
    creating
      ? createAndDeliver(deps.client, {
          ...call,
          templateId: card.audience.templateId,
          callbackType: 'STREAM',
          drawn: withMentions(drawn, card.audience.locale, mentions),
        })
      : deliverCard(deps.client, call),
  )
  try {
    if ('error' in answer) {
      const { error } = answer
      await writeUntil(deps, card.lease_until, (trx) => storeNotDelivered(deps, trx, claimed, error))
      log[levelOf(error)](
        { targets: spaces.length, err: error, detail: error.detail },
        creating ? 'card-create-failed' : 'card-deliver-failed',
      )
      if (error.failure.kind === 'throttled') throw error
      return
    }
    const results = answer.value
    await writeUntil(deps, card.lease_until, (trx) => storeDelivered(deps, trx, claimed, results))
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
    await deps.wakeDueCards([card.out_track_id])
  }
}

/**
 * Brings the longest due card up to date, or finds out whether an unsure one exists: at most one call to DingTalk.
 * @throws AppError `throttled` when the pacer should pause, `retryable` when the database could not be written
 */
export async function reconcileUpdate(deps: ReconcileDeps): Promise<void> {
  const claimed = await deps.db.write((trx) => claimUpdate(deps, trx))
  if (!claimed) return
  const { card, stored, drawn } = claimed
  const probing = card.stage !== 'present'
  const startedAt = performance.now()
  const log = deps.log.child({ incidentId: card.incident_id, outTrackId: card.out_track_id })
  try {
    if (!probing && card.shown_hash === drawn.hash) {
      await writeUntil(deps, card.lease_until, (trx) => storeShown(deps, trx, claimed, card.called_at))
      log.debug({ rev: stored.rev }, 'card-unchanged')
      return
    }
    const answer = await attempt(
      updateCard(deps.client, { outTrackId: card.out_track_id, cardParamMap: drawn.cardParamMap }),
    )
    if (!('error' in answer)) {
      await writeUntil(deps, card.lease_until, (trx) => storeShown(deps, trx, claimed, deps.clock.nowMs()))
      log.info(
        { rev: stored.rev, progress: stored.incident.progress, tookMs: Math.round(performance.now() - startedAt) },
        probing ? 'card-found' : 'card-updated',
      )
      return
    }
    const { error } = answer
    if (probing && error.failure.code === 'CARD_NOT_EXIST') {
      await writeUntil(deps, card.lease_until, (trx) => storeAbsent(deps, trx, claimed))
      log.info('card-absent')
      return
    }
    await writeUntil(deps, card.lease_until, (trx) => storeNotShown(deps, trx, claimed, error))
    log[levelOf(error)]({ err: error, detail: error.detail }, 'card-update-failed')
    if (error.failure.kind === 'throttled') throw error
  } finally {
    await deps.wakeDueCards([card.out_track_id])
  }
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
  return error.failure.kind === 'permanent' || error.failure.kind === 'blocked' ? 'error' : 'warn'
}
