import { expect, test } from 'vitest'

import { between, fence, isLiteral } from './literal.ts'

test.each(['数据库', '张三 ✓、李四', 'pay-core (prod)', 'a | b', 'R&D #1 > 2', 'pay_core', 'a: b', 'x! "y"', '＊'])(
  '%j is shown as it is anywhere',
  (text) => {
    expect(isLiteral(text)).toBe(true)
  },
)

test.each([
  '2*3*4',
  '*',
  '__init__',
  'a_b_c',
  '[微笑]',
  '[x',
  'x]',
  '`x`',
  '<a',
  'C:\\tmp',
  '~~x~~',
  '&lt;',
  '&#60;',
  'dtmd://x',
  'dingtalk-x://',
])('%j is not', (text) => {
  expect(isLiteral(text)).toBe(false)
})

test('a fence ends nowhere but at its end', () => {
  expect(fence('a `b` ``c``\n# <x>')).toBe('```\na `b` ``c``\n# <x>\n```')
  expect(fence('a\n```\nb````')).toBe('```\na\n｀｀｀\nb｀｀｀｀\n```')
})

test('words between tags or brackets bring none', () => {
  expect(between('a</a>[b](c)')).toBe('a＜/a>［b］(c)')
  expect(between('2*3*4 `x` ~y~ C:\\_ &lt; a & b')).toBe('2＊3＊4 ｀x｀ ～y～ C:＼＿ ＆lt; a & b')
  expect(between('zhang_san __init__')).toBe('zhang_san ＿＿init＿＿')
})

test('no address that DingTalk acts on stands between them', () => {
  expect(between('dtmd://dingtalkclient/x &lt R&D')).toBe('dtmd：//dingtalkclient/x ＆lt R&D')
})
