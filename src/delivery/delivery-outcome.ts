import type { SpaceResult } from '../dingtalk/cards.ts'
import type { Space } from '../domain/card.ts'
import { asReason, type Reason } from '../domain/reasons.ts'
import type { AppError } from '../errors.ts'
import { type CardOfNotification, findStanding } from '../storage/cards.ts'
import { changeLeased, changeTemplate } from '../storage/change-cards.ts'
import { refuseTemplate } from '../storage/integrations.ts'
import { changePlacements, listPlacements } from '../storage/placements.ts'
import { noteOpen } from '../storage/records.ts'
import type { Handle } from '../storage/schema.ts'
import { settleDelivery } from '../storage/settle-records.ts'
import { costNothing } from './quota.ts'
import { deliverAgain } from './redeliver.ts'
import { PUBLIC_TEMPLATE_ID } from '../domain/card-template.ts'
import { replaceCard } from './replace.ts'
import { reducedTo, retryPause, softened } from './retry.ts'
import { storeProofs } from './truth/proofs.ts'
import type { ReconcileDeps, Work } from './work.ts'

/** DingTalk has said of each space what became of the card there. */
export async function storeDelivered(
  deps: ReconcileDeps,
  trx: Handle,
  { card, stored, drawn }: Work,
  results: SpaceResult[],
): Promise<void> {
  const nowMs = deps.clock.nowMs()
  const creating = card.stage === 'absent'
  const shown = { outTrackId: card.out_track_id, drawnRev: creating ? stored.rev : card.shown_rev }
  await storeProofs(trx, card.integration_id, proofsOf(results), nowMs)
  for (const result of results) {
    const spaces = [result.space]
    if (result.outcome === 'unknown') {
      await deliverAgain(deps, trx, card, spaces, nowMs, 'untold')
      continue
    }
    if (result.outcome === 'delivered') {
      const delivered = { status: 'delivered' as const, carrier_id: result.carrierId ?? null, reason: null }
      await changePlacements(trx, card.out_track_id, spaces, delivered, nowMs)
      const note = creating && drawn.notes.length > 0 ? drawn.notes.join(', ') : undefined
      await settleDelivery(trx, shown, result.space, { status: 'success', msgId: card.out_track_id, note }, nowMs)
      continue
    }
    await failSpace(trx, shown, result.space, asReason(result.reason), result.detail, nowMs)
  }
  await finishDelivery(deps, trx, card, {
    stage: 'present',
    // A joined chat gets the data of the last PUT, which the answer to a press may since have overtaken elsewhere.
    ...(creating ? { shown_rev: stored.rev, shown_hash: drawn.hash } : { shown_hash: null }),
    failures: 0,
  })
}

function proofsOf(results: SpaceResult[]) {
  return {
    delivered: results.flatMap((result) => (result.outcome === 'delivered' ? [result.space] : [])),
    failed: results.flatMap((result) =>
      result.outcome === 'failed' ? [{ space: result.space, reason: asReason(result.reason) }] : [],
    ),
  }
}

/** The call failed as a whole. @returns the card that takes its place, where one does */
export async function storeNotDelivered(
  deps: ReconcileDeps,
  trx: Handle,
  { card, stored, spaces }: Work & { spaces: Space[] },
  error: AppError,
): Promise<string | undefined> {
  const nowMs = deps.clock.nowMs()
  const creating = card.stage === 'absent'
  const outTrackId = card.out_track_id
  const failure = (await wereRefused(trx, outTrackId, spaces)) ? error.failure : softened(error.failure, card)
  const failures = card.failures + 1
  if (costNothing(failure)) await deps.quota.refundCall(trx, creating ? 'createAndDeliver' : 'deliver')

  // An instance of this name exists already: an earlier create got through after all. Its delivery stays unconfirmed.
  if (failure.kind === 'unknown-outcome' || failure.code === 'CARD_ALREADY_EXIST') {
    if (creating) {
      const pauseMs = failure.kind === 'unknown-outcome' ? retryPause(deps, failure, failures) : 0
      await finishDelivery(deps, trx, card, { stage: 'unsure', failures }, nowMs + pauseMs)
      return
    }
    await deliverAgain(deps, trx, card, spaces, nowMs)
    await finishDelivery(deps, trx, card, { failures })
    return
  }
  if (failure.code === 'CARD_NOT_EXIST') {
    await changePlacements(trx, outTrackId, spaces, { status: 'waiting' }, nowMs)
    return replaceCard(deps, trx, { card, stored }, error.detail)
  }
  const { templateId } = card.audience
  if (creating && failure.code === 'TEMPLATE_INVALID' && templateId !== PUBLIC_TEMPLATE_ID) {
    await refuseTemplate(trx, card.integration_id, templateId, nowMs)
    await changePlacements(trx, outTrackId, spaces, { status: 'waiting' }, nowMs)
    await finishDelivery(deps, trx, card, { stage: 'absent', failures })
    const changed = await changeTemplate(trx, card.integration_id, { from: templateId, to: PUBLIC_TEMPLATE_ID })
    await noteOpen(trx, changed, 'TEMPLATE_FALLBACK')
    deps.log.error({ templateId, cards: changed.length, detail: error.detail }, 'template-refused')
    return
  }
  const plain = creating ? reducedTo(failure, card, stored) : undefined
  if (plain !== undefined) {
    deps.log.warn({ incidentId: card.incident_id, outTrackId, plain, detail: error.detail }, 'card-reduced')
    await changePlacements(trx, outTrackId, spaces, { status: 'waiting' }, nowMs)
    await finishDelivery(deps, trx, card, { stage: card.stage, plain, failures })
    return
  }
  if (failure.kind === 'permanent' && failure.code !== 'CONTENT_REJECTED' && spaces.length > 1) {
    // One bad space can make DingTalk refuse the whole call: halved until it stands alone.
    const share = Math.ceil(spaces.length / 2)
    await changePlacements(trx, outTrackId, spaces, { status: 'waiting', share }, nowMs)
    await finishDelivery(deps, trx, card, { stage: card.stage, failures })
    return
  }
  if (failure.kind === 'permanent') {
    const shown = { outTrackId, drawnRev: stored.rev }
    const failed = spaces.map((space) => ({ space, reason: asReason(failure.code) }))
    await storeProofs(trx, card.integration_id, { delivered: [], failed }, nowMs)
    for (const space of spaces) await failSpace(trx, shown, space, asReason(failure.code), error.detail ?? '', nowMs)
    await finishDelivery(deps, trx, card, { stage: card.stage, failures: 0 })
    return
  }
  await changePlacements(trx, outTrackId, spaces, { status: 'waiting' }, nowMs)
  for (const space of spaces) {
    const verdict = { status: 'retrying', reason: asReason(failure.code), detail: error.detail } as const
    await settleDelivery(trx, { outTrackId, drawnRev: 0 }, space, verdict, nowMs)
  }
  const retryAt = nowMs + retryPause(deps, failure, failures)
  await finishDelivery(deps, trx, card, { stage: card.stage, failures }, retryAt)
}

/** Spaces that were refused before have had their second try. */
async function wereRefused(trx: Handle, outTrackId: string, spaces: Space[]): Promise<boolean> {
  const placements = await listPlacements(trx, [outTrackId])
  return placements.some(
    ({ kind, target_id: id, share }) =>
      share > 0 && spaces.some((space) => space.kind === kind && space.targetId === id),
  )
}

/** Ends the lease; whatever is still waiting stays due, and so does a newer face. */
async function finishDelivery(
  deps: ReconcileDeps,
  trx: Handle,
  card: CardOfNotification,
  change: Parameters<typeof changeLeased>[3],
  notBeforeMs = 0,
): Promise<void> {
  const nowMs = deps.clock.nowMs()
  const latest = await findStanding(trx, card.out_track_id)
  const stage = change.stage ?? latest?.stage ?? card.stage
  const shownRev = change.shown_rev ?? latest?.shown_rev ?? card.shown_rev
  const spaced = nowMs + deps.settings.spacingMs
  const behind = latest !== undefined && (latest.allowed_rev > shownRev || latest.frozen === 1)
  const faceDue = stage === 'present' && (behind || change.shown_hash === null)
  const waitingFor = latest?.waitingFor ?? null
  const held = latest !== undefined && latest.held_until > nowMs ? latest.held_until : null
  await changeLeased(trx, card.out_track_id, deps.owner, {
    ...change,
    deliver_due_at:
      waitingFor === null ? null : Math.max(stage === 'present' ? spaced : nowMs, waitingFor, notBeforeMs),
    update_due_at: stage === 'unsure' ? Math.max(nowMs, notBeforeMs) : faceDue ? spaced : held,
    called_at: nowMs,
    lease_owner: null,
    lease_until: 0,
  })
}

async function failSpace(
  trx: Handle,
  shown: { outTrackId: string; drawnRev: number },
  space: Space,
  reason: Reason,
  detail: string,
  nowMs: number,
): Promise<void> {
  await changePlacements(trx, shown.outTrackId, [space], { status: 'failed', reason }, nowMs)
  await settleDelivery(trx, shown, space, { status: 'failed', reason, detail }, nowMs)
}
