import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { parseLeniently } from './lenient-json.ts'

describe('JSON with control characters in its texts', () => {
  test.each<[string, unknown]>([
    ['{"title":"a\nb"}', { title: 'a\nb' }],
    ['{"title":"a\tb",\n"x":\r\n"\u0000"}', { title: 'a\tb', x: '\u0000' }],
    ['{"a":"\\"quoted\\"\n","b":"\\\\"}', { a: '"quoted"\n', b: '\\' }],
    ['\n{"a":1}\n', { a: 1 }],
  ])('%j is read as it is meant', (text, value) => {
    expect(parseLeniently(text)).toEqual(value)
  })

  test.each(['', '{', '{"a":"\n', 'not\nJSON', '"\\'])('%j is none', (text) => {
    expect(parseLeniently(text)).toBeUndefined()
  })

  test('whatever the value, it is read as JSON reads it, and with its escapes undone as well', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', '"', '\n', '\u0001', ':', '{', '中') })
    fc.assert(
      fc.property(fc.dictionary(letters, letters), (value) => {
        const text = JSON.stringify(value)
        expect(parseLeniently(text)).toEqual(JSON.parse(text))
        const raw = text.replaceAll('\\n', '\n').replaceAll('\\u0001', '\u0001')
        expect(parseLeniently(raw)).toEqual(JSON.parse(text))
      }),
    )
  })
})
