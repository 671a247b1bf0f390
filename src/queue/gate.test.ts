import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import { createGate } from './gate.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** When those who come at these times go through. */
async function passAt(gate: () => Promise<void>, comeAt: number[]): Promise<number[]> {
  const startedAt = performance.now()
  const passed: number[] = []
  for (const atMs of comeAt) {
    setTimeout(() => void gate().then(() => passed.push(performance.now() - startedAt)), atMs)
  }
  await vi.runAllTimersAsync()
  return passed
}

test('whoever comes evenly goes through at once', async () => {
  const evenly = [0, 50, 100, 150, 200, 250]
  expect(await passAt(createGate(2, 100), evenly)).toEqual(evenly)
})

test('those who come together go through as soon as no stretch has too many', async () => {
  expect(await passAt(createGate(2, 100), [0, 0, 0, 0, 0])).toEqual([0, 0, 100, 100, 200])
})

test('a stretch counts from wherever it begins', async () => {
  // Two around a full second, and two more: a window that begins at each second would let all of them through.
  expect(await passAt(createGate(2, 1_000), [900, 950, 1_050, 1_060])).toEqual([900, 950, 1_900, 1_950])
})

test('after a rest as many as ever go through', async () => {
  expect(await passAt(createGate(2, 100), [0, 0, 500, 500, 500])).toEqual([0, 0, 500, 500, 600])
})
