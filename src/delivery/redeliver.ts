import type { Space } from '../domain/card.ts'
import type { CardOfNotification } from '../storage/cards.ts'
import { changeLeased } from '../storage/change-cards.ts'
import { changePlacements, listPlacements, spaceOf } from '../storage/placements.ts'
import type { Handle } from '../storage/schema.ts'
import { settleDelivery } from '../storage/settle-records.ts'
import type { ReconcileDeps } from './work.ts'

/** The outcome of these deliveries is unknown: rather a message twice than an alert lost. */
export async function deliverAgain(
  deps: ReconcileDeps,
  trx: Handle,
  card: CardOfNotification,
  spaces: Space[],
  nowMs: number,
  how: { share?: 1 } = {},
): Promise<void> {
  await changePlacements(trx, card.out_track_id, spaces, { status: 'waiting', unknownOutcome: true, ...how }, nowMs)
  for (const space of spaces) {
    const verdict = { status: 'retrying', reason: 'NETWORK', note: 'REDELIVERED' } as const
    await settleDelivery(trx, { outTrackId: card.out_track_id, drawnRev: 0 }, space, verdict, nowMs)
  }
  await changeLeased(trx, card.out_track_id, deps.owner, { deliver_due_at: nowMs + deps.settings.spacingMs })
}

/** Spaces of the card that a delivery was under way to when the claim before this one ended. */
export async function listLost(trx: Handle, outTrackId: string): Promise<Space[]> {
  const placements = await listPlacements(trx, [outTrackId])
  return placements.filter(({ status }) => status === 'sending').map(spaceOf)
}
