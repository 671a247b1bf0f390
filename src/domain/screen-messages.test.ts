import { describe, expect, test } from 'vitest'

import { isScreenKey, phrase, SCREEN } from './screen-messages.ts'

const holes = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map(([hole]) => hole).sort()

describe.each(Object.entries(SCREEN))('%s', (key, [chinese, english]) => {
  test('is there in both languages, with the same blanks to fill', () => {
    expect(chinese.trim()).not.toBe('')
    expect(holes(english)).toEqual(holes(chinese))
    expect(english).not.toMatch(/\p{Script=Han}/u)
    expect(isScreenKey(key)).toBe(true)
  })
})

test('a value is text, whatever it looks like', () => {
  expect(phrase('en-US', 'note.done', { action: '{why} $&' })).toBe('{why} $&: done')
})
