import { expect, test } from 'vitest'

import { retryPause } from './retry.ts'
import { DELIVERY_SETTINGS } from './settings.ts'

const pauseAfter = (failures: number, failure: Parameters<typeof retryPause>[1]): number =>
  retryPause({ settings: DELIVERY_SETTINGS }, failure, failures)

test('the pauses between tries grow to a minute, so that an outage of DingTalk is no storm of messages', () => {
  const unknown = { kind: 'unknown-outcome', code: 'NETWORK' } as const
  expect([1, 2, 3, 6, 7, 100].map((failures) => pauseAfter(failures, unknown))).toEqual([
    1_000, 2_000, 4_000, 32_000, 60_000, 60_000,
  ])
})

test('whoever is asked to wait longer does, and what somebody has to put right first is looked at now and then', () => {
  expect(pauseAfter(1, { kind: 'retryable', code: 'NETWORK', retryAfterMs: 7_000 })).toBe(7_000)
  expect(pauseAfter(9, { kind: 'throttled', code: 'NETWORK', retryAfterMs: 300 })).toBe(300)
  expect(pauseAfter(1, { kind: 'blocked', code: 'APP_PERMISSION_MISSING' })).toBe(DELIVERY_SETTINGS.blockedRetryMs)
})
