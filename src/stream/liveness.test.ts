import fc from 'fast-check'
import { expect, test } from 'vitest'

import { Liveness } from './liveness.ts'

const SETTINGS = { pingMs: 3_000, deadAfterMs: 7_000 }

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
        const found = liveness.look()
        if (found) seen.push([gone, found])
      }
      return seen
    },
    stall: (ms: number): void => {
      now += ms
    },
  }
}

test('pings go out every three seconds, and seven of silence are death', () => {
  const { liveness, pass } = rig()
  expect(pass(7_000)).toEqual([
    [500, 'ping'],
    [3_500, 'ping'],
    [6_500, 'ping'],
    [7_000, 'silent'],
  ])
  expect(liveness.isSilent()).toBe(true)
  liveness.heard()
  expect(liveness.isSilent()).toBe(false)
})

test('any sign of life counts from when it came', () => {
  const { liveness, pass } = rig()
  pass(6_500)
  liveness.heard()
  expect(pass(6_500).map(([, what]) => what)).not.toContain('silent')
  expect(pass(500)).toEqual([[500, 'silent']])
})

test.each([1_600, 6_999, 60_000, 86_400_000])('after %i ms of standing still the silence is counted anew', (ms) => {
  const { liveness, pass, stall } = rig()
  pass(6_000)
  stall(ms)
  expect(liveness.look()).toBe('stalled')
  expect(pass(6_500).map(([, what]) => what)).not.toContain('silent')
  expect(pass(500)).toEqual([[500, 'silent']])
})

test('while nothing is read on purpose nobody is silent, and what is read after has waited as long', () => {
  const { liveness, pass } = rig()
  pass(1_000)
  liveness.hold(true)
  const hasRead = liveness.mark()
  expect(pass(20_000).map(([, what]) => what)).not.toContain('silent')
  expect(liveness.waitedMs()).toBe(20_000)
  liveness.hold(false)
  expect([liveness.waitedMs(), liveness.isBehind]).toEqual([20_000, true])
  hasRead()
  expect([liveness.waitedMs(), liveness.isBehind]).toEqual([0, false])
  expect(pass(7_000).map(([, what]) => what)).toContain('silent')
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
  for (let look = 0; look < 7; look++) {
    stall(1_000)
    seen.push(liveness.look())
  }
  expect(seen.at(-1)).toBe('silent')
})

test('whatever the looks and stalls, nobody is dead who was heard after the last stall and less than 7 s ago', () => {
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
        if (liveness.look() === 'silent') expect(now - heardAt).toBeGreaterThanOrEqual(SETTINGS.deadAfterMs)
      }
    }),
  )
})
