import type ContactModule from '@alicloud/dingtalk/dist/contact_1_0/client.js'
import type ImModule from '@alicloud/dingtalk/dist/im_1_0/client.js'
import type OauthModule from '@alicloud/dingtalk/dist/oauth2_1_0/client.js'
import type RobotModule from '@alicloud/dingtalk/dist/robot_1_0/client.js'
import { createRequire } from 'node:module'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { createDingTalkClient, type DingTalkClient } from '../../src/dingtalk/client.ts'
import { fetchFailedEvents } from '../../src/dingtalk/failed-events.ts'
import { queryGroupMembers } from '../../src/dingtalk/group-members.ts'
import { queryGroup, queryRobots } from '../../src/dingtalk/groups.ts'
import { createOapiClient, type OapiClient } from '../../src/dingtalk/oapi-client.ts'
import { createPeople, type DingTalkPeople } from '../../src/dingtalk/people.ts'
import { createOutbound } from '../../src/outbound.ts'
import {
  app,
  essence,
  expectSame,
  GROUP,
  runtime,
  sentByBoth,
  TOKEN,
  type VendorConfig,
  vendorConfig,
} from './beside-vendor.ts'
import { type RecordedRequest, type Recorder, startRecorder } from './recorder.ts'

const require = createRequire(import.meta.url)
const contact = require('@alicloud/dingtalk/dist/contact_1_0/client.js') as typeof ContactModule
const oauth = require('@alicloud/dingtalk/dist/oauth2_1_0/client.js') as typeof OauthModule
const im = require('@alicloud/dingtalk/dist/im_1_0/client.js') as typeof ImModule
const robot = require('@alicloud/dingtalk/dist/robot_1_0/client.js') as typeof RobotModule

const CORPORATION = 'dingcorpdemo01'
const USER_TOKEN = 'b7c8d9e0f1a2b3c4d5e6'
const OAPI_TOKEN = 'c4d5e6f7a8b9c0d1e2f3'
const clock = { nowMs: () => 1_769_851_700_000 }
const outbound = createOutbound()

let recorder: Recorder
let client: DingTalkClient
let oapi: OapiClient
let people: DingTalkPeople
let config: VendorConfig

beforeAll(async () => {
  recorder = await startRecorder({
    '/v1.0/oauth2/accessToken': { accessToken: TOKEN, expireIn: 7200 },
    '/v1.0/oauth2/userAccessToken': { accessToken: USER_TOKEN, expireIn: 7200, corpId: CORPORATION },
    '/v1.0/contact/users/me': { unionId: 'uDemoUnion0002', nick: 'Li' },
    '/v1.0/im/sceneGroups/query': { success: true, title: 'On-call A', status: 1 },
    '/v1.0/im/sceneGroups/members/batchQuery': { success: true, memberUserIds: ['user0002'], hasMore: false },
    '/v1.0/robot/groups/robots/query': { chatbotInstanceVOList: [{ robotCode: app.clientId }] },
    '/gettoken': { errcode: 0, errmsg: 'ok', access_token: OAPI_TOKEN, expires_in: 7200 },
    '/topapi/v2/user/getuserinfo': { errcode: 0, result: { userid: 'user0002', unionid: 'u2', name: 'Li' } },
    '/topapi/v2/user/get': { errcode: 0, result: { userid: 'user0002', name: 'Li' } },
    '/topapi/user/getbyunionid': { errcode: 0, result: { contact_type: 0, userid: 'user0002' } },
    '/call_back/get_call_back_failed_result': { errcode: 0, has_more: false, failed_list: [] },
  })
  config = vendorConfig(recorder)
})

beforeEach(() => {
  recorder.requests.length = 0
  const deps = { send: outbound.send, clock, apiUrl: recorder.url, oapiUrl: recorder.url }
  client = createDingTalkClient(app, deps)
  oapi = createOapiClient(app, deps)
  people = createPeople({ ...app, corpId: CORPORATION }, { ...deps, oapi })
})

afterAll(async () => {
  await outbound.close()
  await recorder.close()
})

/** The one call to that path among all that the work sends; the others are forgotten. */
async function sentTo(path: string, work: () => Promise<unknown>): Promise<RecordedRequest> {
  await work()
  const found = recorder.requests.filter((request) => request.path.split('?')[0] === path)
  if (found.length !== 1 || !found[0]) throw new Error(`${path} was called ${found.length} times`)
  recorder.requests.splice(0, recorder.requests.length, found[0])
  return found[0]
}

describe('look-ups at the Open API are the vendor’s', () => {
  test.for([['with'], ['without']])('group query %s a cool app', async ([how]) => {
    const coolAppCode = how === 'with' ? 'COOLAPP-1-DEMO0001' : undefined
    const sent = await sentByBoth(
      recorder,
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

  test('robots of a group', async () => {
    const sent = await sentByBoth(
      recorder,
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

  test.for([['with'], ['without']])('members of a group %s a cool app, and the rest of them', async ([how]) => {
    const coolAppCode = how === 'with' ? 'COOLAPP-1-DEMO0001' : undefined
    const sent = await sentByBoth(
      recorder,
      () => queryGroupMembers(client, { openConversationId: GROUP, coolAppCode }, 'next-1'),
      (body) => {
        const request = new im.BatchQueryGroupMemberRequest(body)
        const headers = new im.BatchQueryGroupMemberHeaders({ xAcsDingtalkAccessToken: TOKEN })
        return new im.default(config).batchQueryGroupMemberWithOptions(request, headers, runtime)
      },
    )
    expectSame(sent, im.BatchQueryGroupMemberRequest)
    expect(sent.our).toMatchObject({ method: 'POST', path: '/v1.0/im/sceneGroups/members/batchQuery' })
    expect(sent.our.body).toMatchObject({ nextToken: 'next-1' })
  })

  test('whose a browser’s code is: the exchange', async () => {
    const path = '/v1.0/oauth2/userAccessToken'
    const sent = await sentByBoth(
      recorder,
      () => sentTo(path, () => people.readByBrowserCode('demoAuthCode01')),
      (body) => new oauth.default(config).getUserToken(new oauth.GetUserTokenRequest(body)),
    )
    expectSame(sent, oauth.GetUserTokenRequest)
    expect(sent.our).toMatchObject({ method: 'POST', path, body: { code: 'demoAuthCode01' } })
    expect(sent.our.headers['x-acs-dingtalk-access-token']).toBeUndefined()
  })

  test('whose a browser’s code is: the person, asked for with their own token', async () => {
    const path = '/v1.0/contact/users/me'
    const sent = await sentByBoth(
      recorder,
      () => sentTo(path, () => people.readByBrowserCode('demoAuthCode01')),
      () => {
        const headers = new contact.GetUserHeaders({ xAcsDingtalkAccessToken: USER_TOKEN })
        return new contact.default(config).getUserWithOptions('me', headers, runtime)
      },
    )
    expect(essence(sent.our)).toEqual(essence(sent.vendor))
    expect(sent.our).toMatchObject({ method: 'GET', path, body: {} })
    expect(sent.our.headers['x-acs-dingtalk-access-token']).toBe(USER_TOKEN)
  })
})

/** The vendor's package has no client for these; this is how its pages show them. */
const OLDER: [string, () => Promise<unknown>, { method: string; query: Record<string, string>; body: object }][] = [
  [
    '/gettoken',
    () => people.readContact('user0002'),
    { method: 'GET', query: { appkey: app.clientId, appsecret: app.clientSecret }, body: {} },
  ],
  [
    '/topapi/v2/user/getuserinfo',
    () => people.readByClientCode('demoAuthCode01'),
    { method: 'POST', query: { access_token: OAPI_TOKEN }, body: { code: 'demoAuthCode01' } },
  ],
  [
    '/topapi/v2/user/get',
    () => people.readContact('user0002'),
    { method: 'POST', query: { access_token: OAPI_TOKEN }, body: { userid: 'user0002', language: 'zh_CN' } },
  ],
  [
    '/topapi/user/getbyunionid',
    () => people.readByBrowserCode('demoAuthCode01'),
    { method: 'POST', query: { access_token: OAPI_TOKEN }, body: { unionid: 'uDemoUnion0002' } },
  ],
  [
    '/call_back/get_call_back_failed_result',
    () => fetchFailedEvents(oapi),
    { method: 'GET', query: { access_token: OAPI_TOKEN }, body: {} },
  ],
]

describe('calls of the older API are as its pages show them', () => {
  test.each(OLDER)('%s', async (path, work, expected) => {
    const { method, path: whole, headers, body } = await sentTo(path, work)
    const query = Object.fromEntries(new URL(whole, recorder.url).searchParams)
    expect({ method, query, body }).toEqual(expected)
    expect(headers['content-type']).toBe(method === 'POST' ? 'application/json' : undefined)
    // The token of the newer API is none here.
    expect(headers['x-acs-dingtalk-access-token']).toBeUndefined()
  })
})
