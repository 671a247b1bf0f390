import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Office, ReceivedFrame } from './rig.ts'
import { openOffice, openStream, polite, reopen } from './rig.ts'

let office: Office

beforeEach(async () => {
  office = await openOffice()
})

afterEach(() => office.sandbox.close())

/** Acknowledges with these, in turn; the last one again and again. */
function answering(...replies: ({ code?: number; data: unknown } | undefined)[]): (frame: ReceivedFrame) => never {
  let index = -1
  return (() => {
    index = Math.min(index + 1, replies.length - 1)
    return replies[index]
  }) as never
}

const SUCCESS = { data: { status: 'SUCCESS' } }

/** However long it takes to connect, there is a try after it. */
const SOON_AND_LATER = [700, ...Array.from({ length: 100 }, () => 1_000)]

describe('delivery', () => {
  test('an event has its five headers and no others but the common four', async () => {
    const { sandbox, app } = office
    const stream = await openStream(office)
    const bornTime = 1_769_851_697_001
    const eventId = sandbox.control.pushEvent(app.clientId, { eventType: 'user_leave_org', data: { a: 1 }, bornTime })
    expect(await sandbox.control.eventSettled(eventId)).toBe('success')
    expect(stream.frames).toEqual([
      {
        specVersion: '1.0',
        type: 'EVENT',
        headers: {
          topic: '*',
          contentType: 'application/json',
          messageId: expect.stringMatching(/^[0-9a-f]{8}(_[0-9a-f]+){3}$/),
          time: expect.stringMatching(/^\d{13}$/),
          eventType: 'user_leave_org',
          eventId,
          eventCorpId: app.corpId,
          eventBornTime: String(bornTime),
          eventUnifiedAppId: app.unifiedAppId,
        },
        data: '{"a":1}',
      },
    ])
    expect(eventId).toMatch(/^[0-9a-f]{32}$/)
  })

  test.for([
    ['LATER', { data: { status: 'LATER', message: 'db down' } }],
    ['LATER with code 500', { code: 500, data: { status: 'LATER' } }],
    ['a code other than 200', { code: 500, data: { status: 'SUCCESS' } }],
    ['silence', undefined],
  ] as const)('%s brings a redelivery with a new messageId', async ([, reply]) => {
    if (!reply) office = await reopen(office, { eventDeadlineMs: 400 })
    const { sandbox, app } = office
    const stream = await openStream(office, answering(reply, SUCCESS))
    const eventId = sandbox.control.pushEvent(app.clientId, { eventType: 'x', data: {} })
    expect(await sandbox.control.eventSettled(eventId)).toBe('success')
    expect(stream.frames.map(({ headers }) => headers['eventId'])).toEqual([eventId, eventId])
    expect(new Set(stream.frames.map(({ headers }) => headers['messageId'])).size).toBe(2)
    expect(sandbox.journal.of('frame-sent').map(({ attempt, businessId }) => [attempt, businessId])).toEqual([
      [1, eventId],
      [2, eventId],
    ])
  })

  // D 1.6: the vendor's Python client echoes the event's data, Node's sends what a listener returned.
  test.for([
    ['the event itself', { data: { title: 'On-call A' } }],
    ['nothing', { data: {} }],
  ] as const)('an ack that says %s is one, but not by the strict reading', async ([, reply]) => {
    const push = async (): Promise<string[]> => {
      const { sandbox, app } = office
      const stream = await openStream(office, answering(reply, SUCCESS))
      const eventId = sandbox.control.pushEvent(app.clientId, { eventType: 'x', data: {} })
      expect(await sandbox.control.eventSettled(eventId)).toBe('success')
      return stream.frames.map(({ headers }) => headers['eventId']!)
    }
    expect(await push()).toHaveLength(1)
    office = await reopen(office, { strictAcks: true })
    expect(await push()).toHaveLength(2)
  })

  test('after the last redelivery the event is dropped', async () => {
    const { sandbox, app } = office
    const stream = await openStream(office, answering({ data: { status: 'LATER' } }))
    const eventId = sandbox.control.pushEvent(app.clientId, { eventType: 'x', data: {} })
    expect(await sandbox.control.eventSettled(eventId)).toBe('dropped')
    expect(stream.frames).toHaveLength(3)
    expect(sandbox.journal.of('event-settled').at(-1)).toMatchObject({ eventId, outcome: 'dropped', attempts: 3 })
  })

  test('without a connection each attempt is a miss', async () => {
    const { sandbox, app } = office
    const eventId = sandbox.control.pushEvent(app.clientId, { eventType: 'x', data: {} })
    expect(await sandbox.control.eventSettled(eventId)).toBe('dropped')
  })

  test('a connection that comes in time gets the event', async () => {
    office = await reopen(office, { redeliveryDelaysMs: SOON_AND_LATER })
    const { sandbox, app } = office
    const eventId = sandbox.control.pushEvent(app.clientId, { eventType: 'x', data: {} })
    await openStream(office)
    expect(await sandbox.control.eventSettled(eventId)).toBe('success')
  })

  test('a connection that breaks before its reply is a miss', async () => {
    office = await reopen(office, { redeliveryDelaysMs: SOON_AND_LATER })
    const { sandbox, app } = office
    const first = await openStream(office, () => undefined)
    const eventId = sandbox.control.pushEvent(app.clientId, { eventType: 'x', data: {} })
    await first.first
    sandbox.control.dropConnections(app.clientId)
    const second = await openStream(office)
    expect(await sandbox.control.eventSettled(eventId)).toBe('success')
    expect(second.frames[0]?.headers['eventId']).toBe(eventId)
  })

  test('the same event can be pushed twice', async () => {
    const { sandbox, app } = office
    const stream = await openStream(office)
    const eventId = sandbox.control.pushEvent(app.clientId, { eventType: 'x', data: {} })
    sandbox.control.pushEvent(app.clientId, { eventType: 'x', data: {}, eventId })
    expect(await sandbox.control.eventSettled(eventId)).toBe('success')
    expect(stream.frames).toHaveLength(2)
  })

  test('an app whose console says HTTP, but names no address, gets nothing', async () => {
    const { sandbox, app } = office
    sandbox.control.updateApp(app.clientId, { eventMode: 'HTTP' })
    const stream = await openStream(office)
    const eventId = sandbox.control.pushEvent(app.clientId, { eventType: 'x', data: {} })
    await expect(sandbox.control.eventSettled(eventId)).rejects.toThrow('was pushed to no app')
    expect(stream.frames).toEqual([])
  })
})

describe('shapes', () => {
  test('installing and uninstalling the cool app', async () => {
    const { sandbox, app, group, wang } = office
    const { openConversationId } = group
    const stream = await openStream(office)
    const fields = { operator: wang.userId, robotCode: 'robotOfThisGroup' }
    const installed = sandbox.control.installCoolApp(openConversationId, app.clientId, fields)
    await sandbox.control.eventSettled(installed)
    expect(sandbox.control.group(openConversationId).coolApps).toEqual([
      { coolAppCode: app.coolAppCode, robotCode: 'robotOfThisGroup', clientId: app.clientId },
    ])
    const uninstalled = sandbox.control.uninstallCoolApp(openConversationId, app.clientId)
    await sandbox.control.eventSettled(uninstalled)
    expect(sandbox.control.group(openConversationId).coolApps).toEqual([])

    const shape = (operator: string): unknown => ({
      coolAppCode: app.coolAppCode,
      operateTime: expect.stringMatching(/^\d{13}$/),
      openConversationCorpId: app.corpId,
      robotCode: 'robotOfThisGroup',
      openConversationId,
      operator,
    })
    const frames = stream.frames.filter(({ headers }) => [installed, uninstalled].includes(headers['eventId'] ?? ''))
    expect(frames.map(({ headers, data }) => [headers['eventType'], JSON.parse(data)])).toEqual([
      ['im_cool_app_install', shape(wang.userId)],
      ['im_cool_app_uninstall', shape(group.ownerUserId)],
    ])
  })

  test('renaming and disbanding a group, told to every app of the corporation', async () => {
    const { sandbox, group, li } = office
    const { openConversationId, chatId } = group
    const other = sandbox.control.createApp()
    const stream = await openStream(office)
    const otherStream = await openStream({ sandbox, app: other }, polite)
    const renamed = sandbox.control.renameGroup(openConversationId, 'On-call B')
    expect(await sandbox.control.eventSettled(renamed)).toBe('success')
    const gone = sandbox.control.disbandGroup(openConversationId)
    expect(await sandbox.control.eventSettled(gone)).toBe('success')
    const common = {
      timeStamp: expect.any(Number),
      chatId,
      corpId: other.corpId,
      operatorUnionId: li.unionId,
      openConversationId,
      operator: li.userId,
    }
    for (const { frames } of [stream, otherStream]) {
      const told = frames.filter(({ headers }) => [renamed, gone].includes(headers['eventId'] ?? ''))
      expect(told.map(({ headers, data }) => [headers['eventType'], JSON.parse(data)])).toEqual([
        ['chat_update_title', { ...common, title: 'On-call B' }],
        ['chat_disband', common],
      ])
    }
    expect(sandbox.control.group(openConversationId)).toMatchObject({ title: 'On-call B', disbanded: true })
  })

  test('somebody leaving the corporation', async () => {
    const { sandbox, group, wang } = office
    const stream = await openStream(office)
    const left = sandbox.control.removeUser(wang.userId)
    expect(await sandbox.control.eventSettled(left)).toBe('success')
    expect(stream.frames[0]?.headers['eventType']).toBe('user_leave_org')
    const data = { timeStamp: expect.stringMatching(/^\d{13}$/), userId: [wang.userId] }
    expect(JSON.parse(stream.frames[0]?.data ?? '')).toEqual(data)
    expect(sandbox.control.group(group.openConversationId).memberUserIds).not.toContain(wang.userId)
    expect(() => sandbox.control.user(wang.userId)).toThrow('no user')
  })
})

describe('messages to the robot', () => {
  const TOPICS = [{ type: 'CALLBACK', topic: '/v1.0/im/bot/messages/get' }]

  test('in a group they name group and sender; unanswered they come once more', async () => {
    office = await reopen(office, { robotDeadlineMs: 400 })
    const { sandbox, app, group, li } = office
    const stream = await openStream(office, answering(undefined, { data: { response: null } }), TOPICS)
    const { openConversationId } = group
    const say = { clientId: app.clientId, userId: li.userId, text: 'ack 1234', openConversationId }
    const msgId = sandbox.control.messageRobot(say)
    await sandbox.journal.waitFor('the reply', (entry) => entry.type === 'frame-received')
    expect(sandbox.journal.of('frame-sent')).toMatchObject([{ businessId: msgId }, { businessId: msgId, attempt: 2 }])
    expect(stream.frames[0]).toMatchObject({ type: 'CALLBACK', headers: { topic: TOPICS[0]?.topic } })
    expect(JSON.parse(stream.frames[0]?.data ?? '')).toMatchObject({
      conversationId: openConversationId,
      conversationType: '2',
      conversationTitle: 'On-call A',
      isInAtList: true,
      robotCode: app.clientId,
      msgId,
      msgtype: 'text',
      text: { content: ' ack 1234' },
      senderStaffId: li.userId,
      senderNick: 'Li',
    })
  })

  test('1:1 they have a conversation of their own', async () => {
    const { sandbox, app, li } = office
    const stream = await openStream(office, answering({ data: { response: null } }), TOPICS)
    sandbox.control.messageRobot({ clientId: app.clientId, userId: li.userId, text: 'hello' })
    const data = JSON.parse((await stream.first).data) as object
    expect(data).toMatchObject({ conversationType: '1', text: { content: 'hello' } })
    expect(data).toMatchObject({ conversationId: expect.stringMatching(/^cid[A-Za-z0-9+/]{22}==$/) })
  })
})
