import { describe, expect, test } from 'vitest'

import { drawCard } from '../../src/delivery/render/draw.ts'
import { cutMarkdown } from '../../src/delivery/render/cut-markdown.ts'
import { inLine } from '../../src/delivery/render/in-line.ts'
import { withoutHtml } from '../../src/domain/html-text.ts'
import { fence, isLiteral } from '../../src/domain/literal.ts'
import { prose } from '../../src/delivery/render/prose.ts'
import { makeFace } from '../../src/delivery/render/faces.fixture.ts'
import { withMentions } from '../../src/delivery/render/mentions.ts'
import { decodeButton } from '../../src/domain/button.ts'
import { readEvent, readMessage, readPress } from '../../src/domain/inbound.ts'
import { maskEmail, maskName, membersWithMobile } from '../../src/domain/link-rules.ts'
import { asSaid, lateNotice, stormNotice } from '../../src/domain/notices.ts'
import { chooseLocale } from '../../src/domain/page-messages.ts'
import { refusalText } from '../../src/domain/refusals.ts'
import { withoutSecretValues } from '../../src/domain/secrets.ts'
import * as text from '../../src/domain/text.ts'
import { webAddress } from '../../src/domain/web-address.ts'
import { dateTime } from '../../src/domain/time.ts'
import { toHtml } from '../../src/http/h5/markdown.ts'
import { webPage } from '../../src/http/h5/web-page.ts'
import { isTest, readSources, withoutComments } from './sources.ts'

/**
 * Nothing that comes from outside may take longer than its length allows: a text of twice the length takes at most three
 * times as long. Times are judged once they stand out from the noise of a busy machine, each by the best of several runs.
 */

const PIECES: [what: string, piece: string][] = [
  ['spaces', ' '],
  ['line breaks', '\n'],
  ['spaces and line breaks', ' \n'],
  ['tabs', '\t'],
  ['returns', '\r'],
  ['brackets that meet', ']('],
  ['brackets apart', '] '],
  ['brackets that name', ']:'],
  ['open brackets', '['],
  ['closed brackets', ']'],
  ['open round brackets', '('],
  ['images begun', '!['],
  ['images half done', '![]('],
  ['images in links', '[![](a)'],
  ['links half done', '[a](b'],
  ['links', '[a](https://b.example) '],
  ['tags begun', '<'],
  ['tags', '<a>'],
  ['line ends begun', '<br '],
  ['colours begun', '<font '],
  ['ticks', '`'],
  ['ticks apart', '` '],
  ['fences', '```\n'],
  ['waves', '~~~\n'],
  ['references begun', '&lt'],
  ['references', '&#0'],
  ['digits', '0'],
  ['data', 'data '],
  ['schemes', 'dingtalk-'],
  ['schemes that lead somewhere', 'dingtalk-x:'],
  ['addresses begun', 'http://'],
  ['words with dots', 'a.'],
  ['mail addresses', 'a@a.'],
  ['letters', 'a'],
  ['words', 'a '],
  ['lists', '- '],
  ['lists of lines', '- x\n'],
  ['signs of lists', '-'],
  ['lines under titles', '=\n'],
  ['stars', '*'],
  ['stars in pairs', '**a'],
  ['underlines', '_a'],
  ['families', '👨‍👩‍👧‍👦'],
  ['flags', '🇨🇳'],
  ['marks', '\u0301'],
  ['letters with marks', 'e\u0301'],
  ['joiners', '\u200d'],
  ['halves of pairs', '\ud83d'],
  ['bars', '|'],
  ['braces', '{'],
  ['quotes', '"'],
  ['escapes', '\\'],
  ['equals', '?a='],
  ['keys', '&token'],
  ['colons', ':'],
  ['commas', ',q='],
  ['percents', '%2'],
]

/** With something before and behind, so that what ends otherwise than it began is tried too. */
const SHAPES: [before: string, behind: string][] = [
  ['', ''],
  ['x', 'x'],
  [']', '!'],
  ['&#', ';'],
  ['![', ')'],
  ['<', '"'],
]

const FIRST = 4_000
const LAST = 64_000
/** Milliseconds: what is faster than that is not judged. */
const FLOOR_MS = 12
const ENOUGH_MS = 60
/** What takes no longer is tried at a greater length yet. */
const STILL_MS = 1_000
const RUNS = 3
const MOST_TIMES = 3
/** Cut or not, of the worst of them it would be tens of seconds. */
const PAGE_MS = 1_000

const textOf = (piece: string, [before, behind]: [string, string], length: number): string =>
  before + piece.repeat(Math.ceil(length / piece.length)) + behind

function timeOf(work: () => unknown, runs: number): number {
  let best = Infinity
  for (let run = 0; run < runs; run++) {
    const startedAt = performance.now()
    work()
    best = Math.min(best, performance.now() - startedAt)
  }
  return best
}

/** How many times as long twice the text takes, at the first length that takes time enough; 0 when none does. */
function growthOf(read: (outside: string) => unknown, make: (length: number) => string): number {
  // Longer by four, since what cannot hurry would be found at any of them.
  for (let length = FIRST; length <= LAST; length *= 4) {
    const [once, twice] = [make(length), make(2 * length)]
    if (timeOf(() => read(twice), 1) < FLOOR_MS) continue
    if (timeOf(() => read(twice), 2) < FLOOR_MS) continue
    let [onceMs, twiceMs] = [Infinity, Infinity]
    let growth = Infinity
    // Others want the machine too: only what stays slow is slow.
    for (let tries = 0; tries < 5 && growth > MOST_TIMES; tries++) {
      onceMs = Math.min(
        onceMs,
        timeOf(() => read(once), RUNS),
      )
      twiceMs = Math.min(
        twiceMs,
        timeOf(() => read(twice), RUNS),
      )
      growth = twiceMs / onceMs
    }
    if (growth > MOST_TIMES && twiceMs < STILL_MS) {
      const fourfold = make(4 * length)
      growth = Math.min(growth, Math.sqrt(timeOf(() => read(fourfold), RUNS) / onceMs))
    }
    // What is slow by itself is slow at any length; what a collector of garbage did is not.
    if (growth <= MOST_TIMES || twiceMs > ENOUGH_MS || length * 4 > LAST) return growth
  }
  return 0
}

/** The least of some, so that a moment in which the machine was busy accuses nobody. */
function surelyGrows(grow: () => number): number {
  let least = Infinity
  for (let tries = 0; tries < 3 && least > MOST_TIMES; tries++) least = Math.min(least, grow())
  return least
}

function slowOnes(read: (outside: string) => unknown, shapes = SHAPES): string[] {
  return PIECES.flatMap(([what, piece]) =>
    shapes.flatMap((shape) => {
      const growth = surelyGrows(() => growthOf(read, (length) => textOf(piece, shape, length)))
      return growth > MOST_TIMES ? [`${what} in ${JSON.stringify(shape)}: ${growth.toFixed(1)} times`] : []
    }),
  )
}

const draw = (incident: Record<string, unknown>, change: object = {}) => drawCard(makeFace({ ...change, incident }))
const person = (name: string) => ({ person_id: 1, person_name: name })
const member = (phone: string) => ({
  memberId: 1,
  memberName: '',
  email: '',
  phone,
  status: 'enabled',
  emailVerified: true,
  phoneVerified: true,
})

const READERS: Record<string, (outside: string) => unknown> = {
  oneLine: text.oneLine,
  inLine: (outside) => [inLine(outside), inLine(outside, true)],
  prose,
  withoutHtml: (outside) => withoutHtml(`<p>${outside}`),
  'prose, line by line': (outside) => prose(Array.from(outside, (letter) => `${letter}\n`).join('')),
  'prose in HTML': (outside) => prose(`<p>${outside}</p><ul><li>${outside}</li></ul><b>${outside}</b>`),
  'HTML without end': (outside) => prose(`<p><b></b>${'<ul><li><p>'.repeat(50)}${outside}`),
  isLiteral,
  fence: (outside) => fence(outside),
  isVisible: text.isVisible,
  shortLine: (outside) => text.shortLine(outside, 200),
  shortText: (outside) => text.shortText(outside, 10_000),
  bareWords: (outside) => text.bareWords(outside, 100),
  beginningOf: (outside) => text.beginningOf(outside, 5_000),
  cut: (outside) => text.cut(outside, 200),
  webAddress: (outside) => [webAddress(outside), webAddress(`https://${outside}`), webPage(`https://${outside}`)],
  cutMarkdown: (outside) => cutMarkdown(outside, 10_000),
  'cutMarkdown, just too long': (outside) => cutMarkdown(outside, outside.length - 1),
  'a title': (outside) => draw({ title: outside }),
  'a body': (outside) => draw({ description: outside }),
  'a plain body': (outside) => draw({ description: outside }, { plain: true }),
  'a minimal card': (outside) => draw({ title: outside, description: outside }, { minimal: true }),
  'a rendering': (outside) => draw({}, { rendered: { title: outside, body: outside } }),
  'labels and names': (outside) =>
    draw(
      {
        num: outside,
        channel_name: outside,
        impact: outside,
        labels: { resource: outside, [outside]: outside },
        responders: [person(outside)],
        account_time_zone: outside,
        detail_url: outside,
        images: [{ src: outside, alt: outside, href: outside }],
      },
      { templateId: 'own.schema', prefix: outside, customActions: [{ integrationId: 1, name: outside }] },
    ),
  'the last act': (outside) =>
    draw({}, { lastAct: { eventType: 'i_custom', personName: outside, what: outside, at: 1_760_000_000 } }),
  'a sentence for the presser': (outside) => drawCard(makeFace(), { tips: outside }),
  mentions: (outside) => withMentions(drawCard(makeFace()), 'zh-CN', [{ userId: outside, name: outside }]),
  notices: (outside) => [
    stormNotice('zh-CN', { num: outside, title: outside, alert_cnt: 2 }),
    lateNotice('zh-CN', { num: outside, title: outside }, 'x', outside),
    asSaid(outside),
  ],
  'what a platform said': (outside) => refusalText('zh-CN', 'ACTION_REJECTED', outside),
  'a zone': (outside) => dateTime(1_760_000_000, outside),
  'secrets in text': (outside) =>
    withoutSecretValues({ [outside]: outside, text: `{${outside}`, query: `?${outside}=` }),
  'a button': decodeButton,
  'a press': (outside) => readPress({ outTrackId: 'x', userId: outside, content: outside, value: outside }),
  'an event': (outside) => readEvent({ EventType: outside, eventId: outside, [outside]: outside }),
  'a message': (outside) => readMessage({ msgId: outside, conversationId: 'x', text: { content: outside } }),
  'a language': chooseLocale,
  'a phone number': (outside) => membersWithMobile(outside, [member('1*1*1*1*1*1*1*1*1*'), member(outside)]),
  'masked names': (outside) => [maskName(outside), maskEmail(outside)],
}

describe('a text of twice the length takes no more than some twice as long', () => {
  test.each(Object.entries(READERS))('as %s', (_what, read) => {
    expect(slowOnes(read, SHAPES.slice(0, 2))).toEqual([])
  })

  test('and Markdown on a page, which is read by others, is cut to what takes no time', () => {
    const slow = PIECES.filter(([, piece]) => timeOf(() => toHtml(textOf(piece, ['', ''], LAST)), 2) > PAGE_MS)
    expect(slow).toEqual([])
  })

  test('which is found out of what is not so', () => {
    const linear = () =>
      growthOf(
        (outside) => /x\s+y/.test(outside),
        (length) => ' x'.repeat(length),
      )
    const quadratic = () =>
      growthOf(
        (outside) => /\s+y/.test(outside),
        (length) => ' '.repeat(length),
      )
    expect(surelyGrows(linear)).toBeLessThanOrEqual(MOST_TIMES)
    expect(Math.max(quadratic(), quadratic(), quadratic())).toBeGreaterThan(MOST_TIMES)
  })
})

/** What several expressions can be told by: they never meet anything but what the operator wrote. */
const OF_THE_OPERATOR = new Set(['config.ts', 'proxy.ts', 'app.ts', 'cli/records.ts', 'storage/secret-box.ts'])

const LITERAL = /(?<=[(=,:?![&|]\s*|\breturn\s+)\/(?![*/])((?:\[(?:\\.|[^\]\\\n])*\]|\\.|[^/[\\\n])+)\/([dgimsuvy]*)/g

/** Every expression that stands in the product's sources. */
const EXPRESSIONS = [...readSources('src')]
  .filter(([path]) => !isTest(path) && !path.startsWith('browser/') && !OF_THE_OPERATOR.has(path))
  .flatMap(([path, source]) =>
    [...withoutComments(source).matchAll(LITERAL)].map(
      ([literal, pattern = '', flags = '']) => [`${path} ${literal}`, new RegExp(pattern, flags)] as const,
    ),
  )

/** What an expression itself asks for, so that texts come that it goes along with for a while. */
function piecesOf({ source }: RegExp): string[] {
  const plain = source.replaceAll(/\(\?<?[=!:]|\\[bBpPdDwWsSu]|[()[\]{}|^$*+?]/g, '\n').replaceAll('\\', '')
  return plain.split('\n').filter((piece) => piece !== '' && piece.length < 20)
}

describe('no expression takes longer than its text allows', () => {
  test('and all of them are looked at', () => {
    expect(EXPRESSIONS.length).toBeGreaterThan(60)
    expect(EXPRESSIONS.map(([name]) => name)).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^domain\/text\.ts .*dtmd/),
        expect.stringMatching(/cut-markdown/),
      ]),
    )
  })

  test.each(EXPRESSIONS)('%s', (_name, expression) => {
    const read = (outside: string) => {
      expression.lastIndex = 0
      return expression.global ? outside.replaceAll(expression, '') : outside.replace(expression, '')
    }
    const own = piecesOf(expression).flatMap((piece) => [piece, `${piece} `, `${piece}-`])
    const pieces = [...PIECES.map(([, piece]) => piece), ...own]
    // A quarter of a text's usual length is enough: whatever grows with the square shows there.
    const slow = pieces.flatMap((piece) =>
      ['', ...own.slice(0, 4)].flatMap((before) => {
        const make = (length: number) => `${before}${piece.repeat(Math.ceil(length / piece.length))}\u0000`
        const growth = surelyGrows(() => quickGrowth(read, make))
        return growth > MOST_TIMES ? [`${JSON.stringify([before, piece])}: ${growth.toFixed(1)} times`] : []
      }),
    )
    expect(slow).toEqual([])
  })
})

const QUICK = 16_000

/** Only what takes long at all is measured. */
function quickGrowth(read: (outside: string) => unknown, make: (length: number) => string): number {
  const twice = make(QUICK)
  if (timeOf(() => read(twice), 1) < FLOOR_MS || timeOf(() => read(twice), 2) < FLOOR_MS) return 0
  return growthOf(read, make)
}
