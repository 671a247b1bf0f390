import type { Clock } from '../clock.ts'
import { createAndDeliver, deliverCard, type SpaceResult, updateCard } from '../dingtalk/cards.ts'
import type { DingTalkClient } from '../dingtalk/client.ts'
import type { DrawnCard, Space } from '../domain/card.ts'
import { asReason, type Reason, reasonText } from '../domain/reasons.ts'
import { AppError, type Failure } from '../errors.ts'
import type { Log } from '../log.ts'
import {
  cancelCards,
  type CardOfNotification,
  changeLeased,
  changePlacements,
  claimForDelivery,
  claimForUpdate,
  findCard,
  listCardsOfIncident,
  listPlacements,
} from '../storage/cards.ts'
import type { Db } from '../storage/db.ts'
import { findIncident, type StoredIncident } from '../storage/incidents.ts'
import { settleDelivery, settleUpdates } from '../storage/records.ts'
import type { Handle } from '../storage/schema.ts'
import { faceOf } from './face.ts'
import { packSpaces } from './pack.ts'
import { drawCard } from './render/public-template.ts'
import type { DeliverySettings } from './settings.ts'
import type { WakeDueCards } from './wake.ts'

export type ReconcileDeps = {
  db: Db
  clock: Clock
  log: Log
  settings: DeliverySettings
  client: DingTalkClient
  integrationId: string
  /** Names this process in leases. */
  owner: string
  wakeDueCards: WakeDueCards
}

type Work = { card: CardOfNotification; stored: StoredIncident; drawn: DrawnCard }

/**
 * Creates or delivers the card that has waited longest: at most one call to DingTalk.
 * What came of it is stored before this settles.
 * @throws AppError `throttled` when the pacer should pause
 */
export async function reconcileDelivery(deps: ReconcileDeps): Promise<void> {
  const claimed = await deps.db.write((trx) => claimDelivery(deps, trx))
  if (!claimed) return
  const { card, stored, drawn, spaces } = claimed
  const creating = card.stage === 'absent'
  const startedAt = performance.now()
  const log = deps.log.child({ incidentId: card.incident_id, outTrackId: card.out_track_id })
  const call = { outTrackId: card.out_track_id, robotCode: card.audience.robotCode, spaces }
  const answer = await attempt(
    creating
      ? createAndDeliver(deps.client, { ...call, templateId: card.audience.templateId, callbackType: 'STREAM', drawn })
      : deliverCard(deps.client, call),
  )
  try {
    if ('error' in answer) {
      const { error } = answer
      await deps.db.write((trx) => storeNotDelivered(deps, trx, claimed, error))
      log[levelOf(error)](
        { targets: spaces.length, err: error, detail: error.detail },
        creating ? 'card-create-failed' : 'card-deliver-failed',
      )
      if (error.failure.kind === 'throttled') throw error
      return
    }
    const results = answer.value
    await deps.db.write((trx) => storeDelivered(deps, trx, claimed, results))
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
 * @throws AppError `throttled` when the pacer should pause
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
      await deps.db.write((trx) => storeShown(deps, trx, claimed, card.called_at))
      log.debug({ rev: stored.rev }, 'card-unchanged')
      return
    }
    const answer = await attempt(
      updateCard(deps.client, { outTrackId: card.out_track_id, cardParamMap: drawn.cardParamMap }),
    )
    if (!('error' in answer)) {
      await deps.db.write((trx) => storeShown(deps, trx, claimed, deps.clock.nowMs()))
      log.info(
        { rev: stored.rev, progress: stored.incident.progress, tookMs: Math.round(performance.now() - startedAt) },
        probing ? 'card-found' : 'card-updated',
      )
      return
    }
    const { error } = answer
    if (probing && error.failure.code === 'CARD_NOT_EXIST') {
      await deps.db.write((trx) => storeAbsent(deps, trx, claimed))
      log.info('card-absent')
      return
    }
    await deps.db.write((trx) => storeNotShown(deps, trx, claimed, error))
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

// --- Claims: what is marked here before the call tells a later process what may have happened. ---

async function claimDelivery(deps: ReconcileDeps, trx: Handle): Promise<(Work & { spaces: Space[] }) | undefined> {
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

async function claimUpdate(deps: ReconcileDeps, trx: Handle): Promise<Work | undefined> {
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
  const lost = (await listPlacements(trx, [card.out_track_id])).filter(({ status }) => status === 'sending')
  if (lost.length > 0) await deliverAgain(deps, trx, card, lost.map(spaceOf), nowMs)
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

// --- Outcomes of a delivery ---

async function storeDelivered(
  deps: ReconcileDeps,
  trx: Handle,
  { card, stored, drawn }: Work,
  results: SpaceResult[],
): Promise<void> {
  const nowMs = deps.clock.nowMs()
  const creating = card.stage === 'absent'
  const shown = { outTrackId: card.out_track_id, drawnRev: creating ? stored.rev : card.shown_rev }
  for (const result of results) {
    const spaces = [result.space]
    if (result.outcome === 'unknown') {
      await deliverAgain(deps, trx, card, spaces, nowMs)
      continue
    }
    if (result.outcome === 'delivered') {
      const delivered = { status: 'delivered' as const, carrier_id: result.carrierId ?? null, reason: null }
      await changePlacements(trx, card.out_track_id, spaces, delivered, nowMs)
      await settleDelivery(trx, shown, result.space, { status: 'success', msgId: card.out_track_id }, nowMs)
      continue
    }
    await failSpace(trx, shown, result.space, asReason(result.reason), result.detail, nowMs)
  }
  await finishDelivery(deps, trx, card, {
    stage: 'present',
    ...(creating ? { shown_rev: stored.rev, shown_hash: drawn.hash } : {}),
    failures: 0,
  })
}

async function storeNotDelivered(
  deps: ReconcileDeps,
  trx: Handle,
  { card, stored, spaces }: Work & { spaces: Space[] },
  error: AppError,
): Promise<void> {
  const nowMs = deps.clock.nowMs()
  const { failure } = error
  const failures = card.failures + 1
  const creating = card.stage === 'absent'
  const outTrackId = card.out_track_id

  // An instance of this name exists already: an earlier create got through after all. Its delivery stays unconfirmed.
  if (failure.kind === 'unknown-outcome' || failure.code === 'CARD_ALREADY_EXIST') {
    if (creating) {
      await finishDelivery(deps, trx, card, { stage: 'unsure', failures }, nowMs + retryPause(deps, failure, failures))
      return
    }
    await deliverAgain(deps, trx, card, spaces, nowMs)
    await finishDelivery(deps, trx, card, { failures })
    return
  }
  if (failure.kind === 'permanent' && spaces.length > 1) {
    // One bad space can make DingTalk refuse the whole call: from here on each goes alone.
    await changePlacements(trx, outTrackId, spaces, { status: 'waiting', alone: 1 }, nowMs)
    await finishDelivery(deps, trx, card, { stage: card.stage, failures })
    return
  }
  if (failure.kind === 'permanent') {
    const shown = { outTrackId, drawnRev: stored.rev }
    for (const space of spaces) await failSpace(trx, shown, space, asReason(failure.code), error.detail ?? '', nowMs)
    await finishDelivery(deps, trx, card, { stage: card.stage, failures })
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

/** Ends the lease; whatever is still waiting stays due, and so does a newer face. */
async function finishDelivery(
  deps: ReconcileDeps,
  trx: Handle,
  card: CardOfNotification,
  change: Parameters<typeof changeLeased>[3],
  notBeforeMs = 0,
): Promise<void> {
  const nowMs = deps.clock.nowMs()
  const placements = await listPlacements(trx, [card.out_track_id])
  const waiting = placements.some(({ status }) => status === 'waiting')
  const latest = await findCard(trx, card.out_track_id)
  const stage = change.stage ?? latest?.stage ?? card.stage
  const shownRev = change.shown_rev ?? latest?.shown_rev ?? card.shown_rev
  const spaced = nowMs + deps.settings.spacingMs
  const faceDue = stage === 'present' && latest !== undefined && (latest.allowed_rev > shownRev || latest.frozen === 1)
  const held = latest !== undefined && latest.held_until > nowMs ? latest.held_until : null
  await changeLeased(trx, card.out_track_id, deps.owner, {
    ...change,
    deliver_due_at: waiting ? Math.max(stage === 'present' ? spaced : nowMs, notBeforeMs) : null,
    update_due_at: stage === 'unsure' ? Math.max(nowMs, notBeforeMs) : faceDue ? spaced : held,
    called_at: nowMs,
    lease_owner: null,
    lease_until: 0,
  })
}

/** The outcome of these deliveries is unknown: rather a message twice than an alert lost. */
async function deliverAgain(
  deps: ReconcileDeps,
  trx: Handle,
  card: CardOfNotification,
  spaces: Space[],
  nowMs: number,
): Promise<void> {
  await changePlacements(trx, card.out_track_id, spaces, { status: 'waiting', unknownOutcome: true }, nowMs)
  for (const space of spaces) {
    const verdict = { status: 'retrying', reason: 'NETWORK', note: 'REDELIVERED' } as const
    await settleDelivery(trx, { outTrackId: card.out_track_id, drawnRev: 0 }, space, verdict, nowMs)
  }
  await changeLeased(trx, card.out_track_id, deps.owner, { deliver_due_at: nowMs + deps.settings.spacingMs })
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

// --- Outcomes of an update or a probe ---

async function storeShown(
  deps: ReconcileDeps,
  trx: Handle,
  { card, stored, drawn }: Work,
  calledAtMs: number,
): Promise<void> {
  const nowMs = deps.clock.nowMs()
  const outTrackId = card.out_track_id
  if (card.stage !== 'present') {
    const lost = (await listPlacements(trx, [outTrackId])).filter(({ status }) => status === 'sending')
    await deliverAgain(deps, trx, card, lost.map(spaceOf), nowMs)
  }
  await settleUpdates(trx, { outTrackId, drawnRev: stored.rev }, { status: 'updated' }, nowMs)
  const latest = await findCard(trx, outTrackId)
  // A press may have been answered, or a newer event taken in, while the call was under way.
  const dueAgain =
    latest !== undefined &&
    (latest.allowed_rev > stored.rev || latest.frozen > card.frozen || latest.held_until > nowMs)
  await changeLeased(trx, outTrackId, deps.owner, {
    stage: 'present',
    shown_rev: stored.rev,
    shown_hash: drawn.hash,
    update_due_at: dueAgain ? nowMs + deps.settings.spacingMs : null,
    called_at: calledAtMs,
    failures: 0,
    lease_owner: null,
    lease_until: 0,
  })
}

/** The probe found nothing: the same name can be created, nothing was delivered. */
async function storeAbsent(deps: ReconcileDeps, trx: Handle, { card }: Work): Promise<void> {
  const nowMs = deps.clock.nowMs()
  const lost = (await listPlacements(trx, [card.out_track_id])).filter(({ status }) => status === 'sending')
  await changePlacements(trx, card.out_track_id, lost.map(spaceOf), { status: 'waiting' }, nowMs)
  await changeLeased(trx, card.out_track_id, deps.owner, {
    stage: 'absent',
    deliver_due_at: nowMs,
    update_due_at: null,
    called_at: nowMs,
    lease_owner: null,
    lease_until: 0,
  })
}

async function storeNotShown(deps: ReconcileDeps, trx: Handle, { card, stored }: Work, error: AppError): Promise<void> {
  const nowMs = deps.clock.nowMs()
  const { failure } = error
  const failures = card.failures + 1
  const outTrackId = card.out_track_id
  // Whether an unsure card exists must be found out, however long it takes.
  const final = failure.kind === 'permanent' && card.stage === 'present'
  const verdict = { reason: asReason(failure.code), detail: error.detail }
  await settleUpdates(
    trx,
    { outTrackId, drawnRev: stored.rev },
    { status: final ? 'failed' : 'retrying', ...verdict },
    nowMs,
  )
  await changeLeased(trx, outTrackId, deps.owner, {
    // A PUT whose outcome is unknown may show anything now; the next one has to be sent whatever the hashes say.
    ...(failure.kind === 'unknown-outcome' ? { shown_hash: null } : {}),
    update_due_at: final ? null : nowMs + retryPause(deps, failure, failures),
    called_at: nowMs,
    failures,
    lease_owner: null,
    lease_until: 0,
  })
}

const RETRY_MAX_MS = 60_000

function retryPause(deps: ReconcileDeps, failure: Failure, failures: number): number {
  if (failure.kind === 'blocked' || failure.kind === 'permanent') return deps.settings.blockedRetryMs
  if (failure.kind === 'throttled') return failure.retryAfterMs
  const backOff = Math.min(deps.settings.spacingMs * 2 ** Math.min(failures, 10), RETRY_MAX_MS)
  return Math.max(backOff, failure.kind === 'retryable' ? (failure.retryAfterMs ?? 0) : 0)
}

function spaceOf(placement: { kind: Space['kind']; target_id: string }): Space {
  return { kind: placement.kind, targetId: placement.target_id }
}

function earlier(a: number | null, b: number): number {
  return a === null || a > b ? b : a
}
