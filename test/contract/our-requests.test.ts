import type CardModule from '@alicloud/dingtalk/dist/card_1_0/client.js'
import type ImModule from '@alicloud/dingtalk/dist/im_1_0/client.js'
import type OauthModule from '@alicloud/dingtalk/dist/oauth2_1_0/client.js'
import type RobotModule from '@alicloud/dingtalk/dist/robot_1_0/client.js'
import type OpenApi from '@alicloud/openapi-client'
import type TeaUtil from '@alicloud/tea-util'
import axios from 'axios'
import { DWClient, EventAck, TOPIC_CARD, TOPIC_ROBOT } from 'dingtalk-stream'
import { createRequire } from 'node:module'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'

import { createAndDeliver, deliverCard, updateCard } from '../../src/dingtalk/cards.ts'
import { registerCardRoute } from '../../src/dingtalk/card-routes.ts'
import { createDingTalkClient, type DingTalkClient } from '../../src/dingtalk/client.ts'
import { queryGroupMembers } from '../../src/dingtalk/group-members.ts'
import { queryGroup, queryRobots } from '../../src/dingtalk/groups.ts'
import { sendToGroup, sendToPerson } from '../../src/dingtalk/messages.ts'
import { createOutbound } from '../../src/outbound.ts'
import { createRoom } from '../../src/room.ts'
import { CONNECTION_SETTINGS, openConnection } from '../../src/stream/connection.ts'
import { DEADLINES, routeFrame } from '../../src/stream/router.ts'
import { eventually } from '../support/eventually.ts'
import { type RecordedRequest, type Recorder, startRecorder } from './recorder.ts'

/**
 * What this daemon sends beside what the vendor's own clients send for the same thing, word for word on the wire. A
 * body of ours is put through the vendor's request model, which keeps the keys it knows and drops all others, so a
 * misspelled key of ours is missing from the vendor's body and the two differ.
 */

const require = createRequire(import.meta.url)
const card = require('@alicloud/dingtalk/dist/card_1_0/client.js') as typeof CardModule
const oauth = require('@alicloud/dingtalk/dist/oauth2_1_0/client.js') as typeof OauthModule
const im = require('@alicloud/dingtalk/dist/im_1_0/client.js') as typeof ImModule
const robot = require('@alicloud/dingtalk/dist/robot_1_0/client.js') as typeof RobotModule
const { Config } = require('@alicloud/openapi-client') as typeof OpenApi
const { RuntimeOptions } = require('@alicloud/tea-util') as typeof TeaUtil

const app = { clientId: 'dingdemoapp0001', clientSecret: 'demo-secret-not-real' }
const TOKEN = 'a1b2c3d4e5f6a7b8c9d0'
const GROUP = 'cidDemo+Group/0001=='
const runtime = new RuntimeOptions({})
const clock = { nowMs: () => 1_769_851_700_000 }
const FLOW = { enter: () => {}, leave: () => {} }
const QUIET_LINE = { waitedMs: 0, flow: FLOW, onPing: () => {}, onPush: () => {}, onDisconnect: () => {} }
const outbound = createOutbound()

let recorder: Recorder
let client: DingTalkClient
let config: InstanceType<typeof Config>

beforeAll(async () => {
  recorder = await startRecorder({
    '/v1.0/oauth2/accessToken': { accessToken: TOKEN, expireIn: 7200 },
    '/v1.0/card/instances/createAndDeliver': { success: true, result: { deliverResults: [{ success: true }] } },
    '/v1.0/card/instances/deliver': { success: true, result: [{ success: true }] },
    '/v1.0/card/instances': { success: true, result: true },
    '/v1.0/card/callbacks/register': {
      success: true,
      result: { callbackUrl: 'https://oncall.example.com/kept', apiSecret: 'kept' },
    },
    '/v1.0/im/sceneGroups/query': { success: true, title: 'On-call A', status: 1 },
    '/v1.0/im/sceneGroups/members/batchQuery': { success: true, memberUserIds: [], hasMore: false },
    '/v1.0/robot/groups/robots/query': { chatbotInstanceVOList: [{ robotCode: 'dingdemoapp0001' }] },
  })
  config = new Config({ protocol: 'HTTP', endpoint: new URL(recorder.url).host })
})

beforeEach(() => {
  recorder.requests.length = 0
  client = createDingTalkClient(app, { apiUrl: recorder.url, send: outbound.send, clock })
})

afterAll(async () => {
  await outbound.close()
  await recorder.close()
})

type Model = { toMap(): unknown }

/** Our call, then the vendor's with our body: both as they arrived. */
async function sentByBoth(
  ours: () => Promise<unknown>,
  vendors: (body: Record<string, unknown>) => Promise<unknown>,
): Promise<{ our: RecordedRequest; vendor: RecordedRequest }> {
  await ours()
  const our = recorder.requests.at(-1)
  if (!our) throw new Error('we sent nothing')
  const before = recorder.requests.length
  await vendors(our.body as Record<string, unknown>)
  const vendor = recorder.requests[before]
  if (!vendor) throw new Error('the vendor sent nothing')
  return { our, vendor }
}

/** Charset apart: ours is JSON, which is UTF-8 by definition; the vendor's says so once more. */
const essence = ({ method, path, headers, body }: RecordedRequest) => ({
  method,
  path,
  contentType: headers['content-type']?.split(';')[0],
  accept: headers['accept'],
  token: headers['x-acs-dingtalk-access-token'],
  body,
})

/** Same on the wire, and every value of the type that the vendor's model declares. */
function expectSame(sent: { our: RecordedRequest; vendor: RecordedRequest }, model: VendorType): void {
  expect(essence(sent.our)).toEqual(essence(sent.vendor))
  expect(mistyped(model, sent.our.body, '')).toEqual([])
}

type VendorType = string | { type: 'array'; itemType: VendorType } | { type: 'map'; valueType: VendorType } | ModelClass
type ModelClass = { types(): Record<string, VendorType> }

/** Paths of values that are not what the model says. */
function mistyped(type: VendorType, value: unknown, path: string): string[] {
  if (type === 'any') return []
  if (typeof type === 'string') return typeof value === type ? [] : [`${path} is a ${typeof value}, not a ${type}`]
  if (typeof value !== 'object' || value === null) return [`${path} is a ${typeof value}`]
  if ('itemType' in type) {
    if (!Array.isArray(value)) return [`${path} is no array`]
    return value.flatMap((item: unknown, index) => mistyped(type.itemType, item, `${path}[${index}]`))
  }
  const entries: [string, unknown][] = Object.entries(value)
  if ('valueType' in type) return entries.flatMap(([key, inner]) => mistyped(type.valueType, inner, `${path}.${key}`))
  const types = type.types()
  return entries.flatMap(([key, inner]) => mistyped(types[key] ?? 'unknown key', inner, `${path}.${key}`))
}

const drawn = {
  pushText: '🔴 P1 数据库主库宕机',
  lastMessage: { 'zh-CN': '🔴 P1 数据库主库宕机', 'en-US': '🔴 P1 database down' },
  cardParamMap: { title: 'P1', markdown: '**down**', tips: '', sys_full_json_obj: '{"msgButtons":[]}' },
}
const spaces = [
  { kind: 'group' as const, targetId: GROUP },
  { kind: 'person' as const, targetId: 'user0002' },
]
const MENTIONS = [
  { userId: 'user0002', name: '李四' },
  { userId: 'user0003', name: '张三' },
]
const newCard = {
  outTrackId: 'fd-incident-1',
  templateId: '1366a1eb-bc54-4859-ac88-517c56a9acb1.schema',
  callbackType: 'STREAM' as const,
  robotCode: app.clientId,
  drawn,
}

describe('the Open API calls are the vendor’s', () => {
  test('access token', async () => {
    const sent = await sentByBoth(
      // The token is fetched on the way to another call, hence that call first.
      async () => {
        await queryGroup(client, { openConversationId: GROUP, coolAppCode: undefined })
        recorder.requests.pop()
      },
      (body) => new oauth.default(config).getAccessToken(new oauth.GetAccessTokenRequest(body)),
    )
    expectSame(sent, oauth.GetAccessTokenRequest)
    expect(sent.our).toMatchObject({ method: 'POST', path: '/v1.0/oauth2/accessToken' })
    expect(sent.our.headers['x-acs-dingtalk-access-token']).toBeUndefined()
  })

  test.for([
    ['a group', spaces.slice(0, 1)],
    ['a person', spaces.slice(1)],
    ['both at once', spaces],
  ] as const)('createAndDeliver to %s', async ([, targets]) => {
    const sent = await sentByBoth(
      () => createAndDeliver(client, { ...newCard, spaces: [...targets] }),
      (body) => {
        const request = new card.CreateAndDeliverRequest(body)
        const headers = new card.CreateAndDeliverHeaders({ xAcsDingtalkAccessToken: TOKEN })
        return new card.default(config).createAndDeliverWithOptions(request, headers, runtime)
      },
    )
    expectSame(sent, card.CreateAndDeliverRequest)
    expect(sent.our).toMatchObject({ method: 'POST', path: '/v1.0/card/instances/createAndDeliver' })
    expect(sent.our.headers['x-acs-dingtalk-access-token']).toBe(TOKEN)
  })

  test('createAndDeliver of a card whose presses return over HTTP', async () => {
    const route = { callbackType: 'HTTP' as const, callbackRouteKey: 'fd-route' }
    const sent = await sentByBoth(
      () => createAndDeliver(client, { ...newCard, ...route, spaces: [...spaces] }),
      (body) => {
        const request = new card.CreateAndDeliverRequest(body)
        const headers = new card.CreateAndDeliverHeaders({ xAcsDingtalkAccessToken: TOKEN })
        return new card.default(config).createAndDeliverWithOptions(request, headers, runtime)
      },
    )
    expectSame(sent, card.CreateAndDeliverRequest)
    expect(sent.our.body).toMatchObject(route)
  })

  test('the address for presses, without force and then with it, since another one is kept', async () => {
    const route = { routeKey: 'fd-route', url: 'https://oncall.example.com/card/push/dingtalk', apiSecret: 'demo' }
    const register = (body: Record<string, unknown>) => {
      const request = new card.RegisterCallbackRequest(body)
      const headers = new card.RegisterCallbackHeaders({ xAcsDingtalkAccessToken: TOKEN })
      return new card.default(config).registerCallbackWithOptions(request, headers, runtime)
    }
    let counted = 0
    const sent = await sentByBoth(async () => {
      const registered = registerCardRoute(client, route, async () => void (counted += 1))
      await expect(registered).rejects.toMatchObject({ failure: { kind: 'retryable' } })
    }, register)
    expectSame(sent, card.RegisterCallbackRequest)
    expect(sent.our).toMatchObject({ method: 'POST', path: '/v1.0/card/callbacks/register' })
    const ours = recorder.requests.filter(({ path }) => path.endsWith('/register')).slice(0, 2)
    expect(ours.map(({ body }) => (body as { forceUpdate: boolean }).forceUpdate)).toEqual([false, true])
    expect(counted).toBe(2)
  })

  test('createAndDeliver with people mentioned', async () => {
    const sent = await sentByBoth(
      () => createAndDeliver(client, { ...newCard, spaces, mentions: MENTIONS }),
      (body) => {
        const request = new card.CreateAndDeliverRequest(body)
        const headers = new card.CreateAndDeliverHeaders({ xAcsDingtalkAccessToken: TOKEN })
        return new card.default(config).createAndDeliverWithOptions(request, headers, runtime)
      },
    )
    expectSame(sent, card.CreateAndDeliverRequest)
    expect(sent.our.body).toMatchObject({
      cardAtUserIds: ['user0002', 'user0003'],
      imGroupOpenDeliverModel: { robotCode: app.clientId, atUserIds: { user0002: '李四', user0003: '张三' } },
    })
  })

  test('deliver with people mentioned', async () => {
    const to = { outTrackId: 'fd-incident-1', robotCode: app.clientId, spaces, mentions: MENTIONS }
    const sent = await sentByBoth(
      () => deliverCard(client, to),
      (body) => {
        const request = new card.DeliverCardRequest(body)
        const headers = new card.DeliverCardHeaders({ xAcsDingtalkAccessToken: TOKEN })
        return new card.default(config).deliverCardWithOptions(request, headers, runtime)
      },
    )
    expectSame(sent, card.DeliverCardRequest)
    expect(sent.our.body).toMatchObject({
      imGroupOpenDeliverModel: { atUserIds: { user0002: '李四', user0003: '张三' } },
    })
  })

  test.for([
    ['a group', spaces.slice(0, 1)],
    ['a person', spaces.slice(1)],
    ['both at once', spaces],
  ] as const)('deliver to %s', async ([, targets]) => {
    const sent = await sentByBoth(
      () => deliverCard(client, { outTrackId: 'fd-incident-1', robotCode: app.clientId, spaces: [...targets] }),
      (body) => {
        const request = new card.DeliverCardRequest(body)
        const headers = new card.DeliverCardHeaders({ xAcsDingtalkAccessToken: TOKEN })
        return new card.default(config).deliverCardWithOptions(request, headers, runtime)
      },
    )
    expectSame(sent, card.DeliverCardRequest)
    expect(sent.our).toMatchObject({ method: 'POST', path: '/v1.0/card/instances/deliver' })
  })

  test('update', async () => {
    const sent = await sentByBoth(
      () => updateCard(client, { outTrackId: 'fd-incident-1', cardParamMap: drawn.cardParamMap }),
      (body) => {
        const request = new card.UpdateCardRequest(body)
        const headers = new card.UpdateCardHeaders({ xAcsDingtalkAccessToken: TOKEN })
        return new card.default(config).updateCardWithOptions(request, headers, runtime)
      },
    )
    expectSame(sent, card.UpdateCardRequest)
    expect(sent.our).toMatchObject({ method: 'PUT', path: '/v1.0/card/instances' })
    expect(sent.our.body).toMatchObject({
      cardUpdateOptions: { updateCardDataByKey: true, updatePrivateDataByKey: true },
    })
  })

  test.for([['with'], ['without']])('group message %s a cool app', async ([how]) => {
    const coolAppCode = how === 'with' ? 'COOLAPP-1-DEMO0001' : undefined
    const to = { openConversationId: GROUP, robotCode: app.clientId, coolAppCode }
    const sent = await sentByBoth(
      () => sendToGroup(client, to, { msgKey: 'sampleText', msgParam: { content: '测试 "quoted"' } }),
      (body) => {
        const request = new robot.OrgGroupSendRequest(body)
        const headers = new robot.OrgGroupSendHeaders({ xAcsDingtalkAccessToken: TOKEN })
        return new robot.default(config).orgGroupSendWithOptions(request, headers, runtime)
      },
    )
    expectSame(sent, robot.OrgGroupSendRequest)
    expect(sent.our).toMatchObject({ method: 'POST', path: '/v1.0/robot/groupMessages/send' })
  })

  test('message to a person', async () => {
    const to = { userId: 'user0002', robotCode: app.clientId }
    const sent = await sentByBoth(
      () => sendToPerson(client, to, { msgKey: 'sampleText', msgParam: { content: '测试' } }),
      (body) => {
        const request = new robot.BatchSendOTORequest(body)
        const headers = new robot.BatchSendOTOHeaders({ xAcsDingtalkAccessToken: TOKEN })
        return new robot.default(config).batchSendOTOWithOptions(request, headers, runtime)
      },
    )
    expectSame(sent, robot.BatchSendOTORequest)
    expect(sent.our).toMatchObject({ method: 'POST', path: '/v1.0/robot/oToMessages/batchSend' })
  })

  test.for([['with'], ['without']])('group query %s a cool app', async ([how]) => {
    const coolAppCode = how === 'with' ? 'COOLAPP-1-DEMO0001' : undefined
    const sent = await sentByBoth(
      () => queryGroup(client, { openConversationId: GROUP, coolAppCode }),
      (body) => {
        const request = new im.GetSceneGroupInfoRequest(body)
        const headers = new im.GetSceneGroupInfoHeaders({ xAcsDingtalkAccessToken: TOKEN })
        return new im.default(config).getSceneGroupInfoWithOptions(request, headers, runtime)
      },
    )
    expectSame(sent, im.GetSceneGroupInfoRequest)
    expect(sent.our).toMatchObject({ method: 'POST', path: '/v1.0/im/sceneGroups/query' })
  })

  test.for([['with'], ['without']])('group members %s a cool app', async ([how]) => {
    const coolAppCode = how === 'with' ? 'COOLAPP-1-DEMO0001' : undefined
    const sent = await sentByBoth(
      () => queryGroupMembers(client, { openConversationId: GROUP, coolAppCode }),
      (body) => {
        const request = new im.BatchQueryGroupMemberRequest(body)
        const headers = new im.BatchQueryGroupMemberHeaders({ xAcsDingtalkAccessToken: TOKEN })
        return new im.default(config).batchQueryGroupMemberWithOptions(request, headers, runtime)
      },
    )
    expectSame(sent, im.BatchQueryGroupMemberRequest)
    expect(sent.our).toMatchObject({ method: 'POST', path: '/v1.0/im/sceneGroups/members/batchQuery' })
  })

  test('robots of a group', async () => {
    const sent = await sentByBoth(
      () => queryRobots(client, GROUP),
      (body) => {
        const request = new robot.GetBotListInGroupRequest(body)
        const headers = new robot.GetBotListInGroupHeaders({ xAcsDingtalkAccessToken: TOKEN })
        return new robot.default(config).getBotListInGroupWithOptions(request, headers, runtime)
      },
    )
    expectSame(sent, robot.GetBotListInGroupRequest)
    expect(sent.our).toMatchObject({ method: 'POST', path: '/v1.0/robot/groups/robots/query' })
  })

  test('a misspelled or mistyped key would be noticed', () => {
    const body = { outTrackId: 'x', userIdType: 1, cardUpdateOption: {} }
    const model: Model = new card.UpdateCardRequest(body)
    expect(model.toMap()).toEqual({ outTrackId: 'x', userIdType: 1 })
    const nested: Model = new card.UpdateCardRequest({ cardData: { cardParams: {} } })
    expect(nested.toMap()).toEqual({ cardData: {} })
    expect(mistyped(card.UpdateCardRequest, { userIdType: '1', cardData: { cardParamMap: { a: 1 } } }, '')).toEqual([
      '.userIdType is a string, not a number',
      '.cardData.cardParamMap.a is a number, not a string',
    ])
  })
})

describe('the Stream connection is the vendor’s', () => {
  let gateway: Recorder
  let vendor: DWClient
  let interceptor: number
  const opened: { terminate(): void }[] = []

  beforeEach(async () => {
    vi.spyOn(console, 'info').mockReturnValue()
    gateway = await startRecorder()
    interceptor = axios.interceptors.request.use((request) => ({
      ...request,
      proxy: false as const,
      url: (request.url ?? '').replace('https://api.dingtalk.com', gateway.url),
    }))
    vendor = new DWClient({ ...app })
    vendor.config.autoReconnect = false
    // Registering pushes onto a list that all instances share.
    vendor.config.subscriptions = [...vendor.config.subscriptions]
  })

  afterEach(async () => {
    vendor.disconnect()
    for (const connection of opened.splice(0)) connection.terminate()
    axios.interceptors.request.eject(interceptor)
    await gateway.close()
    vi.restoreAllMocks()
  })

  const answerPress = { cardParamMap: { title: 'P1', tips: '操作成功' } }
  const response = {
    cardUpdateOptions: { updateCardDataByKey: true, updatePrivateDataByKey: true },
    cardData: answerPress,
  }

  async function connectBoth(): Promise<{ ourReceived: string[]; vendorReceived: string[] }> {
    vendor.registerAllEventListener(() => ({ status: EventAck.SUCCESS, message: 'ok' }))
    vendor.registerCallbackListener(TOPIC_CARD, (press) => {
      vendor.socketCallBackResponse(press.headers.messageId, response)
    })
    vendor.registerCallbackListener(TOPIC_ROBOT, (message) => {
      vendor.socketCallBackResponse(message.headers.messageId, null)
    })
    await vendor.connect()
    const log = pino({ level: 'silent' })
    const room = createRoom(
      {
        takeEvent: async () => ({ status: 'SUCCESS' as const, message: 'ok' }),
        answerPress: async () => ({ ...answerPress, afterReply: () => {} }),
        takeMessage: async () => {},
      },
      log,
    )
    const router = { log, room, deadlines: DEADLINES }
    const counters = { malformed: 0, unknown: 0, overdue: 0 }
    opened.push(
      await openConnection(
        { app, apiUrl: gateway.url, ...outbound, settings: CONNECTION_SETTINGS },
        {
          onFrame: (raw, reply) => void routeFrame(router, counters, raw, { ...QUIET_LINE, reply }),
          onClose: () => {},
        },
      ),
    )
    const [first, second] = gateway.upgrades
    if (!first || !second) throw new Error('somebody did not connect')
    return { vendorReceived: first.received, ourReceived: second.received }
  }

  /** The same frame to both, and what each answers. */
  async function repliesTo(frame: object): Promise<{ our: unknown; vendor: unknown }> {
    const { ourReceived, vendorReceived } = await connectBoth()
    for (const { socket } of gateway.upgrades) socket.send(JSON.stringify(frame))
    await eventually('two replies', () => ourReceived.length > 0 && vendorReceived.length > 0)
    return { our: parseReply(ourReceived), vendor: parseReply(vendorReceived) }
  }

  function parseReply(received: string[]): unknown {
    expect(received).toHaveLength(1)
    const reply = JSON.parse(received[0] ?? '') as { data: string }
    return { ...reply, data: JSON.parse(reply.data) as unknown }
  }

  const headers = { contentType: 'application/json', messageId: 'm-1', time: '1769851800123' }

  test('the opening call', async () => {
    await connectBoth()
    const [theirs, ours] = gateway.requests.map((request) => essence(request))
    // `ua` names the client and is free text: `name-sdk-lang/version` by the protocol page.
    expect(ours?.body).toMatchObject({ ua: 'flashduty-dingtalk' })
    const comparable = (side: typeof ours) => ({ ...side, body: { ...(side?.body as object), ua: 'x' } })
    expect(comparable(ours)).toEqual(comparable(theirs))
    expect(ours).toMatchObject({
      path: '/v1.0/gateway/connections/open',
      accept: 'application/json',
      body: {
        subscriptions: [
          { type: 'EVENT', topic: '*' },
          { type: 'CALLBACK', topic: TOPIC_CARD },
          { type: 'CALLBACK', topic: TOPIC_ROBOT },
        ],
      },
    })
  })

  test('the address of the WebSocket', async () => {
    await connectBoth()
    const [theirs, ours] = gateway.upgrades
    expect(ours?.path).toBe('/connect?ticket=ticket-1')
    expect(ours?.path).toBe(theirs?.path)
    // The vendor offers compression (a default of `ws`), which costs memory for every connection and gains nothing here.
    expect(theirs?.headers['sec-websocket-extensions']).toContain('permessage-deflate')
    expect(ours?.headers['sec-websocket-extensions']).toBeUndefined()
  })

  test('the echo of a ping', async () => {
    const data = '{"opaque":"k3-77"}'
    const frame = { specVersion: '1.0', type: 'SYSTEM', headers: { ...headers, topic: 'ping' }, data }
    const { our, vendor } = await repliesTo(frame)
    expect(our).toEqual({
      code: 200,
      message: 'OK',
      headers: { contentType: 'application/json', messageId: 'm-1' },
      data: { opaque: 'k3-77' },
    })
    // The vendor sends all headers of the ping back; the protocol page asks for these two only.
    expect(vendor).toEqual({ ...(our as object), headers: { ...headers, topic: 'ping' } })
  })

  test('the acknowledgement of an event', async () => {
    const event = { topic: '*', eventType: 'chat_update_title', eventId: 'e-1', eventCorpId: 'dingcorp' }
    const data = '{"title":"On-call A","openConversationId":"cid0001=="}'
    const { our, vendor } = await repliesTo({ type: 'EVENT', headers: { ...headers, ...event }, data })
    expect(our).toMatchObject({ code: 200, data: { status: 'SUCCESS' } })
    expect(our).toEqual(vendor)
  })

  test('the answer to a press', async () => {
    const content = JSON.stringify({ cardPrivateData: { actionIds: ['ack~1'], params: { id: 'ack~1' } } })
    const press = { outTrackId: 'fd-incident-1', userId: 'user0002', corpId: 'dingcorp', content, value: content }
    const frame = { type: 'CALLBACK', headers: { ...headers, topic: TOPIC_CARD }, data: JSON.stringify(press) }
    const { our, vendor } = await repliesTo(frame)
    expect(our).toMatchObject({ code: 200, data: { response: { cardData: answerPress } } })
    expect(our).toEqual(vendor)
  })

  test('the answer to what a person wrote to the robot', async () => {
    const message = { msgId: 'msg-1', conversationId: 'cid1', conversationType: '1', createAt: 1769851697001 }
    const frame = { type: 'CALLBACK', headers: { ...headers, topic: TOPIC_ROBOT }, data: JSON.stringify(message) }
    const { our, vendor: theirs } = await repliesTo(frame)
    expect(our).toEqual(theirs)
  })
})
