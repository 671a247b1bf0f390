import { afterEach, beforeEach, expect, test } from 'vitest'

import type { Json } from './fields.ts'
import { type Office, openOffice, openStream, polite } from './rig.ts'
import type { JournalEntry } from './types.ts'

/** What a robot message says of who wrote it, and the address to answer at (D:receive-message). */

let office: Office

beforeEach(async () => {
  office = await openOffice()
  await openStream(office, polite, [{ type: 'CALLBACK', topic: '/v1.0/im/bot/messages/get' }])
})

afterEach(() => office.sandbox.close())

async function written(userId: string, openConversationId?: string): Promise<Json> {
  const { sandbox, app } = office
  const about = { clientId: app.clientId, userId, text: 'hello' }
  const msgId = sandbox.control.messageRobot(
    openConversationId === undefined ? about : { ...about, openConversationId },
  )
  const isPush = (entry: JournalEntry): boolean => entry.type === 'frame-sent' && entry.businessId === msgId
  await sandbox.journal.waitFor('the push of the message', isPush)
  const sent = sandbox.journal.of('frame-sent').find(isPush)
  const { data } = sent!.frame as { data: string }
  return JSON.parse(data) as Json
}

async function send(webhook: unknown, body: unknown): Promise<unknown> {
  const response = await fetch(String(webhook), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  return [response.status, await response.json()]
}

const lastIn = (title: string): unknown =>
  office.sandbox.control
    .conversationsOf(office.li.userId)
    .find((conversation) => conversation.title === title)
    ?.messages.at(-1)?.content

test('a robot and a person are called the same each time, here and there', async () => {
  const { li, wang, group } = office
  const messages = [
    await written(li.userId, group.openConversationId),
    await written(li.userId, group.openConversationId),
    await written(wang.userId, group.openConversationId),
  ]
  expect(new Set(messages.map(({ chatbotUserId }) => chatbotUserId)).size).toBe(1)
  expect(messages.map(({ senderId }) => senderId === messages[0]!['senderId'])).toEqual([true, true, false])
})

test('the address to answer at leads to the simulator, and into the chat it came from', async () => {
  const { li, group, sandbox } = office
  const { sessionWebhook } = await written(li.userId, group.openConversationId)
  expect(String(sessionWebhook)).toMatch(new RegExp(`^${sandbox.oapiUrl}/robot/sendBySession\\?session=`))
  expect(await send(sessionWebhook, { msgtype: 'text', text: { content: 'got it' } })).toEqual([
    200,
    { errcode: 0, errmsg: 'ok' },
  ])
  expect(lastIn(group.title)).toEqual({ kind: 'robot', msgKey: 'sampleText', msgParam: { content: 'got it' } })
  const own = await written(li.userId)
  const markdown = { msgtype: 'markdown', markdown: { title: 't', text: '# m' } }
  expect(await send(own['sessionWebhook'], markdown)).toEqual([200, { errcode: 0, errmsg: 'ok' }])
  expect(lastIn(office.app.clientId)).toMatchObject({ msgKey: 'sampleMarkdown', msgParam: { title: 't', text: '# m' } })
})

test.each<[string, object, object]>([
  [
    'a card with several buttons',
    {
      msgtype: 'actionCard',
      actionCard: { title: 't', text: 'x', btns: [{ title: 'go', actionURL: 'https://a.example' }] },
    },
    { msgKey: 'sampleActionCard', msgParam: { btns: expect.stringContaining('go') as string } },
  ],
  [
    'a list of links',
    { msgtype: 'feedCard', feedCard: { links: [{ title: 't', messageURL: 'https://a.example' }] } },
    { msgKey: 'feedCard' },
  ],
  [
    'a mention',
    { msgtype: 'text', text: { content: 'hi @u1' }, at: { atUserIds: ['u1'] } },
    { msgKey: 'sampleText', mentions: ['u1'] },
  ],
  // The form of the vendor's channel SDK.
  ['a robot message', { msgKey: 'sampleText', msgParam: '{"content":"x"}' }, { msgParam: { content: 'x' } }],
])('it takes %s', async (_what, body, content) => {
  const { li, group } = office
  const { sessionWebhook } = await written(li.userId, group.openConversationId)
  expect(await send(sessionWebhook, body)).toEqual([200, { errcode: 0, errmsg: 'ok' }])
  expect(lastIn(group.title)).toMatchObject(content)
})

test('it is refused when it is over, unknown, or what is sent is no message', async () => {
  const { li, group, sandbox } = office
  const { sessionWebhook } = await written(li.userId, group.openConversationId)
  const over = [200, { errcode: 300001, errmsg: 'session 不存在' }]
  const text = { msgtype: 'text', text: { content: 'x' } }
  expect(await send(sessionWebhook, { msgtype: 'text' })).toMatchObject([200, { errcode: 40035 }])
  expect(await send(sessionWebhook, { msgtype: 'feedCard', feedCard: {} })).toMatchObject([200, { errcode: 40035 }])
  expect(await send(sessionWebhook, { msgtype: 'constructor' })).toMatchObject([200, { errcode: 40035 }])
  expect(await send(`${sandbox.oapiUrl}/robot/sendBySession?session=none`, text)).toEqual(over)
  sandbox.control.advance(5_400_001)
  expect(await send(sessionWebhook, text)).toEqual(over)
})
