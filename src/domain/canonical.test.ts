import { expect, test } from 'vitest'

import { hashOfJson } from './canonical.ts'

test('the order of keys makes no difference, at any depth; everything else does', () => {
  const hash = hashOfJson({ a: 1, b: { c: [1, { d: 2, e: null }] } })
  expect(hashOfJson({ b: { c: [1, { e: null, d: 2 }] }, a: 1 })).toBe(hash)
  const others = [
    { a: 1, b: { c: [{ d: 2, e: null }, 1] } },
    { a: '1', b: { c: [1, { d: 2, e: null }] } },
    { a: 1, b: { c: [1, { d: 2 }] } },
    [1],
    '1',
    1,
    null,
  ]
  expect(new Set([hash, ...others.map(hashOfJson)]).size).toBe(others.length + 1)
})
