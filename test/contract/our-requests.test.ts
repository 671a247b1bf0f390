import type CardModule from '@alicloud/dingtalk/dist/card_1_0/client.js'
import type OauthModule from '@alicloud/dingtalk/dist/oauth2_1_0/client.js'
import type RobotModule from '@alicloud/dingtalk/dist/robot_1_0/client.js'
import { createRequire } from 'node:module'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { createAndDeliver, deliverCard, updateCard } from '../../src/dingtalk/cards.ts'
import { registerCardRoute } from '../../src/dingtalk/card-routes.ts'
import { createDingTalkClient, type DingTalkClient } from '../../src/dingtalk/client.ts'
import { queryGroup } from '../../src/dingtalk/groups.ts'
import { sendToGroup, sendToPerson } from '../../src/dingtalk/messages.ts'
import { createOutbound } from '../../src/outbound.ts'
import {
  app,
  expectSame,
  GROUP,
  mistyped,
  runtime,
  sentByBoth,
  TOKEN,
  type VendorConfig,
  vendorConfig,
} from './beside-vendor.ts'
import { type Recorder, startRecorder } from './recorder.ts'

const require = createRequire(import.meta.url)
const card = require('@alicloud/dingtalk/dist/card_1_0/client.js') as typeof CardModule
const oauth = require('@alicloud/dingtalk/dist/oauth2_1_0/client.js') as typeof OauthModule
const robot = require('@alicloud/dingtalk/dist/robot_1_0/client.js') as typeof RobotModule

const clock = { nowMs: () => 1_769_851_700_000 }
const outbound = createOutbound()

let recorder: Recorder
let client: DingTalkClient
let config: VendorConfig

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
  })
  config = vendorConfig(recorder)
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

const vendorCreates = (body: Record<string, unknown>) => {
  const request = new card.CreateAndDeliverRequest(body)
  const headers = new card.CreateAndDeliverHeaders({ xAcsDingtalkAccessToken: TOKEN })
  return new card.default(config).createAndDeliverWithOptions(request, headers, runtime)
}
const vendorDelivers = (body: Record<string, unknown>) => {
  const request = new card.DeliverCardRequest(body)
  const headers = new card.DeliverCardHeaders({ xAcsDingtalkAccessToken: TOKEN })
  return new card.default(config).deliverCardWithOptions(request, headers, runtime)
}

describe('the Open API calls are the vendor’s', () => {
  test('access token', async () => {
    const sent = await sentByBoth(
      recorder,
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
      recorder,
      () => createAndDeliver(client, { ...newCard, spaces: [...targets] }),
      vendorCreates,
    )
    expectSame(sent, card.CreateAndDeliverRequest)
    expect(sent.our).toMatchObject({ method: 'POST', path: '/v1.0/card/instances/createAndDeliver' })
    expect(sent.our.headers['x-acs-dingtalk-access-token']).toBe(TOKEN)
  })

  test('createAndDeliver of a card whose presses return over HTTP', async () => {
    const route = { callbackType: 'HTTP' as const, callbackRouteKey: 'fd-route' }
    const sent = await sentByBoth(
      recorder,
      () => createAndDeliver(client, { ...newCard, ...route, spaces: [...spaces] }),
      vendorCreates,
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
    const sent = await sentByBoth(
      recorder,
      async () => {
        const registered = registerCardRoute(client, route, async () => void (counted += 1))
        await expect(registered).rejects.toMatchObject({ failure: { kind: 'retryable' } })
      },
      register,
    )
    expectSame(sent, card.RegisterCallbackRequest)
    expect(sent.our).toMatchObject({ method: 'POST', path: '/v1.0/card/callbacks/register' })
    const ours = recorder.requests.filter(({ path }) => path.endsWith('/register')).slice(0, 2)
    expect(ours.map(({ body }) => (body as { forceUpdate: boolean }).forceUpdate)).toEqual([false, true])
    expect(counted).toBe(2)
  })

  test('createAndDeliver with people mentioned', async () => {
    const sent = await sentByBoth(
      recorder,
      () => createAndDeliver(client, { ...newCard, spaces, mentions: MENTIONS }),
      vendorCreates,
    )
    expectSame(sent, card.CreateAndDeliverRequest)
    expect(sent.our.body).toMatchObject({
      cardAtUserIds: ['user0002', 'user0003'],
      imGroupOpenDeliverModel: { robotCode: app.clientId, atUserIds: { user0002: '李四', user0003: '张三' } },
    })
  })

  test('deliver with people mentioned', async () => {
    const to = { outTrackId: 'fd-incident-1', robotCode: app.clientId, spaces, mentions: MENTIONS }
    const sent = await sentByBoth(recorder, () => deliverCard(client, to), vendorDelivers)
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
      recorder,
      () => deliverCard(client, { outTrackId: 'fd-incident-1', robotCode: app.clientId, spaces: [...targets] }),
      vendorDelivers,
    )
    expectSame(sent, card.DeliverCardRequest)
    expect(sent.our).toMatchObject({ method: 'POST', path: '/v1.0/card/instances/deliver' })
  })

  test('update', async () => {
    const sent = await sentByBoth(
      recorder,
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
      cardUpdateOptions: { updateCardDataByKey: true },
    })
  })

  test.for([['with'], ['without']])('group message %s a cool app', async ([how]) => {
    const coolAppCode = how === 'with' ? 'COOLAPP-1-DEMO0001' : undefined
    const to = { openConversationId: GROUP, robotCode: app.clientId, coolAppCode }
    const sent = await sentByBoth(
      recorder,
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
      recorder,
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
