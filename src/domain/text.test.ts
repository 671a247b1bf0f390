import { describe, expect, test } from 'vitest'

import { bareWords, beginningOf, cut, isVisible, shortLine, shortText } from './text.ts'

const FAMILY = '👨‍👩‍👧‍👦'
const FLAG = '🇨🇳'

describe('the beginning of a text', () => {
  test.each<[string, string, number, string]>([
    ['fits', 'abc', 3, 'abc'],
    ['is counted in units', 'abcd', 3, 'abc'],
    ['ends before a pair', `ab😀`, 3, 'ab'],
    ['ends before a family', `ab${FAMILY}c`, 9, 'ab'],
    ['ends behind a family', `ab${FAMILY}c`, 13, `ab${FAMILY}`],
    ['ends between flags', FLAG.repeat(3), 6, FLAG],
    ['ends before a letter with marks', 'abe\u0301\u0301', 4, 'ab'],
    ['of one letter without end is cut all the same', `x${'\u0301'.repeat(500)}`, 300, `x${'\u0301'.repeat(299)}`],
    ['is none of nothing', '', 3, ''],
  ])('%s', (_what, text, units, expected) => {
    expect(beginningOf(text, units)).toBe(expected)
  })
})

describe('cutting', () => {
  test.each<[string, number, string]>([
    ['abc', 3, 'abc'],
    ['abcd', 3, 'ab…'],
    ['数据库宕机', 3, '数据…'],
    [`${FAMILY}${FAMILY}${FAMILY}`, 2, '…'],
    ['e\u0301e\u0301e\u0301', 2, 'e\u0301…'],
    ['abe\u0301', 3, 'abe\u0301'],
    ['か\u3099か\u3099', 2, 'か\u3099か\u3099'],
    ['ab\r\ncd', 4, 'ab\r\n…'],
  ])('%j to %d letters is %j', (text, length, expected) => {
    expect(cut(text, length)).toBe(expected)
  })

  test('a family is a letter where families are allowed for', () => {
    expect(cut(FAMILY.repeat(3), 2, 16)).toBe(`${FAMILY}…`)
  })
})

describe('words of a line', () => {
  test.each<[string, string]>([
    ['one\n\ntwo', 'one two'],
    [`${' '.repeat(40_000)}late${' '.repeat(400)}`, 'late'],
    [`${' '.repeat(400_000)}too late`, ''],
    ['<b> [c](d)', '<b> [c](d)'],
    ['a   \t b\u3000c', 'a b\u3000c'],
    ['\u200b\u3164', ''],
    [`12345678901234567 ${FAMILY}${FAMILY}`, `12345678901234567 ${FAMILY}${FAMILY}`],
    ['x'.repeat(400_000), `${'x'.repeat(19)}…`],
    [`x${' '.repeat(300_000)}y`, 'x…'],
    ['', ''],
  ])('%.40j', (text, expected) => {
    expect(shortLine(text, 20, 16)).toBe(expected)
  })

  test('are left as they were sent', () => {
    expect(shortLine(' a\n<b> [c](d)  ', 20)).toBe('a <b> [c](d)')
    expect(shortLine('x'.repeat(1_000), 20)).toBe(`${'x'.repeat(19)}…`)
    expect(shortText('a\nb\u0000c', 20)).toBe('a\nbc')
    expect(shortText(`ab${FAMILY}`, 5)).toBe('ab…')
  })

  test('are mere letters where nothing else would do', () => {
    expect(bareWords(' **db-01** [x](y)\n<a> 宕机 😀 50% ', 100)).toBe('db-01 x y a 宕机 50%')
    expect(bareWords('x'.repeat(400_000), 100)).toBe('x'.repeat(100))
    expect(bareWords('😀'.repeat(100), 10)).toBe('')
    expect(bareWords(`${'a'.repeat(9)}𠀀`, 10)).toBe('a'.repeat(9))
  })
})

test.each(['', ' \n', '\u200b', '\u2060\ufeff', '\u3164\u115f', '\u2800', '\u{e0020}', '\u0000'])(
  '%j cannot be seen',
  (text) => {
    expect(isVisible(text)).toBe(false)
  },
)

test.each(['a', '。', '👍', '\u0301', '\u200bx', '\ue000'])('%j can be seen', (text) => {
  expect(isVisible(text)).toBe(true)
})
