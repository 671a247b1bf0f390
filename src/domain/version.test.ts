import { describe, expect, test } from 'vitest'

import { isPoisoned, type Told, versionOfEvent, versionOfInfo } from './version.ts'

const S = 1_760_000_000
const MS = S * 1_000
const HOUR = 3_600
const YEAR_2100 = 4_102_444_800

const told = (change: Partial<Told> = {}): Told => ({
  eventType: 'i_ack',
  eventId: 'e1',
  eventTime: MS + 123,
  updatedAt: S,
  progress: 'Processing',
  ...change,
})
const at = (ms: number) => ({ takenAtMs: ms, sentAtMs: ms })
const stored = { updatedAt: S + 10, eventTime: MS + 10_500, eventId: '1:e0' }

describe('an event', () => {
  test('counts by the snapshot’s own update time first, then by its own time and id', () => {
    expect(versionOfEvent(told(), at(MS), stored)).toEqual({
      updatedAt: S,
      eventTime: MS + 123,
      eventId: '2:e1',
      byArrival: false,
      doubted: false,
    })
  })

  test('of the same millisecond comes in the order in which incidents live, whatever the ids', () => {
    const order = [
      { eventType: 'i_new', progress: 'Triggered', eventId: 'f4' },
      { eventType: 'i_assign', progress: 'Triggered', eventId: 'e3' },
      { eventType: 'i_ack', progress: 'Processing', eventId: 'd2' },
      { eventType: 'i_rslv', progress: 'Closed', eventId: 'c1' },
      { eventType: 'i_rslv', progress: 'Closed', eventId: 'c2' },
    ] as const
    const ids = order.map((event) => versionOfEvent(told(event), at(MS), undefined).eventId)
    expect(ids.toSorted()).toEqual(ids)
  })

  const ahead = 301
  test.each<[string, Partial<Told>, number, number]>([
    ['no update time', { updatedAt: undefined }, S, MS + 123],
    ['an update time of 0', { updatedAt: 0 }, S, MS + 123],
    ['an update time an hour ahead', { updatedAt: S + HOUR }, S, MS + 123],
    ['an update time in 2100', { updatedAt: YEAR_2100 }, S, MS + 123],
    ['an update time five minutes ahead', { updatedAt: S + 300 }, S + 300, MS + 123],
    ['an update time a second more ahead', { updatedAt: S + ahead }, S, MS + 123],
  ])('with %s counts by what can be believed', (_what, change, updatedAt, eventTime) => {
    expect(versionOfEvent(told(change), at(MS), stored)).toMatchObject({ updatedAt, eventTime, byArrival: false })
  })

  test.each<[string, Partial<Told>, boolean]>([
    ['none', { eventTime: undefined }, false],
    ['one an hour ahead', { eventTime: MS + HOUR * 1_000 }, true],
    ['one in 2100', { eventTime: YEAR_2100 * 1_000 }, true],
  ])(
    'whose event time is %s is newer than what is stored of its second, and than nothing else',
    (_what, change, doubted) => {
      const placed = (eventTime: number, updatedAt = S) =>
        versionOfEvent(told(change), at(MS), { updatedAt, eventTime, eventId: '1:e0' })
      expect(versionOfEvent(told(change), at(MS), undefined)).toMatchObject({
        updatedAt: S,
        eventTime: MS,
        byArrival: true,
        doubted,
      })
      expect(placed(MS + 200)).toMatchObject({ updatedAt: S, eventTime: MS + 201 })
      expect(placed(MS + 999)).toMatchObject({ updatedAt: S, eventTime: MS + 999 })
      expect(placed(MS + 10_500, S + 10)).toMatchObject({ updatedAt: S, eventTime: MS })
      expect(placed(MS - 500, S - 1)).toMatchObject({ updatedAt: S, eventTime: MS })
    },
  )

  const timeless = { updatedAt: YEAR_2100, eventTime: YEAR_2100 * 1_000 }
  test('without any time that can be believed counts as of its arrival', () => {
    expect(versionOfEvent(told(timeless), at(MS + 20_000), stored)).toMatchObject({
      updatedAt: S + 20,
      eventTime: MS + 20_000,
      byArrival: true,
      doubted: true,
    })
    const none = { updatedAt: undefined, eventTime: undefined }
    expect(versionOfEvent(told(none), at(MS), undefined)).toMatchObject({
      updatedAt: S,
      eventTime: MS,
      byArrival: true,
      doubted: false,
    })
    // What waited in a queue counts as of when it was put there.
    const waited = { takenAtMs: MS + 90_000, sentAtMs: MS + 30_000 }
    expect(versionOfEvent(told(timeless), waited, stored)).toMatchObject({ updatedAt: S + 30, eventTime: MS + 30_000 })
  })

  test('of a host whose clock went back is not older than what came before it', () => {
    expect(versionOfEvent(told(timeless), at(MS - HOUR * 1_000), stored)).toMatchObject({
      updatedAt: stored.updatedAt,
      eventTime: stored.eventTime + 1,
      byArrival: true,
    })
  })
})

describe('an answer of /incident/info', () => {
  test('counts as its update time alone', () => {
    expect(versionOfInfo(S, MS, stored)).toEqual({ updatedAt: S, eventTime: MS, eventId: '' })
  })

  test.each([undefined, 0, YEAR_2100])(
    'with an update time of %j is newer than what was known when it was asked',
    (at) => {
      expect(versionOfInfo(at, MS, stored)).toEqual({ ...stored, eventTime: stored.eventTime + 1, eventId: '' })
      expect(versionOfInfo(at, MS, undefined)).toEqual({ updatedAt: S, eventTime: MS, eventId: '' })
    },
  )
})

test('a version is poisoned when it was ahead of the clock that stored it', () => {
  expect(isPoisoned(stored, MS + 10_000)).toBe(false)
  expect(isPoisoned({ ...stored, updatedAt: YEAR_2100 }, MS)).toBe(true)
  expect(isPoisoned({ ...stored, eventTime: MS + HOUR * 1_000 }, MS)).toBe(true)
})
