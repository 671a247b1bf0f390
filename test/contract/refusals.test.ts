import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { createDingTalkClient, type DingTalkClient } from '../../src/dingtalk/client.ts'
import { createOapiClient, type OapiClient } from '../../src/dingtalk/oapi-client.ts'
import { holdBack } from '../../src/dingtalk/hold-back.ts'
import { AppError } from '../../src/errors.ts'
import { createLog } from '../../src/log.ts'
import { createOutbound, type SendHttp } from '../../src/outbound.ts'
import { startDingTalk } from '../sandbox/dingtalk/index.ts'
import { REFUSALS } from '../sandbox/dingtalk/refusals.ts'
import type { DingTalkSandbox, RefusalName } from '../sandbox/dingtalk/types.ts'

/** Every way in which DingTalk refuses a call, and what our clients make of it. */

const THROTTLED = ['throttled', 'IM_RATE_LIMITED']
const UNKNOWN = ['unknown-outcome', 'IM_ERROR']
const BUG = ['permanent', 'IM_ERROR']
const RETRY = ['retryable', 'IM_ERROR']
const OK = ['done', '']
const blocked = (code: string): string[] => ['blocked', code]
const permanent = (code: string): string[] => ['permanent', code]

const MEANINGS: Record<RefusalName, string[]> = {
  'qps-app': THROTTLED,
  'qps-api': THROTTLED,
  'qpm-app': THROTTLED,
  'http-429': THROTTLED,
  'oapi-90002': THROTTLED,
  'oapi-90018': THROTTLED,
  'send-too-fast': THROTTLED,
  'send-by-token-too-fast': THROTTLED,
  'too-many-group': THROTTLED,
  'too-many-people': THROTTLED,
  'ip-ban-page': THROTTLED,
  'ip-ban-json': THROTTLED,
  'proxy-page': ['throttled', 'NETWORK'],
  'proxy-login': ['throttled', 'NETWORK'],
  'system-error': UNKNOWN,
  'system-busy': UNKNOWN,
  'unknown-error': UNKNOWN,
  'bad-gateway': UNKNOWN,
  unavailable: UNKNOWN,
  'oapi-busy': RETRY,
  // The token is fetched anew and the call made once more.
  'token-invalid': OK,
  'oapi-token-invalid': OK,
  'oapi-token-expired': OK,
  'token-missing': BUG,
  'oapi-token-missing': BUG,
  'credentials-wrong': blocked('APP_CREDENTIAL_INVALID'),
  'oapi-credentials-wrong': blocked('APP_CREDENTIAL_INVALID'),
  'oapi-app-key-wrong': blocked('APP_CREDENTIAL_INVALID'),
  'auth-failed': blocked('APP_CREDENTIAL_INVALID'),
  'scope-missing': blocked('APP_PERMISSION_MISSING'),
  'oapi-scope-missing': blocked('APP_PERMISSION_MISSING'),
  'ip-not-allowed': blocked('IP_NOT_ALLOWED'),
  'oapi-ip-not-allowed': blocked('IP_NOT_ALLOWED'),
  'quota-used-up': blocked('IM_QUOTA_EXCEEDED'),
  'oapi-quota-used-up': blocked('IM_QUOTA_EXCEEDED'),
  'auth-level': blocked('APP_PERMISSION_MISSING'),
  'group-disbanded': permanent('CHAT_NOT_FOUND'),
  'group-invalid': permanent('CHAT_NOT_FOUND'),
  'group-of-other-org': permanent('CHAT_NOT_FOUND'),
  'robot-unavailable': permanent('ROBOT_NOT_IN_CHAT'),
  'cool-app-uninstalled': permanent('COOL_APP_NOT_INSTALLED'),
  'bot-stopped': permanent('ROBOT_NOT_IN_CHAT'),
  'group-permission-denied': permanent('GROUP_NOT_TOLD'),
  'group-template-denied': permanent('GROUP_NOT_TOLD'),
  'cool-app-unknown': permanent('GROUP_NOT_TOLD'),
  'cool-app-denied': permanent('GROUP_NOT_TOLD'),
  'owner-invisible': permanent('GROUP_NOT_TOLD'),
  'cid-broken': permanent('GROUP_NOT_TOLD'),
  'param-illegal': permanent('GROUP_NOT_TOLD'),
  'param-blank': permanent('GROUP_NOT_TOLD'),
  'scene-system-error': RETRY,
  'auth-error': permanent('GROUP_NOT_TOLD'),
  'user-unknown': permanent('IM_USER_NOT_FOUND'),
  'card-user-unknown': permanent('IM_USER_NOT_FOUND'),
  'oapi-user-unknown': permanent('IM_USER_NOT_FOUND'),
  'oapi-user-id-invalid': permanent('IM_USER_NOT_FOUND'),
  'oapi-user-out-of-scope': permanent('OUT_OF_SCOPE'),
  'template-unknown': blocked('TEMPLATE_INVALID'),
  'template-unpublished': blocked('TEMPLATE_INVALID'),
  'content-unsafe': permanent('CONTENT_REJECTED'),
  'content-url': permanent('CONTENT_REJECTED'),
  'content-text': permanent('CONTENT_REJECTED'),
  'param-invalid': permanent('CONTENT_REJECTED'),
  'param-invalid-space': BUG,
  'string-missing': permanent('CONTENT_REJECTED'),
  'resource-not-found': permanent('CHAT_NOT_FOUND'),
  'cid-illegal': permanent('CHAT_NOT_FOUND'),
  'robot-code-unknown': permanent('ROBOT_NOT_IN_CHAT'),
  'robot-code-missing': BUG,
  rejected: BUG,
  'stream-card-unknown': permanent('CARD_NOT_EXIST'),
  'message-param-invalid': BUG,
  'param-missing': BUG,
  'oapi-param-missing': BUG,
  'oapi-param-invalid': BUG,
  'card-unknown': permanent('CARD_NOT_EXIST'),
  'card-known': permanent('CARD_ALREADY_EXIST'),
  'unlisted-4xx': BUG,
  'unlisted-5xx': UNKNOWN,
}

const outbound = createOutbound()
let sandbox: DingTalkSandbox
let client: DingTalkClient
let oapi: OapiClient
let cid: string
let userId: string

beforeAll(async () => {
  sandbox = await startDingTalk({ qpsPerApi: 0, systemPingMs: 0 })
  const { control } = sandbox
  const app = control.createApp()
  userId = control.createUser({ name: 'Li' }).userId
  cid = control.createGroup({ title: 'On-call A', memberUserIds: [userId] }).openConversationId
  const clock = { nowMs: () => Date.now() }
  const way = { clock, log: createLog('silent'), proxyFor: outbound.proxyFor }
  // A new one each time: what one call meets must not hold back the next.
  const send: SendHttp = (request) => holdBack(outbound.send, way).send(request)
  const deps = { send, clock }
  client = createDingTalkClient(app, { ...deps, apiUrl: sandbox.apiUrl })
  oapi = createOapiClient(app, { ...deps, oapiUrl: sandbox.oapiUrl })
})
afterAll(async () => {
  await outbound.close()
  await sandbox.close()
})

const askApi = () => client.call('POST', '/v1.0/robot/groups/robots/query', { openConversationId: cid })
const askOapi = () => oapi.call('POST', '/topapi/v2/user/get', { userid: userId })

async function outcomeOf(work: Promise<unknown>): Promise<string[]> {
  try {
    await work
    return OK
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return [error.failure.kind, error.failure.code]
  }
}

describe('a refusal of DingTalk’s', () => {
  test.each(Object.entries(MEANINGS) as [RefusalName, string[]][])('%s is %j', async (name, meaning) => {
    const isOapi = name.startsWith('oapi-')
    sandbox.control.refuse(isOapi ? 'user/get' : 'robots/query', name)
    expect(await outcomeOf(isOapi ? askOapi() : askApi())).toEqual(meaning)
    expect(await outcomeOf(isOapi ? askOapi() : askApi())).toEqual(OK)
  })

  test('is none that this table leaves out', () => {
    expect(Object.keys(MEANINGS).sort()).toEqual(Object.keys(REFUSALS).sort())
  })
})

test('an answer that ends in its middle may have been to a call that was done', async () => {
  sandbox.control.addFault({ api: 'robots/query', effect: { kind: 'apply-then-cut' } })
  expect(await outcomeOf(askApi())).toEqual(['unknown-outcome', 'NETWORK'])
})
