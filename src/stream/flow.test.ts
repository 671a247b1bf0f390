import { expect, test } from 'vitest'

import { Flow } from './flow.ts'

test('reading stops at the limit and goes on when half of it is done, and says each once', () => {
  const told: boolean[] = []
  const flow = new Flow(4, (held) => told.push(held))
  for (let index = 0; index < 6; index++) flow.enter()
  expect(told).toEqual([true])
  for (let index = 0; index < 3; index++) flow.leave()
  expect(told).toEqual([true])
  flow.leave()
  expect(told).toEqual([true, false])
  for (let index = 0; index < 2; index++) flow.leave()
  expect(told).toEqual([true, false])
  for (let index = 0; index < 4; index++) flow.enter()
  expect(told).toEqual([true, false, true])
})
