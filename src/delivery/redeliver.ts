import type { Space } from '../domain/card.ts'
import { type CardOfNotification, findStanding } from '../storage/cards.ts'
import { changeLeased } from '../storage/change-cards.ts'
import { changePlacements, listPlacements, type Placement, spaceOf } from '../storage/placements.ts'
import type { Handle } from '../storage/schema.ts'
import { settleDelivery, settleUnconfirmed } from '../storage/settle-records.ts'
import type { ReconcileDeps } from './work.ts'

/** `untold`: DingTalk accepted the call, and what it says of the space cannot be told apart. `lost`: it never answered, or failed. */
export type Doubt = 'untold' | 'lost'

/** An answer that says nothing will say nothing the next time. */
const MOST_UNTOLD = 1

/**
 * The outcome of these deliveries is unknown: rather a message twice than an alert lost, but not for ever. What was repeated
 * often enough is taken for delivered, as far as the card goes, and is told as unconfirmed.
 */
export async function deliverAgain(
  deps: ReconcileDeps,
  trx: Handle,
  card: CardOfNotification,
  spaces: Space[],
  nowMs: number,
  doubt: Doubt = 'lost',
): Promise<void> {
  const outTrackId = card.out_track_id
  const { redeliverMs, spacingMs } = deps.settings
  const most = doubt === 'untold' ? MOST_UNTOLD : redeliverMs.length
  for (const placement of await placementsOf(trx, outTrackId, spaces)) {
    const space = spaceOf(placement)
    const { unknown_outcomes: before } = placement
    if (before >= most) {
      await giveUp(deps, trx, card, space, nowMs)
      continue
    }
    const notBefore = nowMs + Math.max(spacingMs, redeliverMs[before] ?? 0)
    // Alone, since an answer about one space cannot be mistaken.
    const waiting = { status: 'waiting', not_before: notBefore, ...(doubt === 'untold' ? { share: 1 } : {}) } as const
    await changePlacements(trx, outTrackId, [space], { ...waiting, unknownOutcome: true }, nowMs)
    const verdict = { status: 'retrying', reason: 'NETWORK', note: 'REDELIVERED' } as const
    await settleDelivery(trx, { outTrackId, drawnRev: 0 }, space, verdict, nowMs)
  }
  const waitingFor = (await findStanding(trx, outTrackId))?.waitingFor ?? null
  const dueAt = waitingFor === null ? null : Math.max(waitingFor, nowMs + spacingMs)
  await changeLeased(trx, outTrackId, deps.owner, { deliver_due_at: dueAt })
}

async function giveUp(
  deps: ReconcileDeps,
  trx: Handle,
  card: CardOfNotification,
  space: Space,
  nowMs: number,
): Promise<void> {
  const { incident_id: incidentId, out_track_id: outTrackId } = card
  // The card may well be there, and then has to stay true.
  const settled = { status: 'delivered', reason: 'DELIVERED_UNCONFIRMED' } as const
  await changePlacements(trx, outTrackId, [space], settled, nowMs)
  await settleUnconfirmed(trx, outTrackId, space, nowMs)
  deps.log.error({ incidentId, outTrackId, kind: space.kind, target: space.targetId }, 'card-unconfirmed')
}

async function placementsOf(trx: Handle, outTrackId: string, spaces: Space[]): Promise<Placement[]> {
  const placements = await listPlacements(trx, [outTrackId])
  return placements.filter(({ kind, target_id: id }) =>
    spaces.some((space) => space.kind === kind && space.targetId === id),
  )
}

/** Spaces of the card that a delivery was under way to when the claim before this one ended. */
export async function listLost(trx: Handle, outTrackId: string): Promise<Space[]> {
  const placements = await listPlacements(trx, [outTrackId])
  return placements.filter(({ status }) => status === 'sending').map(spaceOf)
}
