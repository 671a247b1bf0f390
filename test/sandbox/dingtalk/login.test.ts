import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import type { Json } from './fields.ts'
import { type Answered, call, openOffice, type Office } from './rig.ts'
import type { User } from './types.ts'

const MINUTE_MS = 60_000
const CALLBACK = 'http://127.0.0.1:1/login/callback?kept=1'

let office: Office
let li: User

beforeAll(async () => {
  office = await openOffice()
})
afterAll(() => office.sandbox.close())

/** Each test may change who is there and what the app may do. */
beforeEach(() => {
  const { control } = office.sandbox
  li = control.createUser({ name: 'Li', mobile: '13800000000', email: 'li@home.example', orgEmail: 'li@example.com' })
  control.updateApp(office.app.clientId, { scopes: office.app.scopes, visibleTo: 'ALL' })
})

const clientCode = (): string => office.sandbox.control.clientCode(office.app.clientId, li.userId)
const browserCode = (corpId?: string): string =>
  office.sandbox.control.browserCode(office.app.clientId, li.userId, corpId)

function withoutScope(scope: string): void {
  const scopes = office.app.scopes.filter((one) => one !== scope)
  office.sandbox.control.updateApp(office.app.clientId, { scopes })
}

async function askOapi(path: string, body: unknown, token?: string): Promise<Json> {
  const { oapiUrl } = office.sandbox
  const { clientId, clientSecret } = office.app
  const keys = new URLSearchParams({ appkey: clientId, appsecret: clientSecret }).toString()
  const granted = (await (await fetch(`${oapiUrl}/gettoken?${keys}`)).json()) as { access_token: string }
  const query = new URLSearchParams({ access_token: token ?? granted.access_token }).toString()
  const answer = await fetch(`${oapiUrl}${path}?${query}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  expect(answer.status).toBe(200)
  return (await answer.json()) as Json
}

const getUserInfo = (code: string): Promise<Json> => askOapi('/topapi/v2/user/getuserinfo', { code })
const getUser = (userid: string): Promise<Json> => askOapi('/topapi/v2/user/get', { userid, language: 'zh_CN' })
const byUnionId = (unionid: string): Promise<Json> => askOapi('/topapi/user/getbyunionid', { unionid })

function exchange(code: string, fields: Json = {}): Promise<Answered> {
  const { clientId, clientSecret } = office.app
  const body = { clientId, clientSecret, code, grantType: 'authorization_code', ...fields }
  return call(office, 'POST', '/v1.0/oauth2/userAccessToken', body)
}

const me = (token: string): Promise<Answered> =>
  fetch(`${office.sandbox.apiUrl}/v1.0/contact/users/me`, { headers: { 'x-acs-dingtalk-access-token': token } }).then(
    async (answer) => ({ status: answer.status, body: (await answer.json()) as Json }),
  )

async function userToken(): Promise<string> {
  return String((await exchange(browserCode())).body['accessToken'])
}

describe('a code of the client', () => {
  test('tells who somebody is, once', async () => {
    const code = clientCode()
    expect(await getUserInfo(code)).toMatchObject({
      errcode: 0,
      errmsg: 'ok',
      request_id: expect.any(String),
      result: { userid: li.userId, unionid: li.unionId, name: 'Li', sys: false, sys_level: 0 },
    })
    expect(await getUserInfo(code)).toMatchObject({ errcode: 40078, errmsg: '不存在的临时授权码' })
  })

  test('lives five minutes by the virtual clock', async () => {
    const [early, late] = [clientCode(), clientCode()]
    office.sandbox.control.advance(4 * MINUTE_MS)
    expect(await getUserInfo(early)).toMatchObject({ errcode: 0 })
    office.sandbox.control.advance(MINUTE_MS)
    expect(await getUserInfo(late)).toMatchObject({ errcode: 40078 })
  })

  test('of the other kind, of another app, made up or left out is refused', async () => {
    const other = office.sandbox.control.createApp()
    const foreign = office.sandbox.control.clientCode(other.clientId, li.userId)
    for (const code of [browserCode(), foreign, 'made-up']) {
      expect(await getUserInfo(code)).toMatchObject({ errcode: 40078 })
    }
    expect(await getUserInfo('')).toMatchObject({ errcode: 41026 })
  })

  test('of somebody who has left meanwhile finds nobody', async () => {
    const code = clientCode()
    office.sandbox.control.removeUser(li.userId)
    expect(await getUserInfo(code)).toMatchObject({ errcode: 60121, errmsg: '找不到该用户' })
  })

  test('needs a permission and a token, whose lack the gateway tells in its own way', async () => {
    expect(await askOapi('/topapi/v2/user/getuserinfo', { code: clientCode() }, 'wrong')).toMatchObject({
      errcode: 88,
      sub_code: '40014',
    })
    expect(await askOapi('/topapi/v2/user/getuserinfo', { code: clientCode() }, '')).toMatchObject({
      errcode: 88,
      sub_code: '40000',
    })
    withoutScope('qyapi_base')
    expect(await getUserInfo(clientCode())).toMatchObject({ errcode: 88, sub_code: '60011' })
  })
})

describe('a code of the login page', () => {
  test('is exchanged for a token of the person’s, once; the token tells who it is', async () => {
    const code = browserCode()
    const { status, body } = await exchange(code)
    expect([status, body]).toEqual([
      200,
      {
        accessToken: expect.any(String),
        refreshToken: expect.any(String),
        expireIn: 7200,
        corpId: office.app.corpId,
      },
    ])
    expect(await me(String(body['accessToken']))).toMatchObject({
      status: 200,
      body: { nick: 'Li', unionId: li.unionId },
    })
    expect((await exchange(code)).status).toBe(400)
  })

  test.each<[string, () => string, Json, string]>([
    ['made up', () => 'made-up', {}, 'invalidParameter.authCode.notFound'],
    ['of the other kind', () => clientCode(), {}, 'invalidParameter.authCode.notFound'],
    ['with a wrong secret', () => browserCode(), { clientSecret: 'wrong' }, 'invalidClientIdOrSecret'],
    ['for another grant', () => browserCode(), { grantType: 'password' }, 'invalidParameter.grantType.notSupport'],
  ])('%s is refused', async (_what, code, fields, refusal) => {
    expect(await exchange(code(), fields)).toMatchObject({ status: 400, body: { code: refusal } })
  })

  test('lives five minutes, and its token two hours', async () => {
    const late = browserCode()
    office.sandbox.control.advance(5 * MINUTE_MS)
    expect((await exchange(late)).status).toBe(400)
    const token = await userToken()
    office.sandbox.control.advance(119 * MINUTE_MS)
    expect((await me(token)).status).toBe(200)
    office.sandbox.control.advance(MINUTE_MS)
    expect(await me(token)).toMatchObject({ status: 400, body: { code: 'InvalidAuthentication' } })
  })

  test('names the corporation that the person chose', async () => {
    expect((await exchange(browserCode('dingothercorp'))).body).toMatchObject({ corpId: 'dingothercorp' })
  })

  test('the token of an app is nobody’s, and the app needs a permission', async () => {
    expect(await me(office.token)).toMatchObject({ status: 400, body: { code: 'InvalidAuthentication' } })
    const token = await userToken()
    withoutScope('Contact.User.Read')
    expect(await me(token)).toMatchObject({
      status: 403,
      body: { accessdenieddetail: { requiredScopes: ['Contact.User.Read'] } },
    })
  })
})

describe('the directory', () => {
  test('tells by permission what may be known of a person', async () => {
    const { result } = await getUser(li.userId)
    expect(result).toMatchObject({ userid: li.userId, name: 'Li', mobile: li.mobile, org_email: li.orgEmail })
    withoutScope('fieldMobile')
    expect((await getUser(li.userId))['result']).not.toHaveProperty('mobile')
    withoutScope('fieldEmail')
    expect((await getUser(li.userId))['result']).not.toHaveProperty('org_email')
    withoutScope('qyapi_get_member')
    expect(await getUser(li.userId)).toMatchObject({ errcode: 88, sub_code: '60011' })
  })

  test('knows nobody who has left, and shows nobody whom the app may not see', async () => {
    office.sandbox.control.updateApp(office.app.clientId, { visibleTo: [office.wang.userId] })
    expect(await getUser(li.userId)).toMatchObject({ errcode: 50002 })
    office.sandbox.control.removeUser(li.userId)
    expect(await getUser(li.userId)).toMatchObject({ errcode: 60121 })
    expect(await byUnionId(li.unionId)).toMatchObject({ errcode: 60121 })
    expect(await getUser('')).toMatchObject({ errcode: 40035 })
  })

  test('by unionId tells colleagues from external contacts', async () => {
    const guest = office.sandbox.control.createUser({ name: 'Guest', external: true })
    expect(await byUnionId(li.unionId)).toMatchObject({ errcode: 0, result: { contact_type: 0, userid: li.userId } })
    expect(await byUnionId(guest.unionId)).toMatchObject({ result: { contact_type: 1, userid: guest.userId } })
  })
})

describe('the login page', () => {
  const open = (fields: Record<string, string> = {}): Promise<Response> => {
    const query = new URLSearchParams({
      redirect_uri: CALLBACK,
      response_type: 'code',
      client_id: office.app.clientId,
      scope: 'openid corpid',
      state: 'state 1&2',
      ...fields,
    })
    return fetch(`${office.sandbox.loginUrl}/oauth2/auth?${query.toString()}`)
  }

  async function choose(name: string, fields: Record<string, string> = {}): Promise<URL> {
    const text = await (await open(fields)).text()
    const href = new RegExp(`href="([^"]+)">${name}<`).exec(text)?.[1]?.replaceAll('&amp;', '&') ?? ''
    const back = await fetch(office.sandbox.loginUrl + href, { redirect: 'manual' })
    expect(back.status).toBe(302)
    return new URL(back.headers.get('location') ?? '')
  }

  test('sends whoever was chosen back with a code and the state, and keeps the rest of the address', async () => {
    li = office.sandbox.control.createUser({ name: 'Chosen' })
    const { searchParams } = await choose('以 Chosen 登录')
    expect([searchParams.get('kept'), searchParams.get('state')]).toEqual(['1', 'state 1&2'])
    const { body } = await exchange(searchParams.get('authCode') ?? '')
    expect(body).toMatchObject({ corpId: office.app.corpId })
    expect((await me(String(body['accessToken']))).body).toMatchObject({ unionId: li.unionId })
  })

  test('names another corporation when that was chosen, and none that was not asked for', async () => {
    const elsewhere = (await choose('以其他企业的 Li 登录')).searchParams
    expect((await exchange(elsewhere.get('authCode') ?? '')).body).toMatchObject({ corpId: 'dingothercorp' })
    const unasked = (await choose('以 Li 登录', { scope: 'openid' })).searchParams
    expect((await exchange(unasked.get('authCode') ?? '')).body).toMatchObject({ corpId: '' })
  })

  test('sends back whoever gives up, with an error and the state', async () => {
    const { searchParams } = await choose('取消')
    expect(Object.fromEntries(searchParams)).toEqual({ kept: '1', error: 'access_denied', state: 'state 1&2' })
  })

  test.each([
    ['client_id', 'nobody'],
    ['response_type', 'token'],
    ['redirect_uri', 'javascript:alert(1)'],
    ['scope', 'corpid'],
  ])('is not shown for a wrong %s', async (field, value) => {
    const answer = await open({ [field]: value })
    expect([answer.status, await answer.text()]).toEqual([400, expect.stringContaining(field)])
  })
})
