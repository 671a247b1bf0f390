import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { parseFrame, TOPIC_CARD, TOPIC_ROBOT } from './frames.ts'

// Shapes from DingTalk's protocol page and its card tutorial; ids invented.

const EVENT = {
  specVersion: '1.0',
  type: 'EVENT',
  headers: {
    topic: '*',
    contentType: 'application/json',
    messageId: '212b9d7c_165f_19bfa1a500a_1461def',
    time: '1769851697756',
    appId: '0f9f8f7f-1111-4222-8333-abcdefabcdef',
    connectionId: '7f0e1d2c-1111-4222-8333-944455566677',
    eventType: 'chat_update_title',
    eventId: 'a1b2c3d4e5f60718293a4b5c6d7e8f90',
    eventCorpId: 'dingcorpdemo01',
    eventBornTime: '1769851697001',
  },
  data: JSON.stringify({ openConversationId: 'cidDemoGroup0001==', title: 'On-call A', corpId: 'dingcorpdemo01' }),
}

const content = JSON.stringify({ cardPrivateData: { actionIds: ['ack~7'], params: { id: 'ack~7' } } })
const PRESS = {
  extension: '{}',
  corpId: 'dingcorpdemo01',
  spaceType: 'im',
  spaceId: 'cidDemoGroup0001==',
  userIdType: 1,
  userId: 'user0002',
  type: 'actionCallback',
  outTrackId: 'fd-inc-1234-a1',
  content,
  value: content,
}

const eventFrame = (headers: Record<string, unknown> = {}, data: unknown = EVENT.data): string =>
  JSON.stringify({ ...EVENT, headers: { ...EVENT.headers, ...headers }, data })
const pressFrame = (body: Record<string, unknown>): string =>
  JSON.stringify({ type: 'CALLBACK', headers: { topic: TOPIC_CARD, messageId: 'm1' }, data: JSON.stringify(body) })
const systemFrame = (topic: string, data?: unknown, messageId: unknown = 'm1'): string =>
  JSON.stringify({ type: 'SYSTEM', headers: { topic, messageId }, data })

describe('events', () => {
  test('the sample of the protocol page', () => {
    expect(parseFrame(JSON.stringify(EVENT))).toMatchObject({
      kind: 'event',
      messageId: EVENT.headers.messageId,
      event: {
        eventType: 'chat_update_title',
        eventId: EVENT.headers.eventId,
        corpId: 'dingcorpdemo01',
        bornAt: 1769851697001,
        fields: { openconversationid: 'cidDemoGroup0001==', title: 'On-call A', corpid: 'dingcorpdemo01' },
      },
    })
  })

  test.each(['*', 'chat_update_title', 'anything'])('topic %j does not matter', (topic) => {
    expect(parseFrame(eventFrame({ topic }))).toMatchObject({
      kind: 'event',
      event: { eventType: 'chat_update_title' },
    })
  })

  test('numbers in headers are as good as texts', () => {
    expect(parseFrame(eventFrame({ messageId: 17, eventId: 18, time: 1769851697756 }))).toMatchObject({
      messageId: '17',
      event: { eventId: '18' },
    })
  })

  test.each([[null], [true], [{}], [[]]])('headers nobody needs may be %j', (odd) => {
    const frame = eventFrame({ time: odd, appId: odd, connectionId: odd, eventCorpId: odd })
    expect(parseFrame(frame)).toMatchObject({ kind: 'event', event: { corpId: 'dingcorpdemo01' } })
  })

  test('the older spelling of business fields is read alike', () => {
    const data = JSON.stringify({ OpenConversationId: 'cid1', Title: 'T', OperateTime: 5 })
    expect(parseFrame(eventFrame({}, data))).toMatchObject({
      event: { fields: { openconversationid: 'cid1', title: 'T', operatetime: 5 } },
    })
  })

  test('what the headers leave out is taken from the body', () => {
    const data = JSON.stringify({ eventType: 'chat_disband', eventId: 'e9', corpId: 'corp9' })
    expect(parseFrame(eventFrame({ eventType: undefined, eventId: null, eventCorpId: undefined }, data))).toMatchObject(
      {
        event: { eventType: 'chat_disband', eventId: 'e9', corpId: 'corp9' },
      },
    )
  })

  test('data may be the object itself', () => {
    expect(parseFrame(eventFrame({}, { title: 'T' }))).toMatchObject({ event: { fields: { title: 'T' } } })
  })

  test.each<[string, string]>([
    ['without an id', eventFrame({ eventId: undefined })],
    ['of no type', eventFrame({ eventType: '' })],
    ['with text for data', eventFrame({}, 'no JSON')],
    ['with a list for data', eventFrame({}, '[1]')],
    ['with null for data', eventFrame({}, 'null')],
    ['without data', JSON.stringify({ ...EVENT, data: undefined })],
  ])('an event %s is answered as unknown', (_what, raw) => {
    expect(parseFrame(raw)).toMatchObject({ kind: 'unknown', messageId: EVENT.headers.messageId })
  })
})

describe('presses', () => {
  const expected = {
    kind: 'press',
    messageId: 'm1',
    press: {
      outTrackId: 'fd-inc-1234-a1',
      userId: 'user0002',
      ids: expect.arrayContaining([expect.objectContaining({ id: 'ack~7' })]) as unknown,
      corpId: 'dingcorpdemo01',
      spaceId: 'cidDemoGroup0001==',
    },
  }
  const inside = (privateData: unknown): string => JSON.stringify({ cardPrivateData: privateData })

  test.each<[string, Record<string, unknown>]>([
    ['as the tutorial shows it', PRESS],
    ['in value alone', { ...PRESS, content: undefined }],
    ['in content alone', { ...PRESS, value: undefined }],
    ['as objects instead of texts', { ...PRESS, content: JSON.parse(content) as unknown }],
    ['by its id alone', { ...PRESS, content: inside({ actionIds: ['ack~7'] }) }],
    ['by its parameter alone', { ...PRESS, content: inside({ params: { id: 'ack~7' } }) }],
    ['by its parameter, the ids empty', { ...PRESS, content: inside({ actionIds: [], params: { id: 'ack~7' } }) }],
    ['by a parameter beside the private data', { ...PRESS, content: JSON.stringify({ params: { id: 'ack~7' } }) }],
    [
      'with parameters in both places',
      {
        ...PRESS,
        content: JSON.stringify({ cardPrivateData: { params: { id: 'ack~7' } }, params: { id: 'wake~1' } }),
      },
    ],
    ['in value when content is no JSON', { ...PRESS, content: '' }],
  ])('the button %s', (_how, body) => {
    expect(parseFrame(pressFrame(body))).toMatchObject(expected)
  })

  test('ids that are numbers are texts here', () => {
    const body = { ...PRESS, userId: 17, content: inside({ actionIds: [5] }) }
    expect(parseFrame(pressFrame(body))).toMatchObject({ press: { userId: '17', ids: [{ by: 'actionIds', id: '5' }] } })
  })

  test('a corporation that is not named is not made up', () => {
    expect(parseFrame(pressFrame({ ...PRESS, corpId: undefined }))).toMatchObject({ press: { corpId: undefined } })
  })

  test('a press without a card is answered as unknown', () => {
    const raw = pressFrame({ ...PRESS, outTrackId: undefined })
    expect(parseFrame(raw)).toMatchObject({ kind: 'unknown', messageId: 'm1', topic: TOPIC_CARD })
  })

  // Whoever pressed is answered in words, so nothing else is demanded.
  test.each<[string, Record<string, unknown>, object]>([
    ['a user', { ...PRESS, userId: '' }, { userId: undefined }],
    ['a button', { ...PRESS, content: inside({ actionIds: [], params: {} }), value: undefined }, { ids: [] }],
    ['a readable button', { ...PRESS, content: 'no JSON', value: '[]' }, { ids: [], text: undefined }],
    ['a button that is text', { ...PRESS, content: inside({ actionIds: [{}] }), value: undefined }, { ids: [] }],
  ])('a press without %s is one', (_what, body, press) => {
    expect(parseFrame(pressFrame(body))).toMatchObject({ kind: 'press', press })
  })
})

describe('frames of the system', () => {
  test('a ping goes back with the very same data', () => {
    expect(parseFrame(systemFrame('ping', '{"opaque":"k3-77"}'))).toEqual({
      kind: 'ping',
      messageId: 'm1',
      data: '{"opaque":"k3-77"}',
    })
    expect(parseFrame(systemFrame('ping'))).toMatchObject({ data: '{}' })
  })

  test('a disconnect says why, with or without a message id', () => {
    expect(parseFrame(systemFrame('disconnect', '{"reason":"connection is expired"}'))).toEqual({
      kind: 'disconnect',
      messageId: 'm1',
      reason: 'connection is expired',
    })
    expect(parseFrame('{"type":"SYSTEM","headers":{"topic":"disconnect"},"data":"oops"}')).toEqual({
      kind: 'disconnect',
      messageId: undefined,
      reason: 'not said',
    })
  })

  test.each(['CONNECTED', 'REGISTERED', 'KEEPALIVE', 'something-new'])('%s needs no answer', (topic) => {
    expect(parseFrame(systemFrame(topic))).toEqual({ kind: 'noise', topic })
  })
})

describe('what nobody here knows', () => {
  test.each([
    ['CALLBACK', '/v1.0/im/bot/messages/get'],
    ['CALLBACK', '/v1.0/graph/api/invoke'],
    ['SOMETHING', '*'],
    ['event', '*'],
  ])('%s %s is answered as unknown', (type, topic) => {
    expect(parseFrame(JSON.stringify({ type, headers: { topic, messageId: 'm1' }, data: '{}' }))).toMatchObject({
      kind: 'unknown',
      messageId: 'm1',
      topic,
    })
  })

  test('the reason stays short, however long the topic', () => {
    const frame = parseFrame(
      JSON.stringify({ type: 'CALLBACK', headers: { topic: 'x'.repeat(1_000_000), messageId: 'm1' }, data: '{}' }),
    )
    expect(frame.kind === 'unknown' && frame.why.length).toBeLessThanOrEqual(200)
  })

  test.each<[string, string]>([
    ['nothing', ''],
    ['text', 'hello'],
    ['half a frame', '{"type":"EVENT","headers":{'],
    ['null', 'null'],
    ['a list', '[]'],
    ['a number', '5'],
    ['no type', '{"headers":{"topic":"*","messageId":"m1"}}'],
    ['no headers', '{"type":"EVENT"}'],
    ['no topic', '{"type":"EVENT","headers":{"messageId":"m1"}}'],
    ['no message id', '{"type":"EVENT","headers":{"topic":"*"},"data":"{}"}'],
    ['a message id that is none', '{"type":"EVENT","headers":{"topic":"*","messageId":{}},"data":"{}"}'],
    ['XML', '<?xml version="1.0"?><frame/>'],
  ])('%s is malformed', (_what, raw) => {
    expect(parseFrame(raw).kind).toBe('malformed')
  })

  test('no text and no JSON makes it throw', () => {
    const headers = fc.dictionary(
      fc.constantFrom('topic', 'messageId', 'eventType', 'eventId', 'eventCorpId'),
      fc.oneof(fc.string(), fc.jsonValue({ maxDepth: 1 }), fc.constantFrom('*', 'ping', 'disconnect', TOPIC_CARD)),
    )
    const nearly = fc
      .record({
        type: fc.constantFrom('EVENT', 'CALLBACK', 'SYSTEM', 'x'),
        headers,
        data: fc.oneof(fc.jsonValue(), fc.json(), fc.string()),
      })
      .map((frame) => JSON.stringify(frame))
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), nearly), (raw) => {
        const frame = parseFrame(raw)
        if (frame.kind === 'event') expect(frame.event.eventId && frame.event.eventType).not.toBe('')
        if (frame.kind === 'press') expect(Object.values(frame.press)).not.toContain('')
        if (frame.kind === 'unknown') expect(frame.messageId).toBeTypeOf('string')
      }),
      { numRuns: 500 },
    )
  })

  test('a frame of a megabyte is read like any other', () => {
    const data = JSON.stringify({ title: 'x'.repeat(1_000_000) })
    expect(parseFrame(eventFrame({}, data))).toMatchObject({ kind: 'event' })
  })
})

describe('messages to the robot', () => {
  const MESSAGE = {
    conversationId: 'cidDemoGroup0001==',
    conversationType: '2',
    conversationTitle: 'On-call A',
    chatbotCorpId: 'dingcorpdemo01',
    robotCode: 'dingdemoapp0001',
    msgId: 'msgDemo+0001==',
    msgtype: 'text',
    text: { content: ' ack 1234' },
    createAt: 1769851697001,
    senderStaffId: 'user0002',
  }
  const messageFrame = (change: Record<string, unknown>): string =>
    JSON.stringify({
      type: 'CALLBACK',
      headers: { topic: TOPIC_ROBOT, messageId: 'm1' },
      data: JSON.stringify({ ...MESSAGE, ...change }),
    })

  test('in a group, mentioning it', () => {
    expect(parseFrame(messageFrame({}))).toMatchObject({
      kind: 'message',
      messageId: 'm1',
      message: {
        msgId: 'msgDemo+0001==',
        corpId: 'dingcorpdemo01',
        group: { openConversationId: 'cidDemoGroup0001==', title: 'On-call A' },
        userId: 'user0002',
        robotCode: 'dingdemoapp0001',
        text: 'ack 1234',
        sentAt: 1769851697001,
      },
    })
  })

  test('1:1, from a robot that is not published, and when the quota is used up', () => {
    const change = { conversationType: '1', senderStaffId: undefined, text: undefined, errorCode: 20001 }
    expect(parseFrame(messageFrame(change))).toMatchObject({
      message: { group: undefined, userId: undefined, text: '' },
    })
  })

  test('without an id it is answered as unknown', () => {
    expect(parseFrame(messageFrame({ msgId: undefined }))).toMatchObject({ kind: 'unknown', topic: TOPIC_ROBOT })
  })
})
