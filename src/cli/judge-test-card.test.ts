import { describe, expect, test } from 'vitest'

import type { CardTest } from '../storage/card-tests.ts'
import { isOver, judge } from './judge-test-card.ts'
import type { Seen } from './look-at-test-card.ts'

const START = 1_760_000_000_000
const WAIT_MS = 120_000

type Change = Partial<Omit<Seen, 'test'>> & { test?: Partial<CardTest> }

function seen({ test: changed, ...change }: Change = {}): Seen {
  return {
    test: {
      incident_id: 'x',
      integration_id: 'int',
      kind: 'group',
      target_id: 'cid',
      target_name: null,
      started_at: START,
      ends_at: START + WAIT_MS,
      ended_at: null,
      pressed_at: null,
      pressed_by: null,
      door: null,
      manner: null,
      answered_at: null,
      answer_written: null,
      result: null,
      ...changed,
    },
    takenAt: START + 100,
    card: { templateId: 't' },
    shownAt: START + 300,
    refused: undefined,
    delayed: undefined,
    closedAt: undefined,
    fellBack: false,
    ...change,
  }
}

const WAITING = { takenAt: undefined, card: undefined, shownAt: undefined }
const UNSHOWN = { card: undefined, shownAt: undefined }
const PRESSED = { pressed_at: START + 5_000, manner: 'own-id' }
const ANSWERED = { ...PRESSED, answered_at: START + 5_100, answer_written: 1 }
const why = (reason: string) => ({ reason, detail: 'said', at: START + 200 })

const outcome = (change: Change, afterMs: number, stopped = false) =>
  judge(seen(change), { nowMs: START + afterMs, stopped, waitMs: WAIT_MS })?.outcome

describe('nothing is said yet', () => {
  test.each<[string, Change, number]>([
    ['while the daemon may take the job', WAITING, 14_000],
    ['while DingTalk may take the card', UNSHOWN, 100_000],
    ['while a network failure is tried again', { ...UNSHOWN, delayed: why('NETWORK') }, 100_000],
    ['while somebody may press', {}, 119_000],
    ['after a press that nobody can read', { test: { ...PRESSED, manner: 'unreadable' } }, 119_000],
    ['while the answer may come', { test: PRESSED }, 30_000],
    ['while the update may come', { test: ANSWERED }, 30_000],
  ])('%s', (_when, change, afterMs) => {
    expect(outcome(change, afterMs)).toBeUndefined()
  })
})

test.each<[string, Change, number]>([
  ['not-taken', WAITING, 15_001],
  ['not-delivered', { ...UNSHOWN, refused: why('IM_USER_NOT_FOUND') }, 1_000],
  ['not-delivered', { ...UNSHOWN, delayed: why('APP_PERMISSION_MISSING') }, 1_000],
  ['not-delivered', { ...UNSHOWN, delayed: why('NETWORK') }, WAIT_MS],
  ['not-pressed', {}, WAIT_MS],
  ['unreadable', { test: { ...PRESSED, manner: 'unreadable' } }, WAIT_MS],
  ['not-answered', { test: PRESSED }, 35_001],
  ['not-answered', { test: { ...ANSWERED, answer_written: 0 }, closedAt: START + 6_000 }, 6_000],
  ['not-repainted', { test: ANSWERED }, 35_001],
  ['passed', { test: ANSWERED, closedAt: START + 6_000 }, 6_000],
])('%s', (expected, change, afterMs) => {
  expect(outcome(change, afterMs)).toBe(expected)
})

test('whoever goes away ends it, whatever is missing', () => {
  expect(outcome({}, 1_000, true)).toBe('stopped')
  expect(outcome({ test: PRESSED }, 6_000, true)).toBe('not-answered')
})

test('what came of it says why, and when each leg was seen', () => {
  const refused = judge(seen({ ...UNSHOWN, refused: why('IM_ERROR') }), {
    nowMs: START,
    stopped: false,
    waitMs: WAIT_MS,
  })
  expect(refused).toEqual({
    outcome: 'not-delivered',
    templateId: undefined,
    legs: [{ leg: 'taken', atMs: 100 }],
    reason: 'IM_ERROR',
    detail: 'said',
  })
  const passed = judge(seen({ test: ANSWERED, closedAt: START + 6_000 }), { nowMs: START, stopped: false, waitMs: 1 })
  expect(passed?.legs.map(({ atMs }) => atMs)).toEqual([100, 300, 5_000, 5_100, 6_000])
})

test('it is over when its card has no button, or was never made', () => {
  const ended = { ended_at: START + 9_000 }
  expect(isOver(seen())).toBe(false)
  expect(isOver(seen({ test: ended }))).toBe(false)
  expect(isOver(seen({ test: ended, closedAt: START + 9_500 }))).toBe(true)
  expect(isOver(seen({ test: ended, ...UNSHOWN }))).toBe(true)
})
