import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Json } from './fields.ts'
import type { Answered, Office } from './rig.ts'
import { callAsApp, cardParams, createAndDeliver, groupCard, openOffice, personCard, putCard, TEMPLATE } from './rig.ts'

let office: Office

beforeEach(async () => {
  office = await openOffice()
})

afterEach(() => office.sandbox.close())

const CARRIER = expect.stringMatching(/^[A-Za-z0-9+/]{44}=$/)

const create = (office: Office, body: Json): Promise<Answered> =>
  callAsApp(office, 'POST', '/v1.0/card/instances', body)
const deliver = (office: Office, body: Json): Promise<Answered> =>
  callAsApp(office, 'POST', '/v1.0/card/instances/deliver', body)

function rowsOf({ body }: Answered): unknown {
  return (body['result'] as { deliverResults: unknown }).deliverResults
}

describe('createAndDeliver', () => {
  test('to a group: a row with the exact id, a message for every member', async () => {
    const { sandbox, app, group, li, wang } = office
    const spaceId = group.openConversationId
    expect(await createAndDeliver(office, groupCard(office))).toEqual({
      status: 200,
      body: {
        success: true,
        result: {
          outTrackId: 'card-1',
          deliverResults: [{ spaceType: 'IM_GROUP', spaceId, success: true, carrierId: CARRIER }],
        },
      },
    })
    const view = {
      outTrackId: 'card-1',
      cardTemplateId: TEMPLATE,
      title: 'P1 db down',
      facts: [],
      markdown: '**firing**',
      tips: '',
      buttons: [{ id: 'ack', text: 'Ack', color: 'blue' }],
      mentions: [],
      data: cardParams()['cardParamMap'],
    }
    expect(sandbox.control.view('card-1', li.userId)).toEqual(view)
    expect(sandbox.control.view('card-1', wang.userId)).toEqual(view)
    expect(sandbox.control.view('card-1', sandbox.control.createUser({ name: 'Stranger' }).userId)).toBeUndefined()
    expect(sandbox.control.cards()).toEqual(['card-1'])
    expect(sandbox.control.placementsOf('card-1')).toEqual({ [spaceId]: 1 })
    const [conversation] = sandbox.control.conversationsOf(wang.userId)
    expect(conversation).toMatchObject({ id: spaceId, kind: 'group', title: 'On-call A' })
    expect(conversation?.messages.at(-1)).toMatchObject({
      robotCode: app.clientId,
      content: { kind: 'card', outTrackId: 'card-1', alertContent: 'P1: db down', lastMessage: 'P1 db down' },
    })
    expect(sandbox.journal.of('view').map(({ userId, cause }) => [userId, cause])).toEqual([
      [li.userId, 'create'],
      [wang.userId, 'create'],
    ])
  })

  test('to a person: by userId or unionId, seen by nobody else', async () => {
    const { sandbox, app, li, wang } = office
    expect(rowsOf(await createAndDeliver(office, personCard(office)))).toEqual([
      { spaceType: 'IM_ROBOT', spaceId: li.userId, success: true, carrierId: CARRIER },
    ])
    const byUnionId = { outTrackId: 'card-2', userIdType: 2, openSpaceId: `dtv1.card//im_robot.${li.unionId}` }
    expect(rowsOf(await createAndDeliver(office, personCard(office, byUnionId)))).toEqual([
      { spaceType: 'IM_ROBOT', spaceId: li.unionId, success: true, carrierId: CARRIER },
    ])
    const id = `robot:${app.clientId}:${li.userId}`
    expect(sandbox.control.placementsOf('card-2')).toEqual({ [id]: 1 })
    expect(sandbox.control.conversationsOf(li.userId).find((entry) => entry.id === id)?.messages).toHaveLength(2)
    expect(sandbox.control.view('card-1', li.userId)).toMatchObject({ title: 'P1 db down' })
    expect(sandbox.control.view('card-1', wang.userId)).toBeUndefined()
  })

  test('several spaces at once: each has its row, a bad one spoils no other', async () => {
    const { sandbox, app, group, li } = office
    const bare = sandbox.control.createGroup({ title: 'No robot', memberUserIds: [li.userId] })
    const gone = sandbox.control.createGroup({ title: 'Gone', memberUserIds: [li.userId] })
    sandbox.control.installCoolApp(gone.openConversationId, app.clientId)
    sandbox.control.disbandGroup(gone.openConversationId)
    const hidden = sandbox.control.createUser({ name: 'Hidden' })
    sandbox.control.updateApp(app.clientId, { visibleTo: [li.userId] })
    const spaces = [
      `IM_GROUP.${bare.openConversationId}`,
      `IM_GROUP.${gone.openConversationId}`,
      `im_group.cidNoSuchGroup0000000000==`,
      `IM_ROBOT.${group.openConversationId}`,
      `IM_ROBOT.${hidden.userId}`,
      `IM_ROBOT.${li.userId}`,
      `IM_GROUP.${group.openConversationId}`,
    ]
    const body = { ...personCard(office), ...groupCard(office), openSpaceId: `dtv1.card//${spaces.join(';')}` }
    const failed = (spaceType: string, spaceId: string, errorMsg: string): object => ({
      spaceType,
      spaceId,
      success: false,
      errorMsg,
    })
    expect(rowsOf(await createAndDeliver(office, body))).toEqual([
      failed('IM_GROUP', bare.openConversationId, 'robot is not in the group'),
      failed('IM_GROUP', gone.openConversationId, 'group is disbanded'),
      failed('IM_GROUP', 'cidNoSuchGroup0000000000==', 'spaceId is illegal'),
      failed('IM_ROBOT', group.openConversationId, 'spaceId is illegal'),
      failed('IM_ROBOT', hidden.userId, 'user is not in the visible scope of the app'),
      { spaceType: 'IM_ROBOT', spaceId: li.userId, success: true, carrierId: CARRIER },
      { spaceType: 'IM_GROUP', spaceId: group.openConversationId, success: true, carrierId: CARRIER },
    ])
    expect(Object.values(sandbox.control.placementsOf('card-1'))).toEqual([1, 1])
  })

  test('a space without its models is empty', async () => {
    const empty = [{ success: false, errorMsg: 'spaces of card is empty' }]
    const noModel = groupCard(office, { imGroupOpenSpaceModel: undefined })
    expect(rowsOf(await createAndDeliver(office, noModel))).toMatchObject(empty)
    const noDelivery = groupCard(office, { outTrackId: 'card-2', imGroupOpenDeliverModel: undefined })
    expect(rowsOf(await createAndDeliver(office, noDelivery))).toMatchObject(empty)
    const noRobot = personCard(office, { outTrackId: 'card-3', imRobotOpenDeliverModel: undefined })
    expect(rowsOf(await createAndDeliver(office, noRobot))).toMatchObject(empty)
    expect(office.sandbox.control.placementsOf('card-1')).toEqual({})
  })

  test('the robot must be the one in the group', async () => {
    const { sandbox, app, group } = office
    sandbox.control.installCoolApp(group.openConversationId, app.clientId, { robotCode: 'robotOfThisGroup' })
    const as = (outTrackId: string, robotCode: string): Promise<Answered> =>
      createAndDeliver(office, groupCard(office, { outTrackId, imGroupOpenDeliverModel: { robotCode } }))
    expect(rowsOf(await as('card-1', 'robotOfThisGroup'))).toMatchObject([{ success: true }])
    expect(rowsOf(await as('card-2', app.clientId))).toMatchObject([{ success: true }])
    expect(rowsOf(await as('card-3', 'robotOfAnother'))).toMatchObject([
      { success: false, errorMsg: 'robot does not belong to the app' },
    ])
    sandbox.control.uninstallCoolApp(group.openConversationId, app.clientId)
    expect(rowsOf(await as('card-4', app.clientId))).toMatchObject([
      { success: false, errorMsg: 'robot is not in the group' },
    ])
  })

  test('recipients limit who sees the card in the group', async () => {
    const { sandbox, app, li, wang } = office
    const imGroupOpenDeliverModel = { robotCode: app.clientId, recipients: [wang.userId] }
    await createAndDeliver(office, groupCard(office, { imGroupOpenDeliverModel }))
    expect(sandbox.control.view('card-1', wang.userId)).toBeDefined()
    expect(sandbox.control.view('card-1', li.userId)).toBeUndefined()
  })

  test.for<[string, Json]>([
    ['param.outTrackIdEmpty', { outTrackId: '' }],
    ['outTrackId.outOfLimit', { outTrackId: 'x'.repeat(65) }],
    ['param.cardTemplateIdEmpty', { cardTemplateId: undefined }],
    ['param.templateNotExist', { cardTemplateId: '11111111-2222-4333-8444-555555555555.schema' }],
    ['param.cardPublicDataEmpty', { cardData: undefined }],
    ['param.invalid', { cardData: { cardParamMap: { count: 3 } } }],
    ['param.invalid', { cardData: { cardParamMap: { buttons: [] } } }],
    ['param.invalid', { callbackType: 'stream' }],
    ['param.callbackRouteKeyEmpty', { callbackType: 'HTTP' }],
    ['param.invalid', { userIdType: 3 }],
    ['param.userIdNotExist', { privateData: { nobody: { cardParamMap: {} } } }],
    ['param.openSpaceIdEmpty', { openSpaceId: undefined }],
    ['param.openSpaceIdInvalid', { openSpaceId: 'IM_GROUP.cidX==' }],
    ['param.openSpaceIdInvalid', { openSpaceId: 'dtv1.card//IM_NOWHERE.cidX==' }],
    ['param.openSpaceIdInvalid', { openSpaceId: 'dtv1.card//IM_GROUP.' }],
    ['param.openSpaceIdInvalid', { openSpaceId: `dtv1.card//IM_GROUP.${'x'.repeat(1000)}` }],
    ['param.openSpaceModelInvalid', { imGroupOpenSpaceModel: {} }],
    ['param.openDeliverModelError', { imGroupOpenDeliverModel: {} }],
    ['param.openDeliverModelError', { imRobotOpenDeliverModel: {} }],
  ])('%s for %o', async ([code, fields]) => {
    const refused = await createAndDeliver(office, groupCard(office, fields))
    expect(refused).toMatchObject({ status: 400, body: { code } })
    expect(Object.keys(refused.body).sort()).toEqual(['code', 'message', 'requestid'])
    expect(office.sandbox.control.cards()).toEqual([])
  })

  test('64 characters and 1000 characters are still good', async () => {
    const body = groupCard(office, { outTrackId: 'x'.repeat(64) })
    const pad = 1000 - String(body['openSpaceId']).length - ';IM_ROBOT.'.length
    body['openSpaceId'] += `;IM_ROBOT.${'9'.repeat(pad)}`
    expect(rowsOf(await createAndDeliver(office, body))).toMatchObject([{ success: true }, { success: false }])
  })

  test('an outTrackId is good once', async () => {
    await createAndDeliver(office, groupCard(office))
    const again = await createAndDeliver(office, groupCard(office, { cardData: cardParams({ title: 'other' }) }))
    expect(again).toMatchObject({ status: 400, body: { code: 'param.cardAlreadyExist' } })
    expect(await create(office, groupCard(office))).toMatchObject({ body: { code: 'param.cardAlreadyExist' } })
    expect(office.sandbox.control.view('card-1', office.li.userId)).toMatchObject({ title: 'P1 db down' })
    expect(Object.values(office.sandbox.control.placementsOf('card-1'))).toEqual([1])
  })

  test('private data for more than 20 users in one call is refused', async () => {
    const users = Array.from({ length: 21 }, () => office.sandbox.control.createUser({ name: 'U' }))
    const privateData = Object.fromEntries(users.map(({ userId }) => [userId, { cardParamMap: { a: 'b' } }]))
    expect(await createAndDeliver(office, groupCard(office, { privateData }))).toMatchObject({
      status: 400,
      body: { code: 'param.invalid' },
    })
  })
})

describe('create, then deliver', () => {
  test('a card reaches people only when delivered, and again each time', async () => {
    const { sandbox, group, li } = office
    expect(await create(office, groupCard(office))).toEqual({ status: 200, body: { success: true, result: 'card-1' } })
    expect(sandbox.control.view('card-1', li.userId)).toBeUndefined()
    const delivered = await deliver(office, groupCard(office))
    expect(delivered).toEqual({
      status: 200,
      body: {
        success: true,
        result: [{ spaceType: 'IM_GROUP', spaceId: group.openConversationId, success: true, carrierId: CARRIER }],
      },
    })
    expect(sandbox.control.view('card-1', li.userId)).toBeDefined()
    await deliver(office, groupCard(office))
    expect(sandbox.control.placementsOf('card-1')).toEqual({ [group.openConversationId]: 2 })
    expect(sandbox.journal.of('view').map(({ cause }) => cause)).toContain('deliver')
  })

  test('delivery needs the deliver model of each space, and a card', async () => {
    await create(office, groupCard(office))
    const noModel = groupCard(office, { imGroupOpenDeliverModel: undefined })
    const refused = { status: 400, body: { code: 'param.spaceDeliverModelEmpty' } }
    expect(await deliver(office, noModel)).toMatchObject(refused)
    const other = groupCard(office, { outTrackId: 'card-2' })
    expect(await deliver(office, other)).toMatchObject({ status: 400, body: { code: 'param.cardNotExist' } })
  })

  test('a space for which creation brought no model stays empty', async () => {
    await create(office, groupCard(office))
    expect(await deliver(office, personCard(office))).toMatchObject({
      status: 200,
      body: { result: [{ success: false, errorMsg: 'spaces of card is empty' }] },
    })
  })
})

describe('PUT', () => {
  test('replaces everything unless told by key', async () => {
    const { sandbox, li } = office
    await createAndDeliver(office, groupCard(office, { cardData: { cardParamMap: { title: 'a', markdown: 'b' } } }))
    const byKey = { cardUpdateOptions: { updateCardDataByKey: true } }
    const put = (cardParamMap: Json, options: Json = {}): Promise<Answered> =>
      putCard(office, { outTrackId: 'card-1', cardData: { cardParamMap }, ...options })
    expect(await put({ markdown: 'c' }, byKey)).toEqual({ status: 200, body: { success: true, result: true } })
    expect(sandbox.control.view('card-1', li.userId)?.data).toEqual({ title: 'a', markdown: 'c' })
    await put({ tips: 'd' })
    expect(sandbox.control.view('card-1', li.userId)).toMatchObject({ title: '', data: { tips: 'd' } })
    expect(sandbox.control.view('card-1', li.userId)?.data).toEqual({ tips: 'd' })
  })

  test('reaches every viewer in every place', async () => {
    const { sandbox, li, wang } = office
    const user = sandbox.control.createUser({ name: 'Zhao' })
    const openSpaceId = `${String(groupCard(office)['openSpaceId'])};IM_ROBOT.${user.userId}`
    await createAndDeliver(office, { ...personCard(office), ...groupCard(office), openSpaceId })
    await putCard(office, { outTrackId: 'card-1', cardData: cardParams({ tips: 'acked' }) })
    for (const { userId } of [li, wang, user]) {
      expect(sandbox.control.view('card-1', userId)).toMatchObject({ tips: 'acked' })
    }
    const puts = sandbox.journal.of('view').filter(({ cause }) => cause === 'put')
    expect(puts.map(({ userId }) => userId)).toEqual([li.userId, wang.userId, user.userId])
  })

  test('private data lies over public data, for its user alone', async () => {
    const { sandbox, li, wang } = office
    const privateData = { [li.userId]: { cardParamMap: { tips: 'for Li', a: '1' } } }
    await createAndDeliver(office, groupCard(office, { privateData }))
    expect(sandbox.control.view('card-1', li.userId)).toMatchObject({ title: 'P1 db down', tips: 'for Li' })
    expect(sandbox.control.view('card-1', wang.userId)).toMatchObject({ tips: '' })
    const put = (userId: string, cardUpdateOptions: Json): Promise<Answered> =>
      putCard(office, {
        outTrackId: 'card-1',
        privateData: { [userId]: { cardParamMap: { tips: 'new' } } },
        cardUpdateOptions,
      })
    await put(li.userId, { updatePrivateDataByKey: true })
    expect(sandbox.control.view('card-1', li.userId)?.data).toMatchObject({ tips: 'new', a: '1' })
    await put(wang.userId, {})
    expect(sandbox.control.view('card-1', wang.userId)).toMatchObject({ tips: 'new', title: 'P1 db down' })
    expect(sandbox.control.view('card-1', li.userId)?.data).not.toHaveProperty('a')
  })

  test('the 501st user with private data is refused', async () => {
    await createAndDeliver(office, groupCard(office))
    const put = (users: number): Promise<Answered> => {
      const ids = Array.from({ length: users }, () => office.sandbox.control.createUser({ name: 'U' }).userId)
      const privateData = Object.fromEntries(ids.map((id) => [id, { cardParamMap: { a: 'b' } }]))
      const cardUpdateOptions = { updatePrivateDataByKey: true }
      return putCard(office, { outTrackId: 'card-1', privateData, cardUpdateOptions })
    }
    for (let calls = 0; calls < 25; calls += 1) expect((await put(20)).status).toBe(200)
    expect(await put(1)).toMatchObject({ status: 400, body: { code: 'param.invalid' } })
  })

  test.for<[string, Json]>([
    ['param.cardNotExist', { outTrackId: 'card-2' }],
    ['param.outTrackIdEmpty', { outTrackId: undefined }],
    ['param.cardDataAndPrivateDataBothEmpty', { cardData: undefined }],
    ['param.invalid', { cardData: { cardParamMap: { count: 1 } } }],
  ])('%s for %o', async ([code, fields]) => {
    await createAndDeliver(office, groupCard(office))
    const body = { outTrackId: 'card-1', cardData: { cardParamMap: { tips: 'x' } }, ...fields }
    expect(await putCard(office, body)).toMatchObject({ status: 400, body: { code } })
    expect(office.sandbox.control.view('card-1', office.li.userId)?.tips).toBe('')
  })

  test('the card of another app does not exist', async () => {
    await createAndDeliver(office, groupCard(office))
    const other = office.sandbox.control.createApp()
    const keys = { appKey: other.clientId, appSecret: other.clientSecret }
    const { body } = await callAsApp(office, 'POST', '/v1.0/oauth2/accessToken', keys)
    const stranger = { ...office, token: String(body['accessToken']) }
    expect(await putCard(stranger, { outTrackId: 'card-1', cardData: cardParams() })).toMatchObject({
      body: { code: 'param.cardNotExist' },
    })
  })

  test('can be refused when it follows too closely, card by card', async () => {
    const office = await openOffice({ cardUpdateSpacingMs: 60_000 })
    await createAndDeliver(office, groupCard(office))
    await createAndDeliver(office, groupCard(office, { outTrackId: 'card-2' }))
    const put = (outTrackId: string, tips: string): Promise<Answered> =>
      putCard(office, { outTrackId, cardData: cardParams({ tips }) })
    expect((await put('card-1', 'a')).status).toBe(200)
    expect((await put('card-2', 'a')).status).toBe(200)
    expect((await put('card-1', 'b')).status).toBe(403)
    expect(office.sandbox.control.view('card-1', office.li.userId)).toMatchObject({ tips: 'a' })
    await office.sandbox.close()
  })
})

describe('drawing', () => {
  const draw = async (office: Office, sys_full_json_obj: string): Promise<unknown> => {
    await createAndDeliver(office, groupCard(office, { cardData: cardParams({ sys_full_json_obj }) }))
    return office.sandbox.control.view('card-1', office.li.userId)?.buttons
  }

  test('callback buttons by id or params.id, link buttons by url', async () => {
    const msgButtons = [
      { text: 'Ack', color: 'blue', id: 'ack', request: true },
      { text: 'Snooze', color: 'gray', params: { id: 'snooze' }, request: true },
      { text: 'Open', color: 'gray', url: 'https://example.com', iosUrl: 'https://example.com' },
      { text: 'Dead', color: 'gray', id: 'dead' },
    ]
    expect(await draw(office, JSON.stringify({ msgButtons }))).toEqual([
      { text: 'Ack', color: 'blue', id: 'ack' },
      { text: 'Snooze', color: 'gray', id: 'snooze' },
      { text: 'Open', color: 'gray', url: 'https://example.com' },
    ])
  })

  test('at most six buttons', async () => {
    const msgButtons = Array.from({ length: 8 }, (_, n) => ({
      text: `${n}`,
      color: 'gray',
      id: `b${n}`,
      request: true,
    }))
    expect(await draw(office, JSON.stringify({ msgButtons }))).toHaveLength(6)
  })

  test.for(['', 'not json', '[]', '{"buttons":[]}'])('no buttons from %j', async (text) => {
    expect(await draw(office, text)).toEqual([])
  })
})
