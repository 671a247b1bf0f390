import { describe, expect, test } from 'vitest'

import { fullName, numberOf, titleOrNumber, wordsBesideNumber } from './naming.ts'

const INVISIBLE = ['', '  \n\t', '\u0000', '\u200b\u200d\ufeff', '\u3164', '\u2800\u00a0', '\u{e0041}', '\u2066\u202e']

describe.each(INVISIBLE)('a title of %j', (title) => {
  const incident = { num: '0A1B2C', title, channel_name: '数据库' }

  test('falls back to number and channel', () => {
    expect(fullName(incident, 'zh-CN', 200)).toBe('#0A1B2C 数据库')
    expect(wordsBesideNumber(incident, 'zh-CN', 200)).toBe('数据库')
    expect(titleOrNumber(incident, 'zh-CN', 200)).toBe('#0A1B2C')
  })

  test('falls back to what there is of them', () => {
    expect(fullName({ ...incident, num: title }, 'zh-CN', 200)).toBe('数据库')
    expect(fullName({ ...incident, channel_name: title }, 'zh-CN', 200)).toBe('#0A1B2C')
    expect(fullName({ num: title, title, channel_name: title }, 'zh-CN', 200)).toBe('（无标题）')
    expect(titleOrNumber({ num: title, title }, 'en-US', 200)).toBe('(no title)')
  })
})

test('a title is told letter by letter on one line', () => {
  const incident = { num: 'a\nb', title: ' <b> __x__\n2*3*4　[微笑] ', channel_name: 'x' }
  expect(fullName(incident, 'zh-CN', 200)).toBe('#a b <b> __x__ 2*3*4　[微笑]')
  expect(fullName({ ...incident, title: 'x'.repeat(300) }, 'zh-CN', 200)).toBe(`#a b ${'x'.repeat(199)}…`)
  expect(numberOf({ num: ' ' })).toBe('')
})
