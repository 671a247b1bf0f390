import { type Reason, reasonText } from '../domain/reasons.ts'
import { cancelUnsent } from '../storage/change-cards.ts'
import { listPlacements, spaceOf } from '../storage/placements.ts'
import type { Handle } from '../storage/schema.ts'
import { settleDelivery } from '../storage/settle-records.ts'

/** Nothing of the card was sent, and nothing will be: what waits for it is skipped. */
export async function cancelCard(trx: Handle, outTrackId: string, reason: Reason, nowMs: number): Promise<void> {
  for (const placement of await listPlacements(trx, [outTrackId])) {
    const verdict = { status: 'skipped', reason } as const
    await settleDelivery(trx, { outTrackId, drawnRev: 0 }, spaceOf(placement), verdict, nowMs)
  }
  await cancelUnsent(trx, outTrackId, reasonText(reason), nowMs)
}
