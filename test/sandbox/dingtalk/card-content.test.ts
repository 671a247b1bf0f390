import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readMarkdown } from './card-markdown/read.ts'
import type { Office } from './rig.ts'
import { cardParams, createAndDeliver, groupCard, openOffice } from './rig.ts'

let office: Office

beforeEach(async () => {
  office = await openOffice()
})

afterEach(() => office.sandbox.close())

describe('a template of the app’s own', () => {
  const data = {
    title: '#1 db down',
    dot: '🔴',
    progress_text: '待处理',
    facts: JSON.stringify([
      { name: '处理人', value: '张三' },
      { name: '影响', value: '**x** [OK] <br>' },
    ]),
    markdown: '**env**：prod',
    tips: 'tip',
    buttons: JSON.stringify([{ text: '认领', color: 'blue', id: 'ack~7' }]),
    links: JSON.stringify([{ text: '详情', color: 'gray', url: 'https://a.example' }]),
  }

  test('is drawn from its variables, and its buttons call back by id alone', async () => {
    const cardTemplateId = office.sandbox.control.createTemplate(office.app.clientId)
    const sent = await createAndDeliver(office, groupCard(office, { cardTemplateId, cardData: { cardParamMap: data } }))
    expect(sent.status).toBe(200)
    expect(office.sandbox.control.view('card-1', office.li.userId)).toMatchObject({
      title: '🔴 待处理 · #1 db down',
      facts: ['处理人：张三', '影响：**x** [OK] <br>'],
      markdown: '**env**：prod',
      tips: 'tip',
      buttons: [
        { text: '认领', color: 'blue', id: 'ack~7' },
        { text: '详情', color: 'gray', url: 'https://a.example' },
      ],
    })
  })

  test('of another app fails to load though the call succeeds; one that is none is refused', async () => {
    const other = office.sandbox.control.createApp()
    const cardTemplateId = office.sandbox.control.createTemplate(other.clientId)
    expect((await createAndDeliver(office, groupCard(office, { cardTemplateId }))).status).toBe(200)
    expect(office.sandbox.control.view('card-1', office.li.userId)).toMatchObject({
      title: '',
      facts: [],
      markdown: '',
      buttons: [],
      tips: '卡片加载失败',
    })
    const refused = await createAndDeliver(
      office,
      groupCard(office, { outTrackId: 'card-2', cardTemplateId: 'x.schema' }),
    )
    expect(refused).toMatchObject({ status: 400, body: { code: 'param.templateNotExist' } })
  })
})

describe('mentions', () => {
  const tag = (userId: string) => `<a atId=${userId}>x</a>`

  test('need the person in cardAtUserIds for the tag, and in atUserIds to be notified', async () => {
    const { li, wang, app } = office
    const sent = await createAndDeliver(
      office,
      groupCard(office, {
        cardData: cardParams({ markdown: `${tag(li.userId)} ${tag(wang.userId)}` }),
        cardAtUserIds: [li.userId],
        imGroupOpenDeliverModel: { robotCode: app.clientId, atUserIds: { [wang.userId]: 'Wang' } },
      }),
    )
    expect(sent.status).toBe(200)
    const seen = office.sandbox.control.view('card-1', wang.userId)
    expect(seen?.mentions).toEqual([li.userId])
    expect(readMarkdown(seen?.markdown ?? '', { mentionable: seen?.mentions ?? [] }).text).toBe(
      `@x ${tag(wang.userId)}`,
    )
    const contents = office.sandbox.control
      .conversationsOf(wang.userId)
      .flatMap((one) => one.messages.map((m) => m.content))
    expect(contents.find(({ kind }) => kind === 'card')).toMatchObject({ mentions: [wang.userId] })
  })

  test('stand in the text, not in what is shown as it is', async () => {
    const { li } = office
    const markdown = `\`\`\`\n${tag(li.userId)}\n\`\`\``
    const cardData = cardParams({ markdown })
    await createAndDeliver(office, groupCard(office, { cardData, cardAtUserIds: [li.userId] }))
    expect(office.sandbox.control.view('card-1', li.userId)).toMatchObject({ markdown, facts: [], mentions: [] })
  })

  test.each([
    ['cardAtUserIds', { cardAtUserIds: 'li' }],
    ['atUserIds', { imGroupOpenDeliverModel: { robotCode: 'x', atUserIds: { li: 7 } } }],
  ])('%s of the wrong type is refused', async (_field, fields) => {
    expect((await createAndDeliver(office, groupCard(office, fields))).status).toBe(400)
  })
})

describe('sizes', () => {
  test.each<[string, Record<string, string>, number]>([
    ['a value of 20,000 characters', { markdown: '描'.repeat(20_000) }, 200],
    ['a longer one', { markdown: 'x'.repeat(20_001) }, 400],
    ['a name of 100 bytes', { ['n'.repeat(100)]: '' }, 200],
    ['a longer name', { ['名'.repeat(34)]: '' }, 400],
    ['more than 100 KB in all', { a: '描'.repeat(17_000), b: '描'.repeat(17_000) }, 400],
  ])('%s', async (_what, fields, status) => {
    const sent = await createAndDeliver(office, groupCard(office, { cardData: cardParams(fields) }))
    expect(sent.status).toBe(status)
  })
})
