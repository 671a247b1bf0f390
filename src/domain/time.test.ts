import { describe, expect, test } from 'vitest'

import { clockTime, clockTimeNear, dateTime, isBelievable, shortDateTime } from './time.ts'

const T = 1_760_000_000 // 2025-10-09 08:53:20 UTC
const DAY = 86_400

test.each<[number | undefined, boolean]>([
  [T, true],
  [946_684_800, true],
  [4_102_444_800, true],
  [946_684_799, false],
  [4_102_444_801, false],
  [0, false],
  [-T, false],
  [T * 1_000, false],
  [Number.NaN, false],
  [Infinity, false],
  [undefined, false],
])('the time %j is believable: %j', (seconds, expected) => {
  expect(isBelievable(seconds)).toBe(expected)
  const texts = [dateTime(seconds, 'UTC'), clockTime(seconds, 'UTC'), shortDateTime(seconds, 'UTC')]
  expect([...texts, clockTimeNear(seconds, 'UTC', T)].every((text) => (text !== '') === expected)).toBe(true)
})

describe('zones', () => {
  test.each([
    ['', '2025-10-09 16:53:20'],
    ['  ', '2025-10-09 16:53:20'],
    [undefined, '2025-10-09 16:53:20'],
    ['Asia/Shanghai', '2025-10-09 16:53:20'],
    ['asia/shanghai', '2025-10-09 16:53:20'],
    ['AMERICA/NEW_YORK', '2025-10-09 04:53:20'],
    [' UTC ', '2025-10-09 08:53:20'],
    ['utc', '2025-10-09 08:53:20'],
    ['Z', '2025-10-09 08:53:20'],
    ['z', '2025-10-09 08:53:20'],
    ['GMT', '2025-10-09 08:53:20'],
    ['UTC-5', '2025-10-09 03:53:20'],
    ['utc−5', '2025-10-09 03:53:20'],
    ['UTC+8', '2025-10-09 16:53:20'],
    ['UTC＋8', '2025-10-09 16:53:20'],
    ['UTC +8', '2025-10-09 16:53:20'],
    ['UTC+05:30', '2025-10-09 14:23:20'],
    ['UTC+0530', '2025-10-09 14:23:20'],
    ['GMT+8', '2025-10-09 16:53:20'],
    ['gmt-03:30', '2025-10-09 05:23:20'],
    ['+09:00', '2025-10-09 17:53:20'],
    ['-0330', '2025-10-09 05:23:20'],
    ['+14:00', '2025-10-09 22:53:20'],
    ['-12', '2025-10-08 20:53:20'],
    ['Etc/GMT+5', '2025-10-09 03:53:20'],
    ['etc/gmt-8', '2025-10-09 16:53:20'],
  ])('%j is understood', (zone, expected) => {
    expect(dateTime(T, zone)).toBe(expected)
  })

  test.each(['Mars/Olympus', 'UTC+25', '+14:01', '+09:60', 'UTC+', '8', 'UTC+8:0', '北京时间', 'x'.repeat(100_000)])(
    'in place of %.20s another is shown and named',
    (zone) => {
      expect(dateTime(T, zone)).toBe('2025-10-09 16:53:20（Asia/Shanghai）')
      expect(clockTime(T, zone)).toBe('16:53（Asia/Shanghai）')
      expect(shortDateTime(T, zone)).toBe('10-09 16:53（Asia/Shanghai）')
      expect(clockTimeNear(T, zone, undefined)).toBe('2025-10-09 16:53（Asia/Shanghai）')
    },
  )

  test('of any number can be told, one after another', () => {
    for (let index = 0; index < 500; index++) dateTime(T, `Nowhere/${index}`)
    expect(dateTime(T, 'Europe/Berlin')).toBe('2025-10-09 10:53:20')
  })
})

describe('beside another time', () => {
  test.each<[string, number, number | undefined, string | undefined, string]>([
    ['of the same day', T + 3_600, T, undefined, '17:53'],
    ['of the next day', T + DAY, T, undefined, '10-10 16:53'],
    ['of the day before', T - DAY, T, undefined, '10-08 16:53'],
    ['of another year', T + 100 * DAY, T, undefined, '2026-01-17 16:53'],
    ['of the same day of another year', T + 365 * DAY, T, undefined, '2026-10-09 16:53'],
    ['that is unset', T, 0, undefined, '2025-10-09 16:53'],
    ['that is none', T, undefined, undefined, '2025-10-09 16:53'],
    ['of the same day elsewhere only', T + 8 * 3_600, T, undefined, '10-10 00:53'],
    ['of the same day there', T + 8 * 3_600, T, 'UTC', '16:53'],
    ['of another day there', T - 5 * 3_600, T, 'UTC-5', '10-08 22:53'],
  ])('%s', (_what, at, near, zone, expected) => {
    expect(clockTimeNear(at, zone, near)).toBe(expected)
  })
})
