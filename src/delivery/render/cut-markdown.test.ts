import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { anyText } from './faces.fixture.ts'
import { cutMarkdown } from './cut-markdown.ts'
import { useProperties } from '../../../test/support/properties.ts'

useProperties()

const cutTo = (length: number, text: string): string => cutMarkdown(text, length).text

describe('a text that fits', () => {
  test.each(['', 'x', 'a\n\nb', '```\ncode\n```', '[a](https://a.example)'])('%j is left alone', (text) => {
    expect(cutMarkdown(text, 100)).toEqual({ text, truncated: false })
    expect(cutMarkdown(text, text.length)).toEqual({ text, truncated: false })
  })

  test('has its last block of code closed, so that what follows is no code', () => {
    expect(cutMarkdown('before\n```sh\nls', 100)).toEqual({ text: 'before\n```sh\nls\n```', truncated: false })
    expect(cutMarkdown('~~~~\nls\n~~~', 100).text).toBe('~~~~\nls\n~~~\n~~~~')
    expect(cutMarkdown('before\n```', 100)).toEqual({ text: 'before', truncated: true })
  })
})

describe('a text that does not fit', () => {
  test.each<[string, string, number, string]>([
    ['a word', 'abcdefgh', 5, 'abcde'],
    ['a line’s end nearby', 'one\ntwo three', 9, 'one'],
    ['a letter of two units', '👍👍👍', 3, '👍'],
    ['a letter of many', 'a👨‍👩‍👧‍👦', 8, 'a'],
    ['a link', 'see [the page](https://a.example/b) now', 20, 'see'],
    ['an image', 'see ![a](https://a.example/b.png) now', 12, 'see'],
    ['an image that is a link', 'x [![a](https://a.example/b)](https://a.example) y', 32, 'x'],
    ['code in a line', 'run `systemctl restart x` now', 12, 'run'],
    ['an address', 'at https://a.example/long now', 15, 'at'],
  ])('is not cut through %s', (_what, text, length, expected) => {
    expect(cutMarkdown(text, length)).toEqual({ text: expected, truncated: true })
  })

  test('keeps the lines of code there is room for, and closes the block', () => {
    const text = `log:\n\`\`\`\n${'line of code\n'.repeat(20)}\`\`\`\nend`
    const kept = cutTo(60, text)
    expect(kept.startsWith('log:\n```\nline of code\nline of code')).toBe(true)
    expect(kept.endsWith('\nline of code\n```')).toBe(true)
    expect(kept.length).toBeLessThanOrEqual(60)
  })

  test('leaves out a block of code of which no line fits', () => {
    expect(cutTo(20, `log:\n\`\`\`\n${'x'.repeat(100)}\n\`\`\``)).toBe('log:')
  })
})

const fences = (text: string): number => text.split('\n').filter((line) => /^ {0,3}```/.test(line)).length

test('for any text: short enough, no letter halved, every link whole, every block closed', () => {
  const link = fc.constantFrom(
    '[a](https://a.example/b)',
    '![a](https://a.example/b.png)',
    '\n```\n',
    'word ',
    '\n',
    '👍',
  )
  const texts = fc.oneof(
    anyText(),
    fc.array(link, { maxLength: 60 }).map((parts) => parts.join('')),
  )
  fc.assert(
    fc.property(texts, fc.integer({ min: 1, max: 200 }), (text, length) => {
      const { text: kept, truncated } = cutMarkdown(text, length)
      // Closing a block is worth the room it takes only where nothing had to be left out.
      if (truncated) expect(kept.length).toBeLessThanOrEqual(length)
      if (!/\p{Surrogate}/u.test(text)) expect(kept).not.toMatch(/\p{Surrogate}/u)
      if (!/[`~[(]/.test(text.replaceAll(/!?\[a\]\(https:[^)]*\)|^```$/gm, ''))) {
        expect(fences(kept) % 2).toBe(0)
        for (const part of kept.match(/\[a[^!]{0,30}/g) ?? []) expect(part).toMatch(/^\[a\]\(https:[^)]*\)/)
      }
    }),
  )
})
