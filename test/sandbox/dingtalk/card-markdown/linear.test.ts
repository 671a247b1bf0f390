import { expect, test } from 'vitest'

import { toHtml } from '../../chat/markdown.ts'
import { ROBOT } from './dialects.ts'
import { readMarkdown } from './read.ts'

/**
 * Twice the text takes twice as long. Times are the best of several runs, and compared only once they stand out; a moment
 * in which the machine was busy is measured once more.
 */

const BLUE = '<font colorTokenV2=common_blue1_color>'

const PIECES: string[] = [
  ...[
    '*',
    '**',
    '* ',
    '*a',
    '**a',
    '***\n',
    '*\n',
    '> ',
    '>',
    '> * ',
    '* > ',
    '1. ',
    '1.',
    '# ',
    '#',
    '    * a\n',
    '\t',
  ],
  ...[
    '[',
    ']',
    '![',
    '](',
    '[a',
    '[a]',
    '[a](',
    '[](',
    '[a](b)',
    '[![](',
    '[![](a)](b)',
    '(',
    ')',
    '[OK]',
    '[OK',
    ']()',
  ],
  ...[
    '<',
    '<font ',
    '<font',
    BLUE,
    '<font>',
    '</font>',
    `${BLUE}a</font>`,
    '<br',
    '<br ',
    '<br>',
    '<br>a ',
    '<a atId=u1>',
  ],
  ...['<a atId=u1', '<a atId=u1>x</a>', '</a>', '<a atId=u2>', '```', '```\n', '```a\n', '`', '> ```\n', '* ```\n\n'],
  ...[
    '| ',
    '|',
    '| a ',
    '| - ',
    '| a |\n',
    '| - |\n',
    '| a |\n| - |\n',
    ' ',
    '  \n',
    '\n',
    '\r',
    ' \n',
    'a',
    'a ',
    'a\n',
    '\\',
  ],
]

const SHAPES: [before: string, behind: string][] = [
  ['', ''],
  ['x', 'x'],
  ['[', ')'],
  ['* > * ', ' x'],
  ['> ```\n', '\nx'],
  ['| a |\n| - |\n', '|'],
  ['[a](', '*'],
]

const READERS: [how: string, read: (text: string) => unknown, shapes: typeof SHAPES][] = [
  ['as a person reads it', (text) => readMarkdown(text, { mentionable: ['u1'] }), SHAPES],
  ['as HTML', (text) => toHtml(text, { mentionable: ['u1'] }), SHAPES.slice(0, 2)],
  ['as a robot says it', (text) => readMarkdown(text, { dialect: ROBOT }), SHAPES.slice(0, 2)],
]

const LENGTH = 10_000
/** Milliseconds: what is faster is not judged. */
const FLOOR_MS = 25
const MOST_TIMES = 3

function timeOf(work: () => unknown, runs: number): number {
  let best = Infinity
  for (let run = 0; run < runs; run++) {
    const startedAt = performance.now()
    work()
    best = Math.min(best, performance.now() - startedAt)
  }
  return best
}

/** How many times as long the doubled text takes; 0 when it takes no time to speak of. */
function growthOf(read: (text: string) => unknown, make: (length: number) => string, mostTries = 6): number {
  const [once, twice] = [make(LENGTH), make(2 * LENGTH)]
  let growth = 0
  for (let tries = 0; tries < mostTries; tries++) {
    const twiceMs = timeOf(() => read(twice), 1 + tries)
    if (twiceMs < FLOOR_MS) return 0
    growth = twiceMs / timeOf(() => read(once), 1 + tries)
    if (growth <= MOST_TIMES) return growth
  }
  return growth
}

const makerOf =
  (piece: string, [before, behind]: [string, string]) =>
  (length: number): string =>
    before + piece.repeat(Math.ceil(length / piece.length)) + behind

test.each(READERS)('a text of twice the length takes no more than some twice as long, %s', (_how, read, shapes) => {
  const slow = PIECES.flatMap((piece) =>
    shapes.flatMap((shape) => {
      const growth = growthOf(read, makerOf(piece, shape))
      return growth > MOST_TIMES ? [`${JSON.stringify([piece, shape])}: ${growth.toFixed(1)} times`] : []
    }),
  )
  expect(slow).toEqual([])
})

test('nothing is so deep that it cannot be drawn', () => {
  const text = `${'> '.repeat(5_000)}${'* '.repeat(5_000)}${'['.repeat(5_000)}x${'](y)'.repeat(5_000)}`
  expect(readMarkdown(text).text).toBe('x')
  expect(toHtml(text)).toContain('>x<')
})

test('and what is slow is found out', () => {
  const quadratic = (text: string) => /\s+y/.test(text)
  const grow = () => growthOf(quadratic, (length) => ' '.repeat(length), 1)
  expect(Math.max(grow(), grow(), grow())).toBeGreaterThan(MOST_TIMES)
})
