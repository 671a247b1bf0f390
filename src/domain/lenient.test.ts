import { expect, test } from 'vitest'

import { fields, listOf, maybeFlag, maybeNumber, maybeText, someFlag, someNumber, someText } from './lenient.ts'

test.each<[unknown, string | undefined]>([
  ['x', 'x'],
  ['', ''],
  [7200, '7200'],
  [null, undefined],
  [undefined, undefined],
  [{}, undefined],
  [NaN, undefined],
])('%j as a text is %j', (value, text) => {
  expect(maybeText.parse(value)).toBe(text)
  expect(someText.safeParse(value).success).toBe(text !== undefined && text !== '')
})

test.each<[unknown, number | undefined]>([
  [7200, 7200],
  ['7200', 7200],
  [' -1.5 ', -1.5],
  ['', undefined],
  ['x', undefined],
  [null, undefined],
  [true, undefined],
  ['9'.repeat(400), undefined],
])('%j as a number is %j', (value, number) => {
  expect(maybeNumber.parse(value)).toBe(number)
  expect(someNumber.safeParse(value).success).toBe(number !== undefined)
})

test.each<[unknown, boolean | undefined]>([
  [true, true],
  ['true', true],
  [1, true],
  ['0', false],
  [false, false],
  ['yes', undefined],
  [null, undefined],
])('%j as a truth value is %j', (value, flag) => {
  expect(maybeFlag.parse(value)).toBe(flag)
  expect(someFlag.safeParse(value).success).toBe(flag !== undefined)
})

const Answer = fields({
  token: someText,
  expireIn: someNumber,
  name: maybeText,
  rows: listOf(fields({ id: someText })),
})

test('only what is demanded has to be there', () => {
  expect(
    Answer.parse({ token: 'a', expireIn: '7200', name: null, rows: [{ id: 1 }, { id: null }, 'x'], more: {} }),
  ).toEqual({
    ...{ token: 'a', expireIn: 7200, name: undefined, more: {} },
    rows: [{ id: '1' }],
  })
  expect(Answer.parse({ token: 'a', expireIn: 1 })).toMatchObject({ rows: [] })
  for (const broken of [{ expireIn: 1 }, { token: '', expireIn: 1 }, { token: 'a' }, null, [], 'x']) {
    expect(Answer.safeParse(broken).success).toBe(false)
  }
})
