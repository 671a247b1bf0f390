import { expect, test } from 'vitest'

import { lengthOfAddress, webAddress } from './web-address.ts'

test.each<[string | undefined, string | undefined]>([
  ['https://a.example/b?c=d#e', 'https://a.example/b?c=d#e'],
  ['HTTP://A.example', 'http://a.example/'],
  [' https://a.example/<b> "c"', 'https://a.example/%3Cb%3E%20%22c%22'],
  ['https://user@a.example/', undefined],
  ['https://user:secret@a.example/', undefined],
  ['javascript:alert(1)', undefined],
  ['dtmd://dingtalkclient/sendMessage', undefined],
  ['http:evil.example', undefined],
  ['/incident/1', undefined],
  [`https://a.example/${'x'.repeat(1_000)}`, undefined],
  [`https://a.example/${'数'.repeat(200)}`, undefined],
  ['', undefined],
  [undefined, undefined],
])('the address %.60j is %.60j', (text, expected) => {
  expect(webAddress(text)).toBe(expected)
})

test.each<[string, string]>([
  ['//a.example/b, c', '//a.example/b'],
  ['//a.example/(b) c', '//a.example/(b)'],
  ['//a.example/b) c', '//a.example/b'],
  ['//a.example。', '//a.example'],
  ['//a.example/b（内部）', '//a.example/b'],
  ['// x', ''],
])('in %j it goes on to %j', (text, expected) => {
  expect(text.slice(0, lengthOfAddress(text, 0))).toBe(expected)
})
