import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Office } from './rig.ts'
import { call, callAsApp, fetchToken, openOffice } from './rig.ts'

let office: Office

beforeEach(async () => {
  office = await openOffice()
})

afterEach(() => office.sandbox.close())

const ACCESS_TOKEN = '/v1.0/oauth2/accessToken'
const QUERY_GROUP = '/v1.0/im/sceneGroups/query'

describe('tokens', () => {
  test('a fetch within validity returns the same token and renews it', async () => {
    const { sandbox, app, token, group } = office
    sandbox.control.advance(7_000_000)
    expect(await fetchToken(sandbox, app)).toBe(token)
    sandbox.control.advance(7_000_000)
    const { openConversationId } = group
    const query = { openConversationId, coolAppCode: app.coolAppCode }
    expect((await callAsApp(office, 'POST', QUERY_GROUP, query)).status).toBe(200)
  })

  test('after expiry the token is refused and a fetch brings another', async () => {
    const { sandbox, app, token } = office
    sandbox.control.advance(7_200_001)
    const refused = await callAsApp(office, 'POST', QUERY_GROUP, {})
    expect(refused).toMatchObject({ status: 400, body: { code: 'InvalidAuthentication' } })
    expect(refused.body['requestid']).toMatch(/^[0-9A-F-]{36}$/)
    expect(await fetchToken(sandbox, app)).not.toBe(token)
  })

  test('a revoked token is refused', async () => {
    office.sandbox.control.revokeTokens(office.app.clientId)
    expect(await callAsApp(office, 'POST', QUERY_GROUP, {})).toMatchObject({
      status: 400,
      body: { code: 'InvalidAuthentication' },
    })
  })

  test('a call without the token header is refused', async () => {
    expect(await call(office, 'POST', QUERY_GROUP, {})).toMatchObject({
      status: 400,
      body: { code: 'AuthenticationFailed.MissingParameter', message: '缺少参数：x-acs-dingtalk-access-token' },
    })
  })

  test('wrong credentials bring no token', async () => {
    const keys = { appKey: office.app.clientId, appSecret: 'wrong' }
    expect(await call(office, 'POST', ACCESS_TOKEN, keys)).toMatchObject({
      status: 400,
      body: { code: 'invalidClientIdOrSecret' },
    })
  })

  test('the oapi family answers 200 and tells in errcode', async () => {
    const { sandbox, app } = office
    const get = async (query: string): Promise<unknown> => {
      const response = await fetch(`${sandbox.oapiUrl}${query}`)
      expect(response.status).toBe(200)
      return response.json()
    }
    expect(await get(`/gettoken?appkey=${app.clientId}&appsecret=${app.clientSecret}`)).toMatchObject({
      errcode: 0,
      errmsg: 'ok',
      expires_in: 7200,
      access_token: expect.stringMatching(/^[0-9a-f]{32}$/),
    })
    expect(await get(`/gettoken?appkey=${app.clientId}&appsecret=x`)).toMatchObject({ errcode: 40096 })
    expect(await get('/gettoken')).toMatchObject({ errcode: 40035 })
    expect(await get('/topapi/nothing')).toMatchObject({ errcode: 22 })
  })
})

describe('the way in', () => {
  test('a body that is not JSON is no body', async () => {
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    const missing = { status: 400, body: { code: 'Missingbody', message: 'body is mandatory for this action' } }
    expect(await call(office, 'POST', ACCESS_TOKEN, 'appKey=a&appSecret=b', form)).toMatchObject(missing)
    expect(await call(office, 'POST', ACCESS_TOKEN, '{"appKey":')).toMatchObject(missing)
    expect(await call(office, 'POST', ACCESS_TOKEN, '[]')).toMatchObject(missing)
  })

  test('a missing scope is named', async () => {
    office.sandbox.control.updateApp(office.app.clientId, { scopes: ['qyapi_base'] })
    expect(await callAsApp(office, 'PUT', '/v1.0/card/instances', {})).toMatchObject({
      status: 403,
      body: {
        code: 'Forbidden.AccessDenied.AccessTokenPermissionDenied',
        message: '应用尚未开通所需的权限：[Card.Instance.Write]',
        accessdenieddetail: { requiredScopes: ['Card.Instance.Write'] },
      },
    })
  })

  test('unknown paths answer by family of gateway', async () => {
    expect(await callAsApp(office, 'POST', '/v1.0/nothing/here', {})).toMatchObject({
      status: 404,
      body: { code: 'error.notFound' },
    })
    expect(await callAsApp(office, 'POST', '/nothing', {})).toEqual({
      status: 200,
      body: { errcode: 404, errmsg: '请求的URI地址不存在' },
    })
  })

  test('more calls in a second than allowed are refused, per API', async () => {
    const office = await openOffice({ qpsPerApi: 3 })
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => callAsApp(office, 'POST', QUERY_GROUP, { openConversationId: '' })),
    )
    const refused = answers.filter(({ status }) => status === 403)
    expect(refused).toHaveLength(2)
    expect(refused[0]?.body['code']).toBe('Forbidden.AccessDenied.QpsLimitForAppkeyAndApi')
    const other = await callAsApp(office, 'PUT', '/v1.0/card/instances', {})
    expect(other.body['code']).toBe('param.outTrackIdEmpty')
    const tokens = await Promise.all(Array.from({ length: 5 }, () => fetchToken(office.sandbox, office.app)))
    expect(new Set(tokens)).toEqual(new Set([office.token]))
    await office.sandbox.close()
  })
})
