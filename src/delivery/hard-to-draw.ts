import type { DrawnCard, Space } from '../domain/card.ts'
import { type CardOfNotification, MINIMAL, PLAIN } from '../storage/cards.ts'
import { changeLeased } from '../storage/change-cards.ts'
import { writeUntil } from '../storage/db.ts'
import { changePlacements } from '../storage/placements.ts'
import { noteOpen } from '../storage/records.ts'
import type { Handle } from '../storage/schema.ts'
import { faceOf } from './face.ts'
import { retryPause } from './retry.ts'
import type { Claimed, ReconcileDeps } from './work.ts'

/** Processes that died over a card, one after another, before it is drawn plain, and before it is drawn from letters only. */
const LOST_FOR_PLAIN = 2
const LOST_FOR_MINIMAL = 3

/** A card that several processes died over, or failed to draw, shows less of what comes from outside from now on. */
export async function lessFromOutside(
  deps: ReconcileDeps,
  trx: Handle,
  card: CardOfNotification,
): Promise<CardOfNotification> {
  const { incident_id: incidentId, out_track_id: outTrackId, lost_leases: lost } = card
  const plain = lost >= LOST_FOR_MINIMAL ? MINIMAL : lost >= LOST_FOR_PLAIN ? PLAIN : 0
  if (plain <= card.plain) return card
  await changeLeased(trx, outTrackId, deps.owner, { plain })
  await noteOpen(trx, [outTrackId], 'DRAWN_PLAIN')
  deps.log.warn({ incidentId, outTrackId, lost, minimal: plain === MINIMAL }, 'card-drawn-plain')
  return { ...card, plain }
}

/** Outside any transaction. @returns undefined for a face that cannot be drawn: the card is put off */
export async function drawLeased(
  deps: ReconcileDeps,
  claimed: Claimed & { spaces?: Space[] },
): Promise<DrawnCard | undefined> {
  const { card, stored } = claimed
  try {
    return deps.draw(faceOf(card, stored))
  } catch (error) {
    const { incident_id: incidentId, out_track_id: outTrackId } = card
    deps.log.error({ incidentId, outTrackId, err: error }, 'card-draw-failed')
    await writeUntil(deps, card.lease_until, (trx) => storeNotDrawn(deps, trx, claimed))
    return undefined
  }
}

/** No call was made, and the next who has it draws less if this goes on. */
async function storeNotDrawn(
  deps: ReconcileDeps,
  trx: Handle,
  { card, spaces }: Claimed & { spaces?: Space[] },
): Promise<void> {
  const nowMs = deps.clock.nowMs()
  const lost = card.lost_leases + 1
  const dueAt = nowMs + retryPause(deps, { kind: 'retryable', code: 'UNKNOWN' }, lost)
  const release = { lease_owner: null, lease_until: 0, lost_leases: lost }
  if (!spaces) {
    await changeLeased(trx, card.out_track_id, deps.owner, { ...release, update_due_at: dueAt })
    return
  }
  // All as it was before the claim.
  const { stage, update_due_at: updateDueAt } = card
  const put = { ...release, stage, deliver_due_at: dueAt, update_due_at: updateDueAt }
  if (!(await changeLeased(trx, card.out_track_id, deps.owner, put))) return
  await changePlacements(trx, card.out_track_id, spaces, { status: 'waiting' }, nowMs)
  await deps.quota.refundCall(trx, stage === 'absent' ? 'createAndDeliver' : 'deliver')
}
