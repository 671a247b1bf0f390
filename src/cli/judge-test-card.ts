import type { TestOutcome, TestResult } from '../domain/test-card.ts'
import type { Seen } from './look-at-test-card.ts'

/** How long the daemon has for taking the job from the queue. */
const TAKE_MS = 15_000
/** How long answer and update have after the press. */
const ANSWER_MS = 30_000

/** Reasons that trying again does not mend; an alert goes on waiting for somebody who does. */
const LASTING = new Set([
  'APP_PERMISSION_MISSING',
  'APP_CREDENTIAL_INVALID',
  'IP_NOT_ALLOWED',
  'IM_QUOTA_EXCEEDED',
  'TEMPLATE_INVALID',
])

/** Pure: what came of the test, once that is known. */
export function judge(seen: Seen, now: { nowMs: number; stopped: boolean; waitMs: number }): TestResult | undefined {
  const outcome = outcomeOf(seen, now)
  if (outcome === undefined) return undefined
  const { test, card, refused, delayed } = seen
  const why = outcome === 'not-delivered' ? (refused ?? delayed) : undefined
  const legs: [string, number | null | undefined][] = [
    ['taken', seen.takenAt],
    ['shown', seen.shownAt],
    ['pressed', test.pressed_at],
    ['answered', test.answered_at],
    ['repainted', test.pressed_at === null ? undefined : seen.closedAt],
  ]
  return {
    outcome,
    templateId: card?.templateId,
    legs: legs.flatMap(([leg, at]) => (at === null || at === undefined ? [] : [{ leg, atMs: at - test.started_at }])),
    reason: why?.reason,
    detail: why?.detail,
  }
}

function outcomeOf(
  { test, refused, delayed, shownAt, takenAt, closedAt }: Seen,
  { nowMs, stopped, waitMs }: { nowMs: number; stopped: boolean; waitMs: number },
): TestOutcome | undefined {
  const { pressed_at: pressedAt, manner } = test
  if (pressedAt !== null && manner !== 'unreadable') {
    const isAnswered = test.answered_at !== null
    if (isAnswered && closedAt !== undefined) return test.answer_written === 1 ? 'passed' : 'not-answered'
    if (!stopped && nowMs <= pressedAt + ANSWER_MS) return undefined
    return isAnswered ? 'not-repainted' : 'not-answered'
  }
  if (stopped) return 'stopped'
  const isHopeless = refused !== undefined || (delayed !== undefined && LASTING.has(delayed.reason))
  if (isHopeless && shownAt === undefined) return 'not-delivered'
  if (takenAt === undefined) return nowMs > test.started_at + Math.min(TAKE_MS, waitMs) ? 'not-taken' : undefined
  if (nowMs < test.started_at + waitMs) return undefined
  if (shownAt === undefined) return 'not-delivered'
  return manner === 'unreadable' ? 'unreadable' : 'not-pressed'
}

/** Pure: whether nothing of the test can be pressed any more. */
export function isOver({ test, card, closedAt }: Seen): boolean {
  return test.ended_at !== null && (card === undefined || closedAt !== undefined)
}
