import type CardModule from '@alicloud/dingtalk/dist/card_1_0/client.js'
import type OauthModule from '@alicloud/dingtalk/dist/oauth2_1_0/client.js'
import type ImModule from '@alicloud/dingtalk/dist/im_1_0/client.js'
import type RobotModule from '@alicloud/dingtalk/dist/robot_1_0/client.js'
import type GatewayModule from '@alicloud/dingtalk/dist/gateway_1_0/client.js'
import type OpenApi from '@alicloud/openapi-client'
import type TeaUtil from '@alicloud/tea-util'
import { createRequire } from 'node:module'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startDingTalk } from '../sandbox/dingtalk/index.ts'
import type { App, DingTalkSandbox, Group, User } from '../sandbox/dingtalk/types.ts'

/**
 * The vendor's generated Open API clients against the simulated endpoints: methods, paths, headers and field names
 * are theirs. They are CommonJS, so they are loaded as such.
 */

const require = createRequire(import.meta.url)
const cardModule = require('@alicloud/dingtalk/dist/card_1_0/client.js') as typeof CardModule
const oauthModule = require('@alicloud/dingtalk/dist/oauth2_1_0/client.js') as typeof OauthModule
const imModule = require('@alicloud/dingtalk/dist/im_1_0/client.js') as typeof ImModule
const robotModule = require('@alicloud/dingtalk/dist/robot_1_0/client.js') as typeof RobotModule
const gatewayModule = require('@alicloud/dingtalk/dist/gateway_1_0/client.js') as typeof GatewayModule
const { Config } = require('@alicloud/openapi-client') as typeof OpenApi
const { RuntimeOptions } = require('@alicloud/tea-util') as typeof TeaUtil

const TEMPLATE = '1366a1eb-bc54-4859-ac88-517c56a9acb1.schema'
const { default: CardClient } = cardModule
const runtime = new RuntimeOptions({})

let sandbox: DingTalkSandbox
let app: App
let li: User
let group: Group
let xAcsDingtalkAccessToken: string
let config: InstanceType<typeof Config>
let cards: InstanceType<typeof CardClient>

beforeEach(async () => {
  sandbox = await startDingTalk()
  app = sandbox.control.createApp()
  li = sandbox.control.createUser({ name: 'Li' })
  group = sandbox.control.createGroup({ title: 'On-call A', memberUserIds: [li.userId] })
  sandbox.control.installCoolApp(group.openConversationId, app.clientId)
  config = new Config({ protocol: 'HTTP', endpoint: new URL(sandbox.apiUrl).host })
  cards = new CardClient(config)
  xAcsDingtalkAccessToken = await fetchToken(app.clientSecret)
})

afterEach(() => sandbox.close())

async function fetchToken(appSecret: string): Promise<string> {
  const client = new oauthModule.default(config)
  const request = new oauthModule.GetAccessTokenRequest({ appKey: app.clientId, appSecret })
  const { body } = await client.getAccessToken(request)
  expect(body?.expireIn).toBe(7200)
  return body?.accessToken ?? ''
}

const params = (fields: Record<string, string> = {}): { cardParamMap: Record<string, string> } => ({
  cardParamMap: { title: 'P1', markdown: 'down', ...fields },
})

function newCard(outTrackId: string): ConstructorParameters<typeof cardModule.CreateAndDeliverRequest>[0] {
  return {
    cardTemplateId: TEMPLATE,
    outTrackId,
    callbackType: 'STREAM',
    cardData: new cardModule.CreateAndDeliverRequestCardData(params()),
    privateData: { [li.userId]: new cardModule.PrivateDataValue(params({ tips: 'for Li' })) },
    userIdType: 1,
    openSpaceId: `dtv1.card//IM_GROUP.${group.openConversationId};IM_ROBOT.${li.userId}`,
    imGroupOpenSpaceModel: new cardModule.CreateAndDeliverRequestImGroupOpenSpaceModel({
      supportForward: false,
      lastMessageI18n: { ZH_CN: 'P1' },
      notification: new cardModule.CreateAndDeliverRequestImGroupOpenSpaceModelNotification({
        alertContent: 'P1 down',
      }),
    }),
    imGroupOpenDeliverModel: new cardModule.CreateAndDeliverRequestImGroupOpenDeliverModel({ robotCode: app.clientId }),
    imRobotOpenSpaceModel: new cardModule.CreateAndDeliverRequestImRobotOpenSpaceModel({ supportForward: false }),
    imRobotOpenDeliverModel: new cardModule.CreateAndDeliverRequestImRobotOpenDeliverModel({ spaceType: 'IM_ROBOT' }),
  }
}

async function createAndDeliver(fields: ReturnType<typeof newCard>): Promise<CardModule.CreateAndDeliverResponse> {
  const headers = new cardModule.CreateAndDeliverHeaders({ xAcsDingtalkAccessToken })
  return cards.createAndDeliverWithOptions(new cardModule.CreateAndDeliverRequest(fields), headers, runtime)
}

describe('the vendor clients', () => {
  test('create and deliver a card to a group and a person at once', async () => {
    const { body } = await createAndDeliver(newCard('card-1'))
    expect(body?.success).toBe(true)
    expect(body?.result).toMatchObject({
      outTrackId: 'card-1',
      deliverResults: [
        { spaceType: 'IM_GROUP', spaceId: group.openConversationId, success: true, carrierId: expect.any(String) },
        { spaceType: 'IM_ROBOT', spaceId: li.userId, success: true, carrierId: expect.any(String) },
      ],
    })
    expect(sandbox.control.view('card-1', li.userId)).toMatchObject({ title: 'P1', markdown: 'down', tips: 'for Li' })
  })

  test('create, deliver and update in three calls', async () => {
    const created = await cards.createCardWithOptions(
      new cardModule.CreateCardRequest({
        cardTemplateId: TEMPLATE,
        outTrackId: 'card-1',
        callbackType: 'STREAM',
        cardData: new cardModule.CreateCardRequestCardData(params()),
        imGroupOpenSpaceModel: new cardModule.CreateCardRequestImGroupOpenSpaceModel({ supportForward: true }),
      }),
      new cardModule.CreateCardHeaders({ xAcsDingtalkAccessToken }),
      runtime,
    )
    expect(created.body).toMatchObject({ success: true, result: 'card-1' })

    const robotCode = app.clientId
    const delivered = await cards.deliverCardWithOptions(
      new cardModule.DeliverCardRequest({
        outTrackId: 'card-1',
        openSpaceId: `dtv1.card//IM_GROUP.${group.openConversationId}`,
        imGroupOpenDeliverModel: new cardModule.DeliverCardRequestImGroupOpenDeliverModel({ robotCode }),
      }),
      new cardModule.DeliverCardHeaders({ xAcsDingtalkAccessToken }),
      runtime,
    )
    expect(delivered.body?.result).toMatchObject([{ spaceType: 'IM_GROUP', success: true }])

    const updated = await cards.updateCardWithOptions(
      new cardModule.UpdateCardRequest({
        outTrackId: 'card-1',
        cardData: new cardModule.UpdateCardRequestCardData({ cardParamMap: { markdown: 'acked' } }),
        cardUpdateOptions: new cardModule.UpdateCardRequestCardUpdateOptions({ updateCardDataByKey: true }),
      }),
      new cardModule.UpdateCardHeaders({ xAcsDingtalkAccessToken }),
      runtime,
    )
    expect(updated.body).toMatchObject({ success: true, result: true })
    expect(sandbox.control.view('card-1', li.userId)).toMatchObject({ title: 'P1', markdown: 'acked' })
  })

  test('read a bad target out of a success', async () => {
    const { body } = await createAndDeliver({ ...newCard('card-1'), openSpaceId: 'dtv1.card//IM_GROUP.cidNoSuch==' })
    expect(body?.result?.deliverResults).toMatchObject([{ success: false, errorMsg: 'spaceId is illegal' }])
  })

  test('send to a group and to people', async () => {
    const robots = new robotModule.default(config)
    const message = { robotCode: app.clientId, msgKey: 'sampleText', msgParam: '{"content":"hello"}' }
    const { openConversationId } = group
    const toGroup = await robots.orgGroupSendWithOptions(
      new robotModule.OrgGroupSendRequest({ ...message, openConversationId, coolAppCode: app.coolAppCode }),
      new robotModule.OrgGroupSendHeaders({ xAcsDingtalkAccessToken }),
      runtime,
    )
    expect(toGroup.body?.processQueryKey).toEqual(expect.any(String))
    const toPeople = await robots.batchSendOTOWithOptions(
      new robotModule.BatchSendOTORequest({ ...message, userIds: [li.userId, 'nobody'] }),
      new robotModule.BatchSendOTOHeaders({ xAcsDingtalkAccessToken }),
      runtime,
    )
    expect(toPeople.body).toMatchObject({ invalidStaffIdList: ['nobody'], flowControlledStaffIdList: [] })
    expect(sandbox.control.conversationsOf(li.userId)).toMatchObject([
      { kind: 'group', messages: [{ content: { kind: 'notice' } }, { content: { kind: 'robot' } }] },
      { kind: 'robot', messages: [{ content: { kind: 'robot', msgParam: { content: 'hello' } } }] },
    ])
  })

  test('query a group', async () => {
    const { openConversationId } = group
    const { body } = await new imModule.default(config).getSceneGroupInfoWithOptions(
      new imModule.GetSceneGroupInfoRequest({ openConversationId, coolAppCode: app.coolAppCode }),
      new imModule.GetSceneGroupInfoHeaders({ xAcsDingtalkAccessToken }),
      runtime,
    )
    expect(body).toMatchObject({ success: true, title: 'On-call A', ownerUserId: li.userId, status: 1 })
  })

  test('open a Stream connection', async () => {
    const { body } = await new gatewayModule.default(config).openConnection(
      new gatewayModule.OpenConnectionRequest({
        clientId: app.clientId,
        clientSecret: app.clientSecret,
        subscriptions: [new gatewayModule.OpenConnectionRequestSubscriptions({ type: 'EVENT', topic: '*' })],
        localIp: '10.0.0.8',
        extras: {},
      }),
    )
    expect(body).toMatchObject({ endpoint: expect.stringMatching(/^ws:\/\//), ticket: expect.any(String) })
  })

  test('understand refusals', async () => {
    await expect(fetchToken('wrong')).rejects.toMatchObject({
      code: 'invalidClientIdOrSecret',
      data: { statusCode: 400 },
    })
    await createAndDeliver(newCard('card-1'))
    await expect(createAndDeliver(newCard('card-1'))).rejects.toMatchObject({
      code: 'param.cardAlreadyExist',
      data: { statusCode: 400, requestid: expect.any(String) },
    })
    sandbox.control.updateApp(app.clientId, { scopes: [] })
    await expect(createAndDeliver(newCard('card-2'))).rejects.toMatchObject({
      code: 'Forbidden.AccessDenied.AccessTokenPermissionDenied',
      accessDeniedDetail: { requiredScopes: ['Card.Instance.Write'] },
    })
    sandbox.control.revokeTokens(app.clientId)
    await expect(createAndDeliver(newCard('card-2'))).rejects.toMatchObject({ code: 'InvalidAuthentication' })
  })
})
