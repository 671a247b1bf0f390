import { expect, test } from 'vitest'

import { judgeHearing } from './deafness.ts'
import { SUPERVISOR_SETTINGS } from './supervisor.ts'

const judge = (
  own: Partial<Parameters<typeof judgeHearing>[1]>,
  others: Partial<Parameters<typeof judgeHearing>[2]> = {},
): string | undefined =>
  judgeHearing(
    SUPERVISOR_SETTINGS,
    { silentMs: 130_000, pings: 0, ...own },
    { open: 1, pushes: 0, pings: 0, ...others },
  )

test('a quiet robot gives no verdict, for hours', () => {
  expect(judge({ silentMs: 6 * 3_600_000 })).toBeUndefined()
  expect(judge({ silentMs: 6 * 3_600_000 }, { open: 3 })).toBeUndefined()
})

test('pushes that all went to others are proof once chance cannot explain them', () => {
  expect(judge({}, { pushes: 23 })).toBeUndefined()
  expect(judge({}, { pushes: 24 })).toContain('pushes')
  expect(judge({}, { pushes: 47, open: 3 })).toBeUndefined()
  expect(judge({}, { pushes: 48, open: 3 })).toContain('pushes')
})

test('a burst is no proof, since it may only be read late', () => {
  expect(judge({ silentMs: 119_000 }, { pushes: 10_000 })).toBeUndefined()
})

test('pings that only others get are proof, if this one got them before', () => {
  expect(judge({ pings: 4 }, { pings: 4 })).toContain('pinged')
  expect(judge({ pings: 3 }, { pings: 40 })).toBeUndefined()
  expect(judge({ pings: 4 }, { pings: 4, open: 2 })).toBeUndefined()
})

test('one that used to be pinged and hears nothing for ten minutes is doubted alone, and its replacement is not', () => {
  expect(judge({ pings: 4, silentMs: 599_000 }, { open: 0 })).toBeUndefined()
  expect(judge({ pings: 4, silentMs: 600_000 }, { open: 0 })).toContain('no longer')
  expect(judge({ pings: 0, silentMs: 6_000_000 }, { open: 0 })).toBeUndefined()
})
