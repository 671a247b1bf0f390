import type { Space } from '../domain/card.ts'
import { type CardOfNotification, listCardsOfIncident } from '../storage/cards.ts'
import { changeLeased } from '../storage/change-cards.ts'
import { claimForDelivery, claimForUpdate } from '../storage/due-cards.ts'
import { findIncident, type StoredIncident } from '../storage/incidents.ts'
import { isOfAnother } from '../storage/integrations.ts'
import { changePlacements, countPlacedSince, listPlacements, type Placement, spaceOf } from '../storage/placements.ts'
import type { Handle } from '../storage/schema.ts'
import { cancelCard } from './cancel.ts'
import { lessFromOutside } from './hard-to-draw.ts'
import { packSpaces } from './pack.ts'
import { deliverAgain, listLost } from './redeliver.ts'
import type { Claimed, ReconcileDeps } from './work.ts'

/**
 * Leases the card whose turn it is and marks what is about to be sent, so that a later process knows what may have
 * happened. It is drawn after the commit: what goes wrong there must not undo the lease.
 */
export async function claimDelivery(
  deps: ReconcileDeps,
  trx: Handle,
): Promise<(Claimed & { spaces: Space[] }) | undefined> {
  const nowMs = deps.clock.nowMs()
  const leaseUntil = nowMs + deps.settings.leaseMs
  if (await isOfAnother(trx, deps.integrationId, deps.corpId)) return undefined
  const leased = await claimForDelivery(trx, deps.integrationId, { owner: deps.owner, nowMs, untilMs: leaseUntil })
  if (!leased) return undefined
  const card = await lessFromOutside(deps, trx, leased)
  const stored = await incidentOf(trx, card)
  await recoverLost(deps, trx, card, nowMs)
  const placements = await listPlacements(trx, [card.out_track_id])
  const waiting = placements.filter(({ status }) => status === 'waiting')
  const ripe = waiting.filter(({ not_before: notBefore }) => notBefore <= nowMs)

  if (stored.incident.progress === 'Closed' && card.stage === 'absent' && (await nobodyWasTold(trx, card))) {
    await cancelCard(trx, card.out_track_id, 'ALREADY_CLOSED', nowMs)
    await changeLeased(trx, card.out_track_id, deps.owner, { lease_owner: null, lease_until: 0 })
    deps.log.info({ incidentId: card.incident_id, outTrackId: card.out_track_id }, 'card-not-needed')
    return undefined
  }

  const open = await withinRate(deps, trx, ripe, nowMs)
  if (open.length === 0 && waiting.length > 0) {
    const soonest = Math.min(...waiting.map(({ not_before: notBefore }) => notBefore))
    const later = {
      deliver_due_at: ripe.length > 0 ? nowMs + RATE_LOOK_MS : soonest,
      lease_owner: null,
      lease_until: 0,
    }
    await changeLeased(trx, card.out_track_id, deps.owner, later)
    return undefined
  }
  const spaces = packSpaces(open.map((placement) => ({ ...spaceOf(placement), share: placement.share })))
  if (spaces.length === 0) {
    await changeLeased(trx, card.out_track_id, deps.owner, { deliver_due_at: null, lease_owner: null, lease_until: 0 })
    return undefined
  }
  await deps.quota.countCall(trx, card.stage === 'absent' ? 'createAndDeliver' : 'deliver')
  await changePlacements(trx, card.out_track_id, spaces, { status: 'sending' }, nowMs)
  // Should this process die, the card is looked at again when the lease ends.
  await changeLeased(trx, card.out_track_id, deps.owner, {
    ...(card.stage === 'absent' ? { stage: 'creating' as const } : {}),
    update_due_at: earlier(card.update_due_at, leaseUntil),
  })
  return { card, stored, spaces }
}

const RATE_LOOK_MS = 5_000

/** Those of the waiting placements whose group may get another card this minute. */
async function withinRate(deps: ReconcileDeps, trx: Handle, waiting: Placement[], nowMs: number): Promise<Placement[]> {
  const most = deps.groupPerMinute
  if (most <= 0) return waiting
  const open: Placement[] = []
  for (const placement of waiting) {
    const full =
      placement.kind === 'group' && (await countPlacedSince(trx, placement.target_id, nowMs - 60_000)) >= most
    if (!full) open.push(placement)
  }
  return open
}

/** Leases the card whose turn it is to be updated or looked for. Whether that takes a call is known once it is drawn. */
export async function claimUpdate(deps: ReconcileDeps, trx: Handle): Promise<Claimed | undefined> {
  const nowMs = deps.clock.nowMs()
  const lease = { owner: deps.owner, nowMs, untilMs: nowMs + deps.settings.leaseMs }
  if (await isOfAnother(trx, deps.integrationId, deps.corpId)) return undefined
  const leased = await claimForUpdate(trx, deps.integrationId, lease, await deps.quota.isScarce(trx))
  if (!leased) return undefined
  const card = await lessFromOutside(deps, trx, leased)
  await recoverLost(deps, trx, card, nowMs)
  return { card, stored: await incidentOf(trx, card) }
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
