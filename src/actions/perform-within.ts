import { within } from '../lifecycle.ts'
import { type Click, findClick, markToldWorking } from '../storage/clicks.ts'
import { writeUntil } from '../storage/db.ts'
import { awaitResult } from './act-by-queue.ts'
import { outcomeOf } from './click-parts.ts'
import type { ClickOutcome, PerformDeps } from './deps.ts'
import { performClick } from './perform-click.ts'
import { tellLate } from './tell-late.ts'

/** In less than this Flashduty answers too rarely to keep the person waiting for it. */
const TOO_SHORT_MS = 150

/** `working`: the person is told so now, and the truth afterwards. */
export type Settled = Extract<ClickOutcome, { status: 'done' | 'failed' }> | { status: 'working' }

/**
 * Performs the click for as long as a person waits; what takes longer goes on. A repeated one is at somebody else's, and
 * gets the answer of that.
 * @param arrivedAt when the person began to wait, on the monotonic clock
 * @returns `outcome` to be called once the person has been answered: it waits for what is under way, and begins what
 *   would have come too late for them
 */
export async function performWithin(
  deps: PerformDeps,
  click: Click,
  repeated: boolean,
  arrivedAt: number,
): Promise<{ settled: Settled; outcome: () => Promise<ClickOutcome> }> {
  const begin = (over: Promise<void>): Promise<ClickOutcome> => {
    const work = repeated ? watchOther(deps, click, over) : perform(deps, click, over)
    deps.inFlight.add(work)
    return repeated ? work : provenOr(deps, click, work)
  }
  const leftMs = deps.settings.answerBudgetMs - (performance.now() - arrivedAt)
  // What others do costs no time to look at.
  if (leftMs < TOO_SHORT_MS && !(repeated && click.status !== 'pending')) {
    return { settled: { status: 'working' }, outcome: () => begin(Promise.resolve()) }
  }
  const { over, cancel } = deps.settings.patience(leftMs)
  const outcome = begin(over)
  const settled = await Promise.race([outcome, over])
  cancel()
  if (!settled || settled.status === 'retrying' || settled.status === 'waiting') {
    return { settled: { status: 'working' }, outcome: () => outcome }
  }
  return { settled, outcome: () => outcome }
}

function perform(deps: PerformDeps, click: Click, over: Promise<void>): Promise<ClickOutcome> {
  return performClick(deps, click, { resumed: false, over }).catch((error: unknown) => {
    deps.log.error({ clickId: click.id, incidentId: click.incident_id, err: error }, 'click-broken')
    return { status: 'retrying' }
  })
}

const LOOK_MS = 50
/** Looks while somebody waits; after them it is enough to look now and then. */
const CLOSE_LOOKS = 40
const LATER_LOOK_MS = 500

/** What comes of the call, unless news of Flashduty settles the click before it ends: a call may hang and be done. */
async function provenOr(deps: PerformDeps, click: Click, work: Promise<ClickOutcome>): Promise<ClickOutcome> {
  for (let looks = 1; ; looks++) {
    const ended = await within(looks < CLOSE_LOOKS ? LOOK_MS : LATER_LOOK_MS, work)
    if (ended !== 'timeout') return ended
    const now = await findClick(deps.db.read, click.id)
    if (now && now.status !== 'pending') return outcomeOf(now)
  }
}

async function watchOther(deps: PerformDeps, click: Click, over: Promise<void>): Promise<ClickOutcome> {
  return click.status === 'pending' ? awaitResult(deps, click, over) : outcomeOf(click)
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
