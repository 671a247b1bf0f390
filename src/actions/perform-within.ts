import { within } from '../lifecycle.ts'
import { type Click, findClick, markToldWorking } from '../storage/clicks.ts'
import { writeUntil } from '../storage/db.ts'
import { awaitResult } from './act-by-queue.ts'
import { outcomeOf } from './click-parts.ts'
import type { ClickOutcome, PerformDeps } from './deps.ts'
import { performClick } from './perform-click.ts'
import { tellLate } from './tell-late.ts'

/** `working`: the person is told so now, and the truth afterwards. */
export type Settled = Extract<ClickOutcome, { status: 'done' | 'failed' }> | { status: 'working' }

/**
 * Performs the click for as long as a person waits; what takes longer goes on. A repeated one is at somebody else's, and
 * gets the answer of that.
 */
export async function performWithin(
  deps: PerformDeps,
  click: Click,
  repeated: boolean,
  startedAt: number,
): Promise<{ settled: Settled; outcome: Promise<ClickOutcome> }> {
  const leftMs = Math.max(0, deps.settings.answerBudgetMs - (performance.now() - startedAt))
  const outcome: Promise<ClickOutcome> = repeated
    ? click.status === 'pending'
      ? awaitResult(deps, click, leftMs)
      : Promise.resolve(outcomeOf(click))
    : performClick(deps, click).catch((error: unknown) => {
        deps.log.error({ clickId: click.id, incidentId: click.incident_id, err: error }, 'click-broken')
        return { status: 'retrying' }
      })
  deps.inFlight.add(outcome)
  const settled = await within(leftMs, outcome)
  if (settled === 'timeout' || settled.status === 'retrying' || settled.status === 'waiting') {
    return { settled: { status: 'working' }, outcome }
  }
  return { settled, outcome }
}

/** What is left to do once the person has been answered. */
export async function followUp(deps: PerformDeps, click: Click, working: Promise<ClickOutcome>): Promise<void> {
  const outcome = await working
  const dueAt = (): number => deps.clock.nowMs() + deps.settings.spacingMs
  if (outcome.status === 'waiting') {
    const stillOpen = await writeUntil(deps, click.lease_until, (trx) => markToldWorking(trx, click.id))
    const now = stillOpen ? undefined : await findClick(deps.db.read, click.id)
    // The result came in between the last look and the answer.
    if (now) await tellLate(deps, click, outcomeOf(now), dueAt())
    return
  }
  await tellLate(deps, click, outcome, dueAt())
}
