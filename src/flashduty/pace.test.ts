import { afterEach, expect, test, vi } from 'vitest'

import { createPace } from './pace.ts'

afterEach(() => void vi.useRealTimers())

test('a press goes before the look-ups that wait', async () => {
  vi.useFakeTimers()
  const pace = createPace({ perSecond: 2, perMinute: 0 })
  const order: string[] = []
  const call = (name: string) => async () => void order.push(name)
  const all = [...['a', 'b', 'c', 'd'].map((name) => pace('look-up', call(name))), pace('press', call('press'))]
  await vi.runAllTimersAsync()
  await Promise.all(all)
  expect(order).toEqual(['a', 'b', 'press', 'c', 'd'])
})

test('what the call throws and returns comes through', async () => {
  const pace = createPace({ perSecond: 10, perMinute: 10 })
  await expect(pace('press', async () => 7)).resolves.toBe(7)
  await expect(
    pace('press', async () => {
      throw new Error('refused')
    }),
  ).rejects.toThrow('refused')
})

test('without limits nothing waits', async () => {
  const pace = createPace({ perSecond: 0, perMinute: 0 })
  let under = 0
  let most = 0
  let release = (): void => {}
  const all = new Promise<void>((resolve) => (release = resolve))
  const calls = Array.from({ length: 200 }, () =>
    pace('press', async () => {
      under += 1
      most = Math.max(most, under)
      if (under === 200) release()
      await all
    }),
  )
  await Promise.all(calls)
  expect(most).toBe(200)
})
