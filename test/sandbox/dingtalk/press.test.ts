import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Json } from './fields.ts'
import type { Answerer, Office } from './rig.ts'
import type { DingTalkSettings, PressManner } from './types.ts'
import {
  ACK,
  cardParams,
  createAndDeliver,
  groupCard,
  IMPATIENT,
  openOffice,
  openStream,
  personCard,
  polite,
  putCard,
  reopen,
} from './rig.ts'

let office: Office

beforeEach(async () => {
  office = await openOffice()
})

afterEach(() => office.sandbox.close())

const BY_KEY = { updateCardDataByKey: true, updatePrivateDataByKey: true }

function answering(response: unknown): Answerer {
  return (frame) => (frame.type === 'CALLBACK' ? { data: { response } } : polite(frame))
}

const pressAck = (office: Office, fields: Json = {}): ReturnType<Office['sandbox']['control']['press']> =>
  office.sandbox.control.press({ outTrackId: 'card-1', userId: office.li.userId, buttonId: 'ack', ...fields })

describe('the push', () => {
  test('has the documented frame', async () => {
    const { app, group, li } = office
    await createAndDeliver(office, groupCard(office))
    const stream = await openStream(office)
    expect(await pressAck(office)).toMatchObject({ outcome: 'answered', response: {} })
    const content = JSON.stringify({ cardPrivateData: { actionIds: ['ack'], params: ACK.params } })
    const frame = stream.frames[0]!
    expect(frame).toEqual({
      specVersion: '1.0',
      type: 'CALLBACK',
      headers: {
        appId: app.unifiedAppId,
        connectionId: stream.id,
        contentType: 'application/json',
        messageId: expect.any(String),
        time: expect.stringMatching(/^\d{13}$/),
        topic: '/v1.0/card/instances/callback',
      },
      data: expect.any(String),
    })
    expect(JSON.parse(frame.data)).toEqual({
      extension: '{}',
      corpId: app.corpId,
      spaceType: 'im',
      spaceId: group.openConversationId,
      userIdType: 1,
      userId: li.userId,
      type: 'actionCallback',
      outTrackId: 'card-1',
      content,
      value: content,
    })
  })

  test('names the presser as the card does, and a conversation of the 1:1 chat', async () => {
    const { li } = office
    const fields = { userIdType: 2, openSpaceId: `dtv1.card//IM_ROBOT.${li.unionId}` }
    await createAndDeliver(office, personCard(office, fields))
    const stream = await openStream(office)
    await pressAck(office)
    const data = JSON.parse(stream.frames[0]!.data) as Json
    expect(data).toMatchObject({ userIdType: 2, userId: li.unionId, spaceId: expect.stringMatching(/^cid.*==$/) })
  })

  // D 6.7: what bots on real tenants have found, each on its template.
  const NODE = 'single_button_node_x'
  test.for<[PressManner, Json]>([
    ['own-id', { cardPrivateData: { actionIds: ['ack'], params: ACK.params } }],
    ['node', { cardPrivateData: { actionIds: [NODE], params: ACK.params } }],
    ['node-text', { cardPrivateData: { actionIds: [NODE], params: { text: 'Ack' } } }],
    ['index', { cardPrivateData: { actionIds: ['ack0'], params: {} } }],
    ['beside', { cardPrivateData: { actionIds: [NODE], params: {} }, params: ACK.params }],
  ])('names the button in the manner %s', async ([manner, named]) => {
    office = await reopen(office, { pressManner: manner })
    await createAndDeliver(office, groupCard(office))
    const stream = await openStream(office)
    await pressAck(office)
    const data = JSON.parse(stream.frames[0]!.data) as { content: string; value: string }
    expect(JSON.parse(data.content)).toEqual(named)
    expect(data.value).toBe(data.content)
    await pressAck(office, { manner: 'own-id' })
    const own = JSON.parse(stream.frames[1]!.data) as { content: string }
    expect(JSON.parse(own.content)).toMatchObject({ cardPrivateData: { actionIds: ['ack'] } })
  })

  test('names it in each manner in turn, but for a button that is not drawn', async () => {
    office = await reopen(office, { pressManner: 'each-in-turn' })
    await createAndDeliver(office, groupCard(office))
    const stream = await openStream(office)
    const named = () => {
      const { content } = JSON.parse(stream.frames.at(-1)!.data) as { content: string }
      return (JSON.parse(content) as { cardPrivateData: { actionIds: string[] } }).cardPrivateData.actionIds[0]
    }
    const ids: (string | undefined)[] = []
    for (let press = 0; press < 6; press++) {
      await pressAck(office)
      ids.push(named())
      await pressAck(office, { buttonId: 'elsewhere', force: true })
      expect(named()).toBe('elsewhere')
    }
    expect(ids).toEqual(['ack', NODE, NODE, 'ack0', NODE, 'ack'])
  })

  test('in a loop all items share a layout node, and the params are those of the item', async () => {
    const cardTemplateId = office.sandbox.control.createTemplate(office.app.clientId)
    const buttons = [
      { id: 'ack', text: 'Ack', color: 'blue' },
      { id: 'resolve', text: 'Resolve', color: 'gray' },
    ]
    const cardData = { cardParamMap: { title: 't', buttons: JSON.stringify(buttons) } }
    await createAndDeliver(office, groupCard(office, { cardTemplateId, cardData }))
    const stream = await openStream(office)
    await pressAck(office, { buttonId: 'resolve', manner: 'node' })
    await pressAck(office, { buttonId: 'resolve', manner: 'index' })
    expect(
      stream.frames.map(({ data }) => JSON.parse((JSON.parse(data) as { content: string }).content) as unknown),
    ).toEqual([
      { cardPrivateData: { actionIds: [NODE], params: { id: 'resolve' } } },
      { cardPrivateData: { actionIds: ['resolve1'], params: {} } },
    ])
  })

  test('a button with params only comes without actionIds', async () => {
    const button = { text: 'Ack', color: 'blue', request: true, params: { id: 'ack' } }
    await createAndDeliver(office, groupCard(office, { cardData: cardParams({}, [button]) }))
    const stream = await openStream(office)
    await pressAck(office)
    const data = JSON.parse(stream.frames[0]!.data) as { content: string }
    expect(JSON.parse(data.content)).toEqual({ cardPrivateData: { actionIds: [], params: { id: 'ack' } } })
  })

  test('only a button of the own view can be pressed, unless forced', async () => {
    await createAndDeliver(office, groupCard(office))
    const stream = await openStream(office)
    await expect(pressAck(office, { buttonId: 'resolve' })).rejects.toThrow('has no button resolve')
    const { userId } = office.sandbox.control.createUser({ name: 'Stranger' })
    await expect(pressAck(office, { userId })).rejects.toThrow('has no button ack')
    expect(stream.frames).toEqual([])
    expect(await pressAck(office, { buttonId: 'resolve', force: true })).toMatchObject({ outcome: 'answered' })
    const data = JSON.parse(stream.frames[0]!.data) as { content: string }
    expect(JSON.parse(data.content)).toEqual({ cardPrivateData: { actionIds: ['resolve'], params: { id: 'resolve' } } })
  })
})

describe('the answer', () => {
  test('changes the view of the presser, until the next PUT', async () => {
    const { sandbox, li, wang } = office
    await createAndDeliver(office, groupCard(office))
    const response = {
      cardUpdateOptions: BY_KEY,
      cardData: { cardParamMap: { tips: 'acked by you' } },
      userPrivateData: { cardParamMap: { toast: 'done' } },
    }
    await openStream(office, answering(response))
    const result = await pressAck(office)
    const data = { tips: 'acked by you', toast: 'done', title: 'P1 db down' }
    expect(result).toMatchObject({ outcome: 'answered', response, view: { tips: 'acked by you', data } })
    expect(sandbox.control.view('card-1', li.userId)?.data).toMatchObject(data)
    expect(sandbox.control.view('card-1', wang.userId)).toMatchObject({ tips: '' })
    expect(sandbox.journal.of('view').at(-1)).toMatchObject({ userId: li.userId, cause: 'press-answer' })

    const cardUpdateOptions = { updateCardDataByKey: true }
    await putCard(office, { outTrackId: 'card-1', cardData: { cardParamMap: { markdown: 'm' } }, cardUpdateOptions })
    expect(sandbox.control.view('card-1', li.userId)).toEqual(sandbox.control.view('card-1', wang.userId))
    expect(sandbox.control.view('card-1', li.userId)).toMatchObject({ tips: '', markdown: 'm' })
  })

  test('without by-key options it replaces the view of the presser', async () => {
    await createAndDeliver(office, groupCard(office))
    await openStream(office, answering({ cardUpdateOptions: {}, cardData: { cardParamMap: { tips: 'only this' } } }))
    expect(await pressAck(office)).toMatchObject({ view: { title: '', markdown: '', buttons: [], tips: 'only this' } })
    expect(office.sandbox.control.view('card-1', office.wang.userId)).toMatchObject({ title: 'P1 db down' })
  })

  // Programs in production answer so and keep their cards; what the vendor's page says of updates would blank them.
  test.for<[DingTalkSettings['answerWithoutOptions'], string]>([
    ['merge', 'P1 db down'],
    ['replace', ''],
  ])('without any options a setting says whether it is a %s', async ([answerWithoutOptions, title]) => {
    office = await reopen(office, { answerWithoutOptions })
    await createAndDeliver(office, groupCard(office))
    await openStream(office, answering({ cardData: { cardParamMap: { tips: 'this' } } }))
    expect(await pressAck(office)).toMatchObject({ outcome: 'answered', view: { title, tips: 'this' } })
  })

  test('what is public and what is the presser’s own are replaced each by itself', async () => {
    await createAndDeliver(office, groupCard(office))
    const answers: unknown[] = [
      { cardUpdateOptions: BY_KEY, userPrivateData: { cardParamMap: { mine: 'm' } } },
      { cardUpdateOptions: {}, cardData: { cardParamMap: { tips: 'all there is' } } },
      { cardUpdateOptions: {}, userPrivateData: { cardParamMap: { other: 'o' } } },
    ]
    await openStream(office, () => ({ data: { response: answers.shift() } }))
    const seen: unknown[] = []
    for (let index = 0; index < 3; index++) {
      const pressed = await pressAck(office, { force: true })
      seen.push(pressed.outcome === 'answered' && pressed.view.data)
    }
    expect(seen[0]).toMatchObject({ mine: 'm', title: 'P1 db down' })
    expect(seen.slice(1)).toEqual([
      { mine: 'm', tips: 'all there is' },
      { other: 'o', tips: 'all there is' },
    ])
  })

  // As Go's and the vendor's channel client do.
  test.for<[string, unknown]>([
    ['a word', { response: 'OK' }],
    ['no response', { success: true }],
    ['null', { response: null }],
    ['an empty response', { response: {} }],
  ])('%s is taken, and changes nothing', async ([, data]) => {
    await createAndDeliver(office, groupCard(office))
    await openStream(office, () => ({ data }))
    const before = office.sandbox.control.view('card-1', office.li.userId)
    expect(await pressAck(office)).toMatchObject({ outcome: 'answered', view: before })
  })

  test.for<[string, Answerer, string]>([
    ['silence', () => undefined, 'no reply in time'],
    ['a code other than 200', () => ({ code: 500, data: { response: {} } }), 'reply has code 500'],
    [
      'a number among the values',
      () => ({ data: { response: { cardData: { cardParamMap: { n: 1 } } } } }),
      'all strings',
    ],
  ])('%s fails the press', async ([, answer, reason]) => {
    if (reason === 'no reply in time') office = await reopen(office, IMPATIENT)
    await createAndDeliver(office, groupCard(office))
    await openStream(office, answer)
    const before = office.sandbox.control.view('card-1', office.li.userId)
    expect(await pressAck(office)).toMatchObject({ outcome: 'failed', reason: expect.stringContaining(reason) })
    expect(office.sandbox.control.view('card-1', office.li.userId)).toEqual(before)
  })

  test('data that is no text changes nothing', async () => {
    await createAndDeliver(office, groupCard(office))
    const stream = await openStream(office, () => undefined)
    stream.socket.on('message', (raw: Buffer) => {
      const { headers } = JSON.parse(raw.toString('utf8')) as { headers: Json }
      stream.send({ code: 200, headers, message: 'OK', data: { response: {} } })
    })
    expect(await pressAck(office)).toMatchObject({ outcome: 'answered', response: {} })
  })

  test('without a connection, or one that wants cards, the press fails at once', async () => {
    await createAndDeliver(office, groupCard(office))
    expect(await pressAck(office)).toEqual({ outcome: 'failed', tookMs: 0, reason: 'no connection' })
    await openStream(office, polite, [{ type: 'EVENT', topic: '*' }])
    expect(await pressAck(office)).toMatchObject({ reason: 'no connection' })
  })

  test('a card made for HTTP callbacks sends nothing over Stream', async () => {
    await createAndDeliver(office, groupCard(office, { callbackType: 'HTTP', callbackRouteKey: 'route' }))
    const stream = await openStream(office)
    expect(await pressAck(office)).toMatchObject({ outcome: 'failed' })
    expect(stream.frames).toEqual([])
  })
})
