import { expect, test } from 'vitest'

import { WrongTries } from './wrong-tries.ts'

const MINUTE = 60_000

test('an address may be wrong ten times a minute, then it has to wait for the rest of it', () => {
  const wrong = new WrongTries()
  const waits = Array.from({ length: 12 }, (_, index) => wrong.count('a', 1_000 + index).waitMs)
  expect(waits.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => 0))
  expect(waits.slice(10)).toEqual([MINUTE - 10, MINUTE - 11])
  expect(wrong.count('b', 1_020).waitMs).toBe(0)
  expect(wrong.count('a', 1_000 + MINUTE).waitMs).toBe(0)
})

test('a flood is two lines a minute, not one each', () => {
  const wrong = new WrongTries()
  const news = Array.from({ length: 1_000 }, (_, index) => wrong.count('a', index).isNews)
  expect(news.flatMap((isNews, index) => (isNews ? [index] : []))).toEqual([0, 10])
})

test('a flood from everywhere does not fill the memory, and spares whoever was seen last', () => {
  const wrong = new WrongTries()
  for (let index = 0; index < 9; index++) wrong.count('a', 0)
  for (let index = 0; index < 9_999; index++) wrong.count(`x${index}`, 0)
  expect(wrong.count('a', 0).waitMs).toBe(0)
  expect(wrong.count('a', 0).waitMs).toBeGreaterThan(0)
  for (let index = 0; index < 10_000; index++) wrong.count(`y${index}`, 0)
  expect(wrong.count('a', 0).waitMs).toBe(0)
})
