import fc from 'fast-check'
import { expect, test } from 'vitest'

import { TICK_MS, Ticks, watchEventLoop } from './event-loop.ts'

function rig() {
  let now = 1_000
  const ticks = new Ticks(() => now)
  return {
    ticks,
    pass: (ms: number): void => void (now += ms),
    tick: () => ticks.tick(),
  }
}

test('while ticks come in time nothing has waited', () => {
  const { ticks, pass, tick } = rig()
  for (const ms of [TICK_MS, TICK_MS + 5, 2 * TICK_MS]) {
    pass(ms)
    expect(ticks.waitedMs()).toBe(0)
    expect(tick()).toBeUndefined()
  }
})

test('what is read while a tick is overdue may have come right after the last one', () => {
  const { ticks, pass } = rig()
  pass(700)
  expect(ticks.waitedMs()).toBe(700)
})

test('after a late tick that holds until what had come in was read', () => {
  const { ticks, pass, tick } = rig()
  pass(700)
  const caughtUp = tick()
  expect(ticks.waitedMs()).toBe(700)
  pass(5)
  expect(ticks.waitedMs()).toBe(705)
  caughtUp?.()
  expect(ticks.waitedMs()).toBe(0)
})

test('held up again before it had caught up, it counts from the first time until what came before is read', () => {
  const { ticks, pass, tick } = rig()
  pass(700)
  const first = tick()
  pass(300)
  const second = tick()
  expect(ticks.waitedMs()).toBe(1_000)
  first?.()
  expect(ticks.waitedMs()).toBe(300)
  second?.()
  expect(ticks.waitedMs()).toBe(0)
})

test('busy for long, it is behind by its last two rounds alone', () => {
  const { ticks, pass, tick } = rig()
  let caughtUp: (() => void) | undefined
  for (let round = 0; round < 50; round++) {
    pass(100)
    const next = tick()
    pass(1)
    caughtUp?.()
    expect(ticks.waitedMs()).toBeLessThanOrEqual(2 * 101)
    caughtUp = next
  }
})

test('whatever the pauses, it never says less than what came right after the last tick in time has waited', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 500 }), { maxLength: 40 }), (pauses) => {
      const { ticks, pass, tick } = rig()
      for (const ms of pauses) {
        pass(ms)
        const late = ms > 2 * TICK_MS
        const waited = ticks.waitedMs()
        if (late) expect(waited).toBeGreaterThanOrEqual(ms)
        const caughtUp = tick()
        expect(caughtUp !== undefined).toBe(late)
        if (late) expect(ticks.waitedMs()).toBe(waited)
        caughtUp?.()
        expect(ticks.waitedMs()).toBe(0)
      }
    }),
  )
})

test('a busy process is noticed, and catches up when it is busy no longer', async () => {
  const watch = watchEventLoop()
  const until = performance.now() + 5 * TICK_MS
  while (performance.now() < until);
  expect(watch.waitedMs()).toBeGreaterThanOrEqual(4 * TICK_MS)
  while (watch.waitedMs() > 0) await new Promise((resolve) => setImmediate(resolve))
  watch.stop()
})
