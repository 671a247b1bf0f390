import { describe, expect, test } from 'vitest'

import { isScarce, monthOf, verifyAllowance, warningCrossed, warningOf } from './quota.ts'

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

describe('how many groups may be asked about', () => {
  const on = (day: string) => Date.parse(`2026-06-${day}T12:00:00+08:00`)

  test.each([
    ['on the first day', '01', 0, 8],
    ['in the middle', '15', 0, 125],
    ['in the middle, when some were', '15', 120, 5],
    ['on the last day', '30', 0, 250],
    ['when all are used', '30', 250, 0],
    ['never fewer than none', '01', 250, 0],
  ])('%s', (_when, day, used, most) => {
    expect(verifyAllowance('routine', { used, limit: 5_000 }, on(day))).toBe(most)
  })

  test('after a silence at once, and more', () => {
    expect(verifyAllowance('outage', { used: 0, limit: 5_000 }, on('01'))).toBe(1_000)
    expect(verifyAllowance('outage', { used: 990, limit: 5_000 }, on('01'))).toBe(10)
  })

  test('without a limit any number', () => {
    expect(verifyAllowance('routine', { used: 1e9, limit: 0 }, on('01'))).toBe(Infinity)
  })
})
