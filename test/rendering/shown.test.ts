import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { atLength, useProperties } from '../support/properties.ts'
import { readMarkdown } from '../sandbox/dingtalk/card-markdown/read.ts'
import type { CardFace, DrawnCard } from '../../src/domain/card.ts'
import { AI_TEMPLATE_ID, PUBLIC_TEMPLATE_ID } from '../../src/domain/card-template.ts'
import { drawBody } from '../../src/delivery/render/body.ts'
import { drawCard as draw } from '../../src/delivery/render/draw.ts'
import { type FaceChange, makeFace, T } from '../../src/delivery/render/faces.fixture.ts'
import { withMentions } from '../../src/delivery/render/mentions.ts'
import { oddText } from './odd-texts.ts'
import { readElsewhere } from './other-client.ts'

/*
 * What people read on a card is what was sent. What may be missing of it is written down here once more, not taken from the
 * code that leaves it out.
 */

useProperties(200)

const WHOLE_TEXT = { units: 60, pieces: 10 }

/** Halves of letters, signs that nobody sees and that a terminal obeys, and those that turn the direction of writing. */
function seen(text: string): string {
  let shown = ''
  for (const letter of text.replaceAll(/\r\n|[\r\u0085\u2028\u2029]/g, '\n')) {
    const code = letter.codePointAt(0) ?? 0
    const isHalf = code >= 0xd800 && code <= 0xdfff
    const isControl = (code < 0x20 && letter !== '\n' && letter !== '\t') || (code >= 0x7f && code < 0xa0)
    const turns = (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069)
    if (!isHalf && !isControl && !turns) shown += letter
  }
  return shown
}

/** A text on one line; empty when nothing of it is seen. */
function line(text: string): string {
  const shown = seen(text)
    .trim()
    .split(/[ \t\n]+/)
    .join(' ')
    .trim()
  return hasLetters(shown) ? shown : ''
}

function hasLetters(text: string): boolean {
  return text.replaceAll(/[\p{White_Space}\p{Cc}\p{Cf}\p{Cs}\p{Default_Ignorable_Code_Point}\u2800]/gu, '') !== ''
}

/** In a fence, which three backticks would end. */
function fenced(text: string): string {
  return text.replaceAll(/`{3,}/g, (run) => run.replaceAll('`', '｀'))
}

const text = (units: number): fc.Arbitrary<string> => oddText(Math.min(units, WHOLE_TEXT.units), WHOLE_TEXT.pieces)

type Sent = {
  title: string
  channel: string
  severity: string
  prefix: string
  people: string[]
  labels: [string, string][]
  actions: string[]
  actor: string
  act: string
  template: string
  description: string
  impact: string
}

const OWN = 'own.schema'
const anyTemplate = fc.constantFrom(PUBLIC_TEMPLATE_ID, AI_TEMPLATE_ID, OWN)

/** What the AI card has in one variable, as the other public template has it in two. */
function drawCard(face: CardFace): DrawnCard {
  const drawn = draw(face)
  const { msgTitle: title = '', staticMsgContent: whole, ...others } = drawn.cardParamMap
  if (whole === undefined) return drawn
  if (face.lastAct === undefined) return { ...drawn, cardParamMap: { ...others, title, markdown: whole, tips: '' } }
  const at = whole.lastIndexOf('\n\n')
  const last = whole.slice(at + 2)
  const read = readMarkdown(last, { mentionable: ['user0001', 'all'] })
  expect({ links: read.links, mentions: read.mentions, emoticons: read.emoticons }).toEqual({
    links: [],
    mentions: [],
    emoticons: [],
  })
  // On another client too; a fence has wide backticks for what would end it.
  expect(readElsewhere(last)).toEqual(read.lines)
  return {
    ...drawn,
    markdownIn: 'markdown',
    cardParamMap: { ...others, title, markdown: whole.slice(0, at), tips: read.text },
  }
}

const KNOWN = ['critical', 'warning', 'info', 'ok']
const ORDINARY = fc.constantFrom('Critical', 'Warning', 'Info', 'Ok', 'P1')

/** A body and no more. */
const anyBody: fc.Arbitrary<Sent> = fc
  .record({ template: anyTemplate, severity: ORDINARY, description: oddText(80, 12) })
  .map((sent) => ({
    ...sent,
    title: '',
    channel: '',
    prefix: '',
    people: [],
    labels: [],
    actions: [],
    actor: '',
    act: '',
    impact: '',
  }))

/** Every field odd at once, beside a body that is. */
const anySent: fc.Arbitrary<Sent> = fc.record({
  title: text(60),
  channel: text(60),
  severity: fc.oneof(ORDINARY, text(20)),
  prefix: text(30),
  people: fc.array(text(40), { maxLength: 3 }),
  labels: fc.uniqueArray(fc.tuple(text(40), text(60)), { maxLength: 4, selector: ([name]) => name }),
  actions: fc.array(text(20), { maxLength: 2 }),
  actor: text(40),
  act: text(30),
  template: anyTemplate,
  description: oddText(80, 12),
  impact: fc.oneof(fc.constant(''), oddText(60, 8)),
})

function faceOf(sent: Sent, change: FaceChange = {}): CardFace {
  return makeFace({
    templateId: sent.template,
    prefix: sent.prefix,
    lastAct: { eventType: 'i_custom', personName: sent.actor, at: T, what: sent.act },
    customActions: sent.actions.map((name, index) => ({ integrationId: index + 1, name })),
    ...change,
    incident: {
      title: sent.title,
      channel_name: sent.channel,
      incident_severity: sent.severity,
      description: sent.description,
      impact: sent.impact,
      responders: sent.people.map((person_name, index) => ({ person_id: 900 + index, person_name })),
      labels: Object.fromEntries(sent.labels),
      ...change.incident,
    },
  })
}

type Fact = { name: string; value: string }

/** Name and value of each fact that is no Markdown, in the order people know. */
function factsSent(sent: Sent): Fact[] {
  const people = sent.people.map((name, index) => line(name) || String(900 + index))
  return [
    { name: '协作空间', value: line(sent.channel) },
    { name: '严重程度', value: severityOf(sent) },
    { name: '触发时间', value: '2025-10-09 16:53:20' },
    { name: '处理人', value: people.join('、') || '暂无' },
  ].filter(({ value }) => value !== '')
}

function severityOf({ severity }: Sent): string {
  const index = KNOWN.indexOf(severity.trim().toLowerCase())
  return ['严重', '警告', '提醒', '恢复'][index] ?? line(severity)
}

/** The lines of the labels: those of one line together, then those of several, each by itself. */
function labelsSent({ labels }: Sent): string[][] {
  // As an object has them: names that are numbers come first.
  const listed = Object.entries(Object.fromEntries(labels))
  const order = [...listed.filter(([name]) => name === 'resource'), ...listed.filter(([name]) => name !== 'resource')]
  const shown = order
    .map(([name, value]) => [line(name), seen(value).replace(/^\n+/, '').trimEnd()] as const)
    .filter(([, value]) => hasLetters(value))
  const single = shown.filter(([, value]) => !value.includes('\n')).map(([name, value]) => `${name}: ${value}`)
  const several = shown.filter(([, value]) => value.includes('\n')).map(([name, value]) => `${name}:\n${value}`)
  return [...(single.length > 0 ? [single.join('\n')] : []), ...several].map((one) => fenced(one).split('\n'))
}

const lastOf = <T>(list: T[], count: number): T[] => (count === 0 ? [] : list.slice(-count))

/** Web pages at most, and no calling of names, no smileys and no colours beside that of how bad it is. */
function expectHarmless(sent: Sent, markdown: string, mentionable: string[] = []) {
  const reading = readMarkdown(markdown, { mentionable: ['user0001', 'all', ...mentionable] })
  expect(reading.emoticons).toEqual([])
  expect(reading.mentions.map(({ userId }) => userId)).toEqual(mentionable)
  expect(reading.sizes).toEqual([])
  for (const { address } of [...reading.links, ...reading.images]) expect(address).toMatch(/^https?:\/\/[^\s()]+$/)
  const isKnown = KNOWN.includes(sent.severity.trim().toLowerCase())
  expect(reading.colors.map(({ text: words }) => words)).toEqual(
    isKnown && sent.template !== OWN ? [severityOf(sent)] : [],
  )
  return reading
}

/** Title, buttons, the line below and the lock screen. */
function expectTexts(sent: Sent, { cardParamMap: shown, pushText }: DrawnCard): void {
  const prefix = line(sent.prefix)
  const title = line(sent.title)
  const channel = line(sent.channel)
  const severity = severityOf(sent)
  const sign = prefix === '' ? '' : `[${prefix}] `
  const name = `${sign}#0A1B2C ${title || channel}`.trimEnd()
  const isOwn = sent.template === OWN
  expect(shown['title']).toBe(isOwn ? name : `${dotOf(sent)} 待处理 · ${name}`)
  const act = line(sent.act)
  const tips = `${line(sent.actor)} 于 16:53 执行${act === '' ? '自定义动作' : `“${act}”`}`
  expect(shown['tips']).toBe(sent.template === AI_TEMPLATE_ID ? fencedOrNot(shown['tips'], tips.trim()) : tips)
  const buttons = isOwn
    ? (JSON.parse(shown['buttons'] ?? '') as { text: string }[])
    : (JSON.parse(shown['sys_full_json_obj'] ?? '') as { msgButtons: { text: string }[] }).msgButtons
  expect(buttons.map(({ text: words }) => words)).toEqual([
    '认领',
    '关闭',
    ...(isOwn ? [] : ['查看详情']),
    ...sent.actions.map(line).filter(Boolean),
    '刷新',
  ])
  const pushed = `${severity && `[${severity}] `}${sign}${title || '#0A1B2C'}${channel && ` · ${channel}`}`
  if (pushText !== pushed) expectCut(pushText, pushed, 100)
}

function expectFacts(sent: Sent, { cardParamMap: { markdown = '', facts } }: DrawnCard): void {
  if (facts !== undefined) {
    expect(JSON.parse(facts)).toEqual(factsSent(sent))
    return
  }
  const lines = factsSent(sent).map(({ name, value }) => `${name}：${value}`)
  for (const read of [expectHarmless(sent, markdown).lines, readElsewhere(markdown)]) {
    const head = read.slice(0, lines.length)
    expect(head.toSorted()).toEqual(lines.map(fenced).toSorted())
  }
  expect(expectHarmless(sent, markdown).bold).toEqual(expect.arrayContaining(['触发时间']))
}

function expectLabels(sent: Sent, { cardParamMap: { markdown = '' } }: DrawnCard): void {
  const blocks = labelsSent(sent)
  const reading = expectHarmless(sent, markdown)
  expect(lastOf(reading.fences, blocks.length).map(({ text: words }) => words.split('\n'))).toEqual(blocks)
  // Behind them only what leads to their pages.
  const isLinked = markdown.split('\n\n').at(-1)?.startsWith('[') === true && !markdown.endsWith('```')
  const behind = isLinked ? 1 : 0
  for (const lines of [reading.lines, readElsewhere(markdown)]) {
    const count = blocks.flat().length
    expect(lastOf(lines, count + behind).slice(0, count)).toEqual(blocks.flat())
  }
}

describe('words that are no Markdown are shown letter by letter', () => {
  test('in the title, among the facts and the labels, on the buttons, in the line below and on the lock screen', () => {
    fc.assert(
      fc.property(anySent, fc.boolean(), (sent, plain) => {
        const drawn = drawCard(faceOf(sent, { plain: plain && !hasAddress(sent) }))
        expectTexts(sent, drawn)
        if (sent.impact === '') expectFacts(sent, drawn)
        expectLabels(sent, drawn)
      }),
    )
  })

  test('and what leads to the pages of labels is called by their names', () => {
    const address = fc.constantFrom('https://a.example/x', 'https://a.example/a_(b)*c*[d]', 'http://b.example/?q=_x_y')
    const label = fc.tuple(text(30), address)
    fc.assert(
      fc.property(fc.uniqueArray(label, { minLength: 1, maxLength: 3, selector: ([name]) => name }), (labels) => {
        const { markdown } = drawBody(makeFace({ incident: { labels: Object.fromEntries(labels) } }), true)
        const entries = Object.entries(Object.fromEntries(labels))
        const words = entries.map(([name, value]) => [line(name), new URL(value).host])
        const read = readMarkdown(markdown)
        expect(new Set(read.links.map((link) => new URL(link.address).href))).toEqual(
          new Set(
            entries.map(
              ([, value]) => new URL(value.replaceAll('(', '%28').replaceAll(')', '%29').replaceAll('*', '%2A')).href,
            ),
          ),
        )
        for (const link of read.links) expect(words.flat()).toContain(link.text)
        expect(readElsewhere(markdown).at(-1)).toBe(read.lines.at(-1))
      }),
    )
  })

  test('where people are called by name', () => {
    const mention = fc.record({ userId: fc.constantFrom('user0002', 'a.b-c@d', '_x_'), name: text(20) })
    fc.assert(
      fc.property(
        anyBody,
        fc.uniqueArray(mention, { minLength: 1, selector: ({ userId }) => userId }),
        (sent, mentions) => {
          const { cardParamMap } = withMentions(drawCard(faceOf(sent)), 'zh-CN', mentions)
          const { markdown = '' } = cardParamMap
          const reading = expectHarmless(
            sent,
            markdown,
            mentions.map(({ userId }) => userId),
          )
          const called = mentions.map(({ userId, name }) => line(name) || userId)
          // No escape is documented, so signs are shown as their wide ones.
          expect(reading.mentions.map(({ name }) => narrow(name))).toEqual(called.map(narrow))
          expect(readElsewhere(markdown)[0]).toBe(`${reading.mentions.map(({ name }) => name).join(' ')} 请处理`)
        },
      ),
    )
  })

  test('of a text that is too long the beginning, and that it goes on', () => {
    const long = fc
      .tuple(oddText(100, 20), fc.constantFrom('x', '长', '👨‍👩‍👧‍👦', 'e\u0301', '*_'))
      .map(([beginning, letter]) => beginning + letter.repeat(3_000))
    fc.assert(
      fc.property(long, anyTemplate, (sent, templateId) => {
        const { cardParamMap } = drawCard(
          makeFace({
            templateId,
            incident: { channel_name: sent, labels: { long: sent.replaceAll(/[\r\n\u0085\u2028\u2029]/g, ' ') } },
          }),
        )
        const { markdown = '', facts } = cardParamMap
        const lines = readMarkdown(markdown).lines
        const channel =
          facts === undefined
            ? lines.find((one) => one.startsWith('协作空间：'))?.slice('协作空间：'.length)
            : (JSON.parse(facts) as Fact[]).find(({ name }) => name === '协作空间')?.value
        expectCut(channel, facts === undefined ? fencedOrNot(channel, line(sent)) : line(sent))
        const label = lines.find((one) => one.startsWith('long: '))?.slice('long: '.length)
        expectCut(label, fenced(seen(sent.replaceAll(/[\r\n\u0085\u2028\u2029]/g, ' '))))
      }),
      { numRuns: atLength(10) },
    )
  })
})

function dotOf({ severity }: Sent): string {
  return ['🔴', '🟠', '🟡', '🟢'][KNOWN.indexOf(severity.trim().toLowerCase())] ?? '🟠'
}

/** Only in a fence is it written with wide backticks. */
function fencedOrNot(shown: string | undefined, sent: string): string {
  return shown?.includes('｀') ? fenced(sent) : sent
}

/** @param least units of it that are shown */
function expectCut(shown: string | undefined, whole: string, least = 20): void {
  expect(shown?.endsWith('…')).toBe(true)
  expect(shown?.length).toBeGreaterThan(least)
  expect(whole.startsWith(shown?.slice(0, -1) ?? '?')).toBe(true)
}

function hasAddress({ labels }: Sent): boolean {
  return labels.some(([, value]) => value.includes('://'))
}

/** With plain signs where the wide ones may stand. */
function narrow(words: string): string {
  return words.replaceAll(/[＊＿｀～＼＆＜［］：]/g, (sign) => String.fromCharCode(sign.charCodeAt(0) - 0xfee0))
}
