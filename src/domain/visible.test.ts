import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { shorten, visibleLine, visibleLines } from './visible.ts'

describe('what is not seen is shown', () => {
  test.each([
    ['a colour', '\u001B[31mred', String.raw`\x1b[31mred`],
    ['a title of the window', '\u001B]0;owned\u0007', String.raw`\x1b]0;owned\x07`],
    ['the same by C1', 'a\u009B2Jb\u009D0;t\u009C', String.raw`a\u009b2Jb\u009d0;t\u009c`],
    ['NEL, which some take for a line', 'a\u0085b', String.raw`a\u0085b`],
    ['nothing and backspace', 'a\0\bb', String.raw`a\x00\x08b`],
    ['a return and a tab', 'ok\rno\t', String.raw`ok\rno\t`],
    ['delete', 'a\u007Fb', String.raw`a\u007fb`],
    ['an override of the direction', '\u202Egpj.exe', String.raw`\u202egpj.exe`],
    ['isolates and marks', '\u2066a\u2069\u200E\u200F\u061C', String.raw`\u2066a\u2069\u200e\u200f\u061c`],
    ['no width', 'a\u200Bb\u200Cc\u2060d\uFEFF', String.raw`a\u200bb\u200cc\u2060d\ufeff`],
    ['a soft hyphen and fillers', '\u00AD\u3164\uFFA0\u115F\u180E', String.raw`\u00ad\u3164\uffa0\u115f\u180e`],
    ['separators of lines and paragraphs', 'a\u2028b\u2029c', String.raw`a\u2028b\u2029c`],
    ['invisible operators', 'a\u2061\u2064\u206Fb', String.raw`a\u2061\u2064\u206fb`],
    ['annotations', '\uFFF9a\uFFFAb\uFFFB', String.raw`\ufff9a\ufffab\ufffb`],
    ['tags', 'a\u{E0041}\u{E007F}', String.raw`a\udb40\udc41\udb40\udc7f`],
    ['selectors beyond the first', 'a\u{E0100}', String.raw`a\udb40\udd00`],
    ['halves of letters', '\uD83D a \uDE00', String.raw`\ud83d a \ude00`],
    ['a joiner between letters', 'a\u200Db', String.raw`a\u200db`],
    ['a joiner at the end of an emoji', '👨\u200D', String.raw`👨\u200d`],
    ['a selector on a letter', 'a\uFE0F', String.raw`a\ufe0f`],
  ])('%s', (...[, text, shown]) => {
    expect(visibleLine(text)).toBe(shown)
    expect(visibleLines(text)).toBe(shown)
  })

  test('a line break only where there is one line', () => {
    expect(visibleLine('a\nb')).toBe(String.raw`a\nb`)
    expect(visibleLines('a\nb\r\n')).toBe('a\nb\\r\n')
  })
})

test.each(['数据库值班群', 'db-01 “cpu” é ß', '👨‍👩‍👧‍👦 ❤️ 👩🏽‍💻 🏳️‍🌈 1️⃣ 🇨🇳', 'مرحبا', '한국어', '\\x1b'])('%s stays', (text) => {
  expect(visibleLine(text)).toBe(text)
  expect(visibleLines(text)).toBe(text)
})

const odd = fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) })

test('JSON made visible is still JSON of the same', () => {
  fc.assert(
    fc.property(odd, fc.boolean(), (text, pretty) => {
      const json = JSON.stringify({ [text]: [text] }, undefined, pretty ? 2 : 0)
      expect(JSON.parse(visibleLines(json))).toEqual({ [text]: [text] })
    }),
  )
})

test('once is enough, and nothing is left that a terminal obeys', () => {
  fc.assert(
    fc.property(odd, (text) => {
      const shown = visibleLine(text)
      expect(visibleLine(shown)).toBe(shown)
      expect(shown).not.toMatch(/\p{Cc}|\p{Zl}|\p{Zp}|\p{Cs}|\p{Bidi_Control}|[\u200B\u200C\u2060-\u206F\uFEFF]/u)
    }),
  )
})

test.each([
  ['short', 5, 'short'],
  ['longer', 5, 'long…'],
  ['值班群值班群', 5, '值班群值…'],
  ['😀😀😀', 3, '😀😀😀'],
  ['😀😀😀', 2, '😀…'],
])('%s of at most %i letters is %s', (text, letters, short) => {
  expect(shorten(text, letters)).toBe(short)
})
