import { asReason } from '../domain/reasons.ts'
import type { AppError } from '../errors.ts'
import { findStanding } from '../storage/cards.ts'
import { changeLeased } from '../storage/change-cards.ts'
import { changePlacements } from '../storage/placements.ts'
import type { Handle } from '../storage/schema.ts'
import { settleUpdates } from '../storage/settle-records.ts'
import { USUAL } from '../storage/turns.ts'
import { cancelCard } from './cancel.ts'
import { costNothing } from './quota.ts'
import { deliverAgain, listLost } from './redeliver.ts'
import { replaceCard } from './replace.ts'
import { reducedTo, retryPause, softened } from './retry.ts'
import type { ReconcileDeps, Work } from './work.ts'

/**
 * The card is there and shows what was drawn.
 * @param calledAtMs when it was last called for: of a card that needed no call, then and not now
 */
export async function storeShown(
  deps: ReconcileDeps,
  trx: Handle,
  { card, stored, drawn }: Work,
  calledAtMs: number,
): Promise<void> {
  const nowMs = deps.clock.nowMs()
  const outTrackId = card.out_track_id
  if (card.stage !== 'present') {
    await deliverAgain(deps, trx, card, await listLost(trx, outTrackId), nowMs)
  }
  await settleUpdates(trx, { outTrackId, drawnRev: stored.rev }, { status: 'updated' }, nowMs)
  const dueAgain = await wasOvertaken(trx, { card, stored }, nowMs)
  // An older PUT that was given up may still land on this one, so the face is sent once more when that is over.
  const doubted =
    card.stage === 'present' && card.shown_rev === 0 && calledAtMs < card.called_at + deps.settings.doubtMs
  await changeLeased(trx, outTrackId, deps.owner, {
    stage: 'present',
    ...(doubted ? { shown_rev: 0, shown_hash: null } : { shown_rev: stored.rev, shown_hash: drawn.hash }),
    update_due_at: dueAgain ? nowMs + deps.settings.spacingMs : doubted ? nowMs + deps.settings.doubtMs : null,
    update_lane: USUAL,
    called_at: calledAtMs,
    failures: 0,
    lease_owner: null,
    lease_until: 0,
  })
}

/** A press may have been answered, or a newer event taken in, while the call was under way. */
async function wasOvertaken(trx: Handle, { card, stored }: Pick<Work, 'card' | 'stored'>, nowMs: number) {
  const latest = await findStanding(trx, card.out_track_id)
  return (
    latest !== undefined &&
    (latest.allowed_rev > stored.rev || latest.frozen > card.frozen || latest.held_until > nowMs)
  )
}

/** A press on the card is being answered: the call was not made, and is due again once the answer is out. */
export async function putOffUpdate(deps: ReconcileDeps, trx: Handle, { card }: Work): Promise<void> {
  await deps.quota.refundCall(trx, 'updateCard')
  const dueAt = deps.clock.nowMs() + deps.settings.spacingMs
  await changeLeased(trx, card.out_track_id, deps.owner, { update_due_at: dueAt, lease_owner: null, lease_until: 0 })
}

/** The probe found nothing: nothing was delivered, and the same name can be created, unless a newer card has come. */
export async function storeAbsent(deps: ReconcileDeps, trx: Handle, { card }: Work): Promise<void> {
  const nowMs = deps.clock.nowMs()
  const outTrackId = card.out_track_id
  const lost = await listLost(trx, outTrackId)
  await changePlacements(trx, outTrackId, lost, { status: 'waiting' }, nowMs)
  await changeLeased(trx, outTrackId, deps.owner, {
    stage: 'absent',
    deliver_due_at: nowMs,
    update_due_at: null,
    called_at: nowMs,
    lease_owner: null,
    lease_until: 0,
  })
  const latest = await findStanding(trx, outTrackId)
  if (latest?.frozen === 1) await cancelCard(trx, outTrackId, 'SUPERSEDED', nowMs)
}

/** DingTalk did not take the update. @returns the card that takes its place, where one does */
export async function storeNotShown(
  deps: ReconcileDeps,
  trx: Handle,
  { card, stored }: Work,
  error: AppError,
): Promise<string | undefined> {
  const nowMs = deps.clock.nowMs()
  const failure = softened(error.failure, card)
  const failures = card.failures + 1
  const outTrackId = card.out_track_id
  if (costNothing(failure)) await deps.quota.refundCall(trx, 'updateCard')
  if (failure.code === 'CARD_NOT_EXIST') return replaceCard(deps, trx, { card, stored }, error.detail)
  const plain = reducedTo(failure, card, stored)
  if (plain !== undefined) {
    deps.log.warn({ incidentId: card.incident_id, outTrackId, plain, detail: error.detail }, 'card-reduced')
    const again = { plain, shown_hash: null, update_due_at: nowMs + deps.settings.spacingMs, called_at: nowMs }
    await changeLeased(trx, outTrackId, deps.owner, { ...again, failures, lease_owner: null, lease_until: 0 })
    return
  }
  // Whether an unsure card exists must be found out, however long it takes.
  const final = failure.kind === 'permanent' && card.stage === 'present'
  const verdict = { reason: asReason(failure.code), detail: error.detail }
  const dueAgain = final && (await wasOvertaken(trx, { card, stored }, nowMs))
  await settleUpdates(
    trx,
    { outTrackId, drawnRev: stored.rev },
    { status: final ? 'failed' : 'retrying', ...verdict },
    nowMs,
  )
  await changeLeased(trx, outTrackId, deps.owner, {
    // A PUT whose outcome is unknown may show anything now; the next one has to be sent whatever the hashes say.
    ...(failure.kind === 'unknown-outcome' ? { shown_rev: 0, shown_hash: null } : {}),
    update_due_at: dueAgain
      ? nowMs + deps.settings.spacingMs
      : final
        ? null
        : nowMs + retryPause(deps, failure, failures),
    called_at: nowMs,
    failures: final ? 0 : failures,
    lease_owner: null,
    lease_until: 0,
  })
}
