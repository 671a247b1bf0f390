import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { BackOff, type Ending } from './back-off.ts'
import { SUPERVISOR_SETTINGS } from './supervisor.ts'

const fresh = (random = 1) => new BackOff(SUPERVISOR_SETTINGS, () => random)
const refused: Ending = { how: 'refused', why: 'other', othersOpen: false }
const times = (count: number, ending: Ending, backOff = fresh()) =>
  Array.from({ length: count }, () => backOff.after(ending))

describe('pauses', () => {
  test('double from one second to sixty', () => {
    expect(times(9, refused)).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000])
  })

  test('are up to a quarter shorter, by chance', () => {
    expect(fresh(0).after(refused)).toBe(750)
  })

  test('are slow and even while credentials or the console stand in the way', () => {
    expect(times(3, { how: 'refused', why: 'credentials', othersOpen: false })).toEqual([60_000, 60_000, 60_000])
    expect(times(3, { how: 'refused', why: 'console', othersOpen: false })).toEqual([15_000, 15_000, 15_000])
    expect(times(3, { how: 'refused', why: 'banned', othersOpen: false })).toEqual([300_000, 300_000, 300_000])
  })

  test.each(['console', 'other'] as const)(
    'are 15 seconds at the most with no connection alive, whatever came before (%s)',
    (why) => {
      const backOff = fresh()
      times(12, { how: 'refused', why, othersOpen: true }, backOff)
      times(12, { how: 'lost', livedMs: 200 }, backOff)
      expect(backOff.after({ how: 'refused', why, othersOpen: false }, true)).toBe(15_000)
      expect(backOff.after({ how: 'lost', livedMs: 200 }, true)).toBe(15_000)
      expect(backOff.longest({ how: 'refused', why, othersOpen: true }, true)).toBe(15_000)
    },
  )

  test('last with none alive too while credentials are refused, and while this address is banned', () => {
    const backOff = fresh()
    expect(backOff.after({ how: 'refused', why: 'credentials', othersOpen: false }, true)).toBe(60_000)
    expect(backOff.after({ how: 'refused', why: 'banned', othersOpen: false }, true)).toBe(300_000)
  })

  test.each(['credentials', 'console', 'other'] as const)(
    'grow to five minutes for a further connection refused for %s',
    (why) => {
      const pauses = times(12, { how: 'refused', why, othersOpen: true })
      expect(pauses[0]).toBe(1_000)
      expect(pauses.at(-1)).toBe(300_000)
    },
  )

  test('are none after a connection that was healthy, whatever came before', () => {
    const backOff = fresh()
    times(8, refused, backOff)
    expect(backOff.after({ how: 'lost', livedMs: 60_000 })).toBe(0)
    expect(backOff.after(refused)).toBe(1_000)
  })

  test('are none the first time one is lost early, and then grow: accept-then-close makes no storm', () => {
    expect(times(5, { how: 'lost', livedMs: 200 })).toEqual([0, 1_000, 2_000, 4_000, 8_000])
  })

  test('are not forgiven by one that did not last', () => {
    const backOff = fresh()
    times(4, refused, backOff)
    expect(backOff.after({ how: 'lost', livedMs: 59_999 })).toBe(8_000)
    expect(backOff.after({ how: 'replaced', livedMs: 59_999, served: true })).toBe(0)
    expect(backOff.after(refused)).toBe(32_000)
  })

  test('are none for one that served and that the gateway took leave of, however often, but not ten times a second', () => {
    expect(times(50, { how: 'replaced', livedMs: 150, served: true })).toEqual(Array.from({ length: 50 }, () => 0))
    expect(fresh().after({ how: 'replaced', livedMs: 30, served: true })).toBe(70)
    expect(times(3, { how: 'replaced', livedMs: 150, served: false })).toEqual([0, 1_000, 2_000])
  })

  test('keep two places of one app below 60 attempts a minute, whatever refuses them', () => {
    const ending = fc.oneof(
      fc.record({
        how: fc.constant('refused' as const),
        why: fc.constantFrom('credentials' as const, 'console' as const, 'other' as const),
        othersOpen: fc.boolean(),
      }),
      fc.record({ how: fc.constant('lost' as const), livedMs: fc.integer({ min: 0, max: 5_000 }) }),
    )
    fc.assert(
      fc.property(
        fc.array(ending, { minLength: 30, maxLength: 30 }),
        fc.float({ min: 0, max: 1 }),
        (endings, chance) => {
          const backOff = fresh(Number.isNaN(chance) ? 0 : chance)
          let passedMs = 0
          for (const each of endings) passedMs += backOff.after(each)
          expect(passedMs).toBeGreaterThan(60_000)
        },
      ),
    )
  })
})
