import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { useProperties } from '../support/properties.ts'
import { PICTURE, type Reading, readMarkdown } from '../sandbox/dingtalk/card-markdown/read.ts'
import { oddText } from './odd-texts.ts'
import { cutProse, prose } from '../../src/delivery/render/prose.ts'

/* What people read of texts that are Markdown, HTML or neither. */

useProperties(200)

const everybody = { mentionable: ['user0001', 'all'] }

/** Lines without blanks at their ends, several blanks being one; none that is empty. */
function inWords(lines: string[]): string[] {
  return lines.map((line) => line.split(/\s+/).filter(Boolean).join(' ')).filter(Boolean)
}

/** With the words of pictures where they stand. */
function wordsOf({ text, images }: Reading): string {
  let next = 0
  return text.replaceAll(PICTURE, () => images[next++]?.alt ?? '')
}

function expectHarmless(reading: Reading): void {
  expect(reading.mentions).toEqual([])
  expect(reading.emoticons).toEqual([])
  expect(reading.colors).toEqual([])
  expect(reading.sizes).toEqual([])
  for (const { address } of [...reading.links, ...reading.images]) expect(address).toMatch(/^https?:\/\/[^\s()]+$/)
}

describe('mere text', () => {
  const word = fc.constantFrom(
    'a',
    'Zb9',
    '3',
    '告警',
    'é',
    'שלום',
    '👍🏽',
    '，',
    '。',
    ' ',
    '  ',
    '\t',
    '（',
    '）',
    '%',
    '/',
    "'",
    '"',
  )
  const line = fc.array(word, { maxLength: 8 }).map((words) => words.join(''))
  const end = fc.constantFrom('\n', '\r\n', '\n\n', '\n\n\n', '<br>', '<br/>\n')

  test('has the lines it was sent with', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(line, end), { maxLength: 12 }), (sent) => {
        const reading = readMarkdown(prose(sent.flat().join('')), everybody)
        expect(inWords(reading.lines)).toEqual(inWords(sent.map(([words]) => words)))
        expect([reading.bold, reading.italic, reading.links, reading.images]).toEqual([[], [], [], []])
      }),
    )
  })
})

describe('a text with signs', () => {
  /** Letters that no sign is made of. */
  const greek = fc.string({
    unit: fc.constantFrom(...'αβγδεζηθικλμνξοπρστυφχψω'.split('')),
    minLength: 1,
    maxLength: 3,
  })
  const number = fc
    .constantFrom('0', '1', '2', '7', '2025', '13800138000')
    .map((digits) => digits.replaceAll(/./g, asSet))
  const sign = fc.constantFrom(
    ...'*_[]()|\\~#&;:!-+=.<>`"\'，：（） \n'.split(''),
    '**',
    '***',
    '__',
    '```',
    '```\n',
    '````',
    '~~~',
    '\n\n',
    '\r\n',
    '\n    ',
    '\n\t',
    '\u3000\u3000',
    '\u00a0',
    '\n***\n',
    '\n---\n',
    '\n===\n',
    '<br>',
    '<b>',
    '</b>',
    '<p>',
    '</p>',
    '<div>',
    '</div>',
    '<ul><li>',
    '</li></ul>',
    '<table><tr><td>',
    '</td><td>',
    '<pre>',
    '</pre>',
    '<no value>',
    '&lt;',
    '&amp;',
    '&#42;',
    '&nbsp;',
    '[OK]',
    '![',
    '](',
    '](https://a.example/x)',
    ' https://a.example/b_c*d(e)[f] ',
    '](dtmd://x)',
    ' dingtalk://x ',
    '[r]: https://a.example/r\n',
    '<a atId=user0001>',
    '</a>',
    '<font colorTokenV2=common_red1_color>',
    '</font>',
    '\n# ',
    '\n* ',
    '\n- ',
    '\n  - ',
    '\n1. ',
    '\n7. ',
    '\n> ',
    '\n| ',
    ' | ',
    '\n|-|-|\n',
    '| - | - |\n',
  )
  const text = fc
    .array(
      fc.oneof({ weight: 2, arbitrary: greek }, { weight: 1, arbitrary: number }, { weight: 3, arbitrary: sign }),
      {
        maxLength: 24,
      },
    )
    .map((pieces) => pieces.join(''))

  test('keeps every letter and number in its order, and calls nobody', () => {
    fc.assert(
      fc.property(text, (sent) => {
        const reading = readMarkdown(prose(sent), everybody)
        expectHarmless(reading)
        expect(wordsOf(reading).replaceAll(/[^α-ω٠-٩]/g, '')).toBe(sent.replaceAll(/[^α-ω٠-٩]/g, ''))
      }),
    )
  })

  test('however odd, is drawn, ends its fences, and does not grow without bounds', () => {
    fc.assert(
      fc.property(fc.oneof(text, oddText(300, 40)), fc.integer({ min: 0, max: 120 }), (sent, room) => {
        const whole = prose(sent)
        expect(whole.length).toBeLessThanOrEqual(12 * sent.length + 20)
        expectHarmless(readMarkdown(whole, everybody))
        expect(fencesOf(whole)).toBe(0)
        const { text: shown } = cutProse(sent, room)
        expect(shown.length).toBeLessThanOrEqual(room)
        expect(fencesOf(shown)).toBe(0)
        expectHarmless(readMarkdown(shown, everybody))
      }),
    )
  })
})

/** Digits of a kind that no sign of a list is made of. */
function asSet(digit: string): string {
  return String.fromCharCode(0x660 + Number(digit))
}

/** Lines that begin or end a fence, and whatever else could. */
function fencesOf(markdown: string): number {
  const outside = markdown.replaceAll(/^```[^`\n]*\n[^]*?^```$/gm, '')
  return outside.split('\n').filter((line) => /^ {0,3}(?:`{3}|~{3})/.test(line)).length
}

/** `lines`: what a person reads of it. */
type Html = { source: string; lines: string[] }

const words = fc
  .array(
    fc.constantFrom<[string, string]>(
      ['告警', '告警'],
      ['cpu_idle', 'cpu_idle'],
      ['a &amp; b', 'a & b'],
      ['&lt;3', '＜3'],
      ['&quot;x&quot;', '"x"'],
      ['&nbsp;', ' '],
      ['&amp;lt;', '＆lt;'],
      ['2*3', '2*3'],
      ['<b>粗</b>', '粗'],
      ['<i class="x">y</i>', 'y'],
      ['<font color="#C80000">严重</font>', '严重'],
      ['<no value>', '＜no value>'],
      ['<code>ls</code>', 'ls'],
      ['<a href="https://a.example/x">看图</a>', '看图'],
      ['<a href="javascript:x">无</a>', '无'],
      ['\n', ' '],
      ['<!-- c -->', ''],
    ),
    { maxLength: 5 },
  )
  .map((parts): Html => ({
    source: parts.map(([one]) => one).join(' '),
    lines: [parts.map(([, one]) => one).join(' ')],
  }))

const lineBreaks = fc.array(words, { minLength: 1, maxLength: 3 }).map((parts): Html => joined(parts, '<br>'))

function joined(parts: Html[], between: string): Html {
  return { source: parts.map(({ source }) => source).join(between), lines: parts.flatMap(({ lines }) => lines) }
}

function around(name: string, inner: fc.Arbitrary<Html>): fc.Arbitrary<Html> {
  return inner.map(({ source, lines }) => ({ source: `<${name}>${source}</${name}>`, lines }))
}

function listOf(name: 'ul' | 'ol', item: fc.Arbitrary<Html>): fc.Arbitrary<Html> {
  const seen = item.filter(({ lines }) => (lines[0]?.trim() ?? '') !== '')
  return fc.array(seen, { minLength: 1, maxLength: 3 }).map((items) => ({
    source: `<${name}>${items.map(({ source }) => `<li>${source}</li>`).join('\n')}</${name}>`,
    lines: items.flatMap(({ lines: [first = '', ...rest] }, index) => [
      `${name === 'ul' ? '•' : `${index + 1}.`} ${first}`,
      ...rest,
    ]),
  }))
}

const table = fc
  .array(fc.array(words, { minLength: 2, maxLength: 2 }), { minLength: 1, maxLength: 3 })
  .map((rows): Html => ({
    source: `<table>${rows.map((cells) => `<tr>${cells.map(({ source }) => `<td>${source}</td>`).join('')}</tr>`).join('')}</table>`,
    lines: rows.map((cells) => cells.map(({ lines }) => inWords(lines).join()).join(' | ')),
  }))

const code = fc
  .array(fc.constantFrom('a', 'b * c * d', '# x', '1. y', '', '[OK]'), { minLength: 1, maxLength: 3 })
  .map((lines): Html => ({ source: `<pre>${lines.join('\n')}</pre>`, lines }))

const block = fc.oneof(
  around('p', lineBreaks),
  around('div', lineBreaks),
  around('div', around('p', lineBreaks)),
  around('h3', words),
  listOf('ul', lineBreaks),
  listOf('ol', lineBreaks),
  listOf(
    'ul',
    fc.tuple(words, listOf('ul', words)).map((parts) => joined(parts, '')),
  ),
  table,
  code,
)

describe('HTML', () => {
  test('has the lines of its elements', () => {
    fc.assert(
      fc.property(
        fc.array(block, { minLength: 1, maxLength: 4 }),
        fc.constantFrom('', '\n', '\n  '),
        (blocks, between) => {
          const { source, lines } = joined(blocks, between)
          const reading = readMarkdown(prose(source), everybody)
          expectHarmless(reading)
          // Two stars that are letters are wide ones; a card itself counts from 1, so what is counted once more is words.
          const read = reading.lines.map((one) => one.replaceAll('＊', '*').replace(/^• (?=\d\.)/, ''))
          expect(inWords(read)).toEqual(inWords(lines))
        },
      ),
    )
  })
})
