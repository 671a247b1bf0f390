import { asReason } from '../domain/reasons.ts'
import { AppError } from '../errors.ts'
import { listCardsOfIncident } from '../storage/cards.ts'
import { claimClick, type Click } from '../storage/clicks.ts'
import { findActing } from '../storage/integrations.ts'
import { actByQueue, awaitResult } from './act-by-queue.ts'
import { carryOut, RefusedAct } from './carry-out.ts'
import type { ClickOutcome, PerformDeps } from './deps.ts'
import { outcomeAfterAll, storeDone, storeFailed, storeRetry } from './store-outcome.ts'
import { tellLate } from './tell-late.ts'

const MAX_ATTEMPTS = 3

/** Works off a stored click that its first process did not finish. Does nothing when somebody else is at it. */
export async function resumeClick(deps: PerformDeps, clickId: string): Promise<void> {
  const nowMs = deps.clock.nowMs()
  const lease = { owner: deps.owner, nowMs, untilMs: nowMs + deps.settings.clickLeaseMs }
  const click = await deps.db.write((trx) => claimClick(trx, clickId, lease))
  if (!click) return
  // Whoever had it before may have died between the call and its record, so the state is read first.
  const outcome = await performClick(deps, click, { resumed: true })
  await tellLate(deps, click, outcome, deps.clock.nowMs())
}

/**
 * Carries the click to Flashduty as the linked member and stores what came of it; the caller holds the click's lease.
 * An action that can be re-read is repeated after an unknown outcome, but only after looking; any other never is.
 * @param options `resumed`: this is not the first try, and nobody waits for the outcome; `over`: resolves when the one who
 *   does will wait no longer
 */
export async function performClick(
  deps: PerformDeps,
  click: Click,
  options: { resumed: true } | { resumed: false; over: Promise<void> },
): Promise<ClickOutcome> {
  const startedAt = performance.now()
  const log = deps.log.child({
    incidentId: click.incident_id,
    clickId: click.id,
    outTrackId: click.out_track_id,
    action: click.action,
    memberId: click.member_id,
  })
  let outcome: ClickOutcome
  try {
    outcome = await perform(deps, click, options)
    log.info({ tookMs: Math.round(performance.now() - startedAt) }, `click-${outcome.status}`)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    outcome = await storeFailure(deps, click, error).catch(async (cause: unknown) => {
      // It stays as it was stored; whoever takes it up then reads the state before acting.
      await deps.producer.tickClick(click.id, Math.max(0, click.lease_until - deps.clock.nowMs()))
      throw cause
    })
    log[outcome.status === 'failed' ? 'error' : 'warn'](
      { err: error, ...outcome, detail: error.detail, tookMs: Math.round(performance.now() - startedAt) },
      outcome.status === 'done' ? 'click-proven' : outcome.status === 'failed' ? 'click-failed' : 'click-retrying',
    )
  }
  const cards = await listCardsOfIncident(deps.db.read, click.integration_id, click.incident_id)
  await deps.wakeDueCards(cards.map((card) => card.out_track_id))
  return outcome
}

async function perform(
  deps: PerformDeps,
  click: Click,
  options: Parameters<typeof performClick>[2],
): Promise<ClickOutcome> {
  const acting = await findActing(deps.db.read, deps.box, click.integration_id)
  if (!acting) {
    throw new AppError({ kind: 'permanent', code: 'INTEGRATION_DISABLED' }, 'the integration is switched off')
  }
  if (acting.acting === 'queue') {
    const handed = await actByQueue(deps, click)
    return options.resumed ? handed : awaitResult(deps, click, options.over)
  }
  await storeDone(deps, click, await carryOut(deps, acting, click, options.resumed), click.lease_until)
  return { status: 'done' }
}

async function storeFailure(deps: PerformDeps, click: Click, error: AppError): Promise<ClickOutcome> {
  const { failure, detail } = error
  const final = failure.kind === 'permanent' || failure.kind === 'blocked' || click.attempts + 1 >= MAX_ATTEMPTS
  if (!final) {
    const asked = failure.kind === 'retryable' ? (failure.retryAfterMs ?? 0) : 0
    return storeRetry(deps, click, error, Math.max(deps.settings.retryMs * 2 ** click.attempts, asked))
  }
  const reason = asReason(failure.code)
  const fresh = error instanceof RefusedAct ? error.fresh : undefined
  const settled = await storeFailed(deps, click, { reason, detail, fresh }, click.lease_until)
  return settled ? { status: 'failed', reason, detail } : outcomeAfterAll(deps, click)
}
