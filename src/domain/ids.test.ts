import fc from 'fast-check'
import { expect, test } from 'vitest'

import { base32, digest, newId } from './ids.ts'
import { useProperties } from '../../test/support/properties.ts'

useProperties()

// RFC 4648, section 10, in lower case and without padding.
test.each([
  ['', ''],
  ['f', 'my'],
  ['fo', 'mzxq'],
  ['foo', 'mzxw6'],
  ['foob', 'mzxw6yq'],
  ['fooba', 'mzxw6ytb'],
  ['foobar', 'mzxw6ytboi'],
])('%j is %j in base32', (text, expected) => {
  expect(base32(Buffer.from(text))).toBe(expected)
})

test('different bytes are different letters', () => {
  const bytes = fc.uint8Array({ maxLength: 40 })
  fc.assert(
    fc.property(bytes, bytes, (a, b) => {
      expect(base32(a) === base32(b)).toBe(Buffer.compare(a, b) === 0)
      expect(base32(a)).toMatch(/^[a-z2-7]*$/)
      expect(base32(a)).toHaveLength(Math.ceil((a.length * 8) / 5))
    }),
  )
})

test('a new id has 80 bits and is another one each time', () => {
  const ids = Array.from({ length: 100 }, newId)
  expect(new Set(ids).size).toBe(100)
  expect(ids.every((id) => /^[a-z2-7]{16}$/.test(id))).toBe(true)
})

test('a digest is the same for the same parts, has the wanted length, and parts do not run into each other', () => {
  expect(digest(24, 'a', 1)).toBe(digest(24, 'a', 1))
  expect(digest(24, 'a', 1)).toMatch(/^[a-z2-7]{24}$/)
  expect(digest(16, 'a', 1)).toBe(digest(24, 'a', 1).slice(0, 16))
  const different = [digest(24, 'ab', 'c'), digest(24, 'a', 'bc'), digest(24, 'abc'), digest(24, 'abc', '')]
  expect(new Set([...different, digest(24, '1'), digest(24, 1)]).size).toBe(6)
})
