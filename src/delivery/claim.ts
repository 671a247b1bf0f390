import type { Space } from '../domain/card.ts'
import { reasonText } from '../domain/reasons.ts'
import {
  cancelCards,
  type CardOfNotification,
  changeLeased,
  changePlacements,
  claimForDelivery,
  claimForUpdate,
  listCardsOfIncident,
  listPlacements,
} from '../storage/cards.ts'
import { findIncident, type StoredIncident } from '../storage/incidents.ts'
import { settleDelivery } from '../storage/records.ts'
import type { Handle } from '../storage/schema.ts'
import { faceOf } from './face.ts'
import { packSpaces } from './pack.ts'
import { deliverAgain, listLost } from './redeliver.ts'
import { drawCard } from './render/draw.ts'
import type { ReconcileDeps, Work } from './work.ts'

/** Leases the card that has waited longest and marks what is about to be sent, so that a later process knows what may have happened. */
export async function claimDelivery(
  deps: ReconcileDeps,
  trx: Handle,
): Promise<(Work & { spaces: Space[] }) | undefined> {
  const nowMs = deps.clock.nowMs()
  const leaseUntil = nowMs + deps.settings.leaseMs
  const card = await claimForDelivery(trx, deps.integrationId, { owner: deps.owner, nowMs, untilMs: leaseUntil })
  if (!card) return undefined
  const stored = await incidentOf(trx, card)
  await recoverLost(deps, trx, card, nowMs)
  const waiting = (await listPlacements(trx, [card.out_track_id])).filter(({ status }) => status === 'waiting')

  if (stored.incident.progress === 'Closed' && card.stage === 'absent' && (await nobodyWasTold(trx, card))) {
    for (const placement of waiting) {
      const space = { kind: placement.kind, targetId: placement.target_id }
      const verdict = { status: 'skipped', reason: 'ALREADY_CLOSED' } as const
      await settleDelivery(trx, { outTrackId: card.out_track_id, drawnRev: stored.rev }, space, verdict, nowMs)
    }
    await cancelCards(trx, [card.out_track_id], reasonText('ALREADY_CLOSED'), nowMs)
    await changeLeased(trx, card.out_track_id, deps.owner, { lease_owner: null, lease_until: 0 })
    deps.log.info({ incidentId: card.incident_id, outTrackId: card.out_track_id }, 'card-not-needed')
    return undefined
  }

  const spaces = packSpaces(
    waiting.map((placement) => ({
      kind: placement.kind,
      targetId: placement.target_id,
      alone: placement.alone === 1,
    })),
  )
  if (spaces.length === 0) {
    await changeLeased(trx, card.out_track_id, deps.owner, { deliver_due_at: null, lease_owner: null, lease_until: 0 })
    return undefined
  }
  await changePlacements(trx, card.out_track_id, spaces, { status: 'sending' }, nowMs)
  // Should this process die, the card is looked at again when the lease ends.
  await changeLeased(trx, card.out_track_id, deps.owner, {
    ...(card.stage === 'absent' ? { stage: 'creating' as const } : {}),
    update_due_at: earlier(card.update_due_at, leaseUntil),
  })
  return { card, stored, drawn: drawCard(faceOf(card, stored)), spaces }
}

/** Leases the card whose face (or existence) has been in doubt longest. */
export async function claimUpdate(deps: ReconcileDeps, trx: Handle): Promise<Work | undefined> {
  const nowMs = deps.clock.nowMs()
  const lease = { owner: deps.owner, nowMs, untilMs: nowMs + deps.settings.leaseMs }
  const card = await claimForUpdate(trx, deps.integrationId, lease)
  if (!card) return undefined
  await recoverLost(deps, trx, card, nowMs)
  const stored = await incidentOf(trx, card)
  return { card, stored, drawn: drawCard(faceOf(card, stored)) }
}

/** Deliveries of an existing card that were under way when their process died: done or not, nobody knows. */
async function recoverLost(deps: ReconcileDeps, trx: Handle, card: CardOfNotification, nowMs: number): Promise<void> {
  if (card.stage !== 'present') return
  const lost = await listLost(trx, card.out_track_id)
  if (lost.length > 0) await deliverAgain(deps, trx, card, lost, nowMs)
}

async function incidentOf(trx: Handle, card: CardOfNotification): Promise<StoredIncident> {
  const stored = await findIncident(trx, card.integration_id, card.incident_id)
  if (!stored) throw new Error(`card ${card.out_track_id} has no incident`)
  return stored
}

async function nobodyWasTold(trx: Handle, card: CardOfNotification): Promise<boolean> {
  const cards = await listCardsOfIncident(trx, card.integration_id, card.incident_id)
  return cards.every(({ stage }) => stage === 'absent')
}

function earlier(a: number | null, b: number): number {
  return a === null || a > b ? b : a
}
