import fc from 'fast-check'
import { expect, test } from 'vitest'

import { Liveness } from './liveness.ts'

const SETTINGS = { pingMs: 3_000, suspectAfterMs: 7_000, deadAfterMs: 20_000 }

function rig() {
  let now = 1_000
  const liveness = new Liveness(SETTINGS, () => now)
  return {
    liveness,
    /** Looks as often as it should for so long. @returns what was seen, by when */
    pass: (ms: number): [number, string][] => {
      const seen: [number, string][] = []
      for (let gone = liveness.lookMs; gone <= ms; gone += liveness.lookMs) {
        now += liveness.lookMs
        const { ping, seen: found } = liveness.look()
        if (ping && found !== 'stalled') seen.push([gone, 'ping'])
        if (found) seen.push([gone, found])
      }
      return seen
    },
    stall: (ms: number): void => {
      now += ms
    },
  }
}

const without = (what: string, seen: [number, string][]) => seen.filter(([, each]) => each !== what)

test('pings go out every three seconds, seven of silence are suspicious, and twenty are death', () => {
  const { liveness, pass } = rig()
  expect(pass(7_000)).toEqual([
    [500, 'ping'],
    [3_500, 'ping'],
    [6_500, 'ping'],
    [7_000, 'suspect'],
  ])
  expect(liveness.isSuspect()).toBe(true)
  expect(without('ping', pass(13_000))).toEqual([[13_000, 'silent']])
  expect(liveness.isSilent()).toBe(true)
  liveness.heard()
  expect([liveness.isSuspect(), liveness.isSilent()]).toEqual([false, false])
})

test('a suspicion is told once, and whoever is heard was suspected or not', () => {
  const { liveness, pass } = rig()
  expect(without('ping', pass(19_000))).toEqual([[7_000, 'suspect']])
  expect(liveness.heard()).toBe(true)
  expect(liveness.heard()).toBe(false)
  expect(without('ping', pass(7_000))).toEqual([[7_000, 'suspect']])
})

test('any sign of life counts from when it came', () => {
  const { liveness, pass } = rig()
  pass(6_500)
  liveness.heard()
  expect(without('ping', pass(6_500))).toEqual([])
  expect(pass(500)).toEqual([[500, 'suspect']])
})

test('nobody is taken for dead who left one ping unanswered', () => {
  let now = 0
  const liveness = new Liveness({ ...SETTINGS, pingMs: 24_000 }, () => now)
  const silentAt = () => {
    for (now = 500; liveness.look().seen !== 'silent'; now += 500) if (now > 60_000) break
    return now
  }
  expect(silentAt()).toBe(25_000)
})

test.each([1_600, 6_999, 60_000, 86_400_000])('after %i ms of standing still the silence is counted anew', (ms) => {
  const { liveness, pass, stall } = rig()
  pass(6_000)
  stall(ms)
  expect(liveness.look()).toEqual({ ping: true, seen: 'stalled' })
  expect(without('ping', pass(6_500))).toEqual([])
  expect(without('ping', pass(500))).toEqual([[500, 'suspect']])
})

test('while nothing is read on purpose nobody is silent, and what is read after has waited as long', () => {
  const { liveness, pass } = rig()
  pass(1_000)
  liveness.hold(true)
  const hasRead = liveness.mark()
  expect(without('ping', pass(20_000))).toEqual([])
  expect(liveness.waitedMs()).toBe(20_000)
  liveness.hold(false)
  expect([liveness.waitedMs(), liveness.isBehind]).toEqual([20_000, true])
  hasRead()
  expect([liveness.waitedMs(), liveness.isBehind]).toEqual([0, false])
  expect(without('ping', pass(7_000))).toEqual([[7_000, 'suspect']])
})

test('held up again and again, what is read has waited since what is known to have been read', () => {
  const { liveness, pass } = rig()
  liveness.hold(true)
  const first = liveness.mark()
  pass(1_000)
  liveness.hold(false)
  pass(500)
  liveness.hold(true)
  pass(1_000)
  liveness.hold(false)
  expect(liveness.waitedMs()).toBe(2_500)
  first()
  // What lay there before the second time has been read; what came since may not have been.
  expect([liveness.waitedMs(), liveness.isBehind]).toEqual([2_500, true])
  const second = liveness.mark()
  pass(500)
  liveness.hold(true)
  second()
  expect(liveness.waitedMs()).toBe(500)
})

test('a little lateness is none: the silence of a far side is noticed by a busy process too', () => {
  const { liveness, stall } = rig()
  const seen = []
  for (let look = 0; look < 20; look++) {
    stall(1_000)
    seen.push(liveness.look().seen)
  }
  expect([seen[6], seen[19]]).toEqual(['suspect', 'silent'])
})

test('whatever the looks and stalls, nobody is dead who was heard after the last stall and less than 20 s ago', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 4_000 }), { maxLength: 60 }), (steps) => {
      let now = 0
      const liveness = new Liveness(SETTINGS, () => now)
      let heardAt = 0
      for (const [index, step] of steps.entries()) {
        now += step
        if (index % 4 === 0) {
          liveness.heard()
          heardAt = now
        }
        if (liveness.look().seen === 'silent') expect(now - heardAt).toBeGreaterThanOrEqual(SETTINGS.deadAfterMs)
      }
    }),
  )
})
