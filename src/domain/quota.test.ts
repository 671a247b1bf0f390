import { describe, expect, test } from 'vitest'

import { isScarce, monthOf, warningCrossed, warningOf } from './quota.ts'

describe('monthOf', () => {
  test.each([
    ['2026-01-31T15:59:59.999Z', '2026-01'],
    ['2026-01-31T16:00:00.000Z', '2026-02'],
    ['2026-12-31T16:00:00.000Z', '2027-01'],
  ])('%s is in %s in Shanghai', (at, month) => {
    expect(monthOf(Date.parse(at))).toBe(month)
  })
})

describe('a quota of 100', () => {
  test.each([
    [48, 49, undefined],
    [49, 50, 0.5],
    [50, 51, undefined],
    [79, 80, 0.8],
    [40, 96, 0.95],
    [95, 96, undefined],
  ])('from %i to %i warns at %s', (before, after, share) => {
    expect(warningCrossed(before, after, 100)).toBe(share)
  })

  test('is scarce from 95 on', () => {
    expect([94, 95, 200].map((used) => isScarce(used, 100))).toEqual([false, true, true])
  })

  test('warns for as long as it holds', () => {
    expect([0, 50, 94, 95].map((used) => warningOf(used, 100))).toEqual([undefined, 0.5, 0.8, 0.95])
  })
})

test('an unlimited quota is never scarce and never warns', () => {
  expect([isScarce(1e9, 0), warningCrossed(0, 1e9, 0), warningOf(1e9, 0)]).toEqual([false, undefined, undefined])
})
