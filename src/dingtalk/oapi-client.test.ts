import { describe, expect, test } from 'vitest'

import { AppError } from '../errors.ts'
import type { HttpAnswer, HttpRequest } from '../outbound.ts'
import { createOapiClient } from './oapi-client.ts'

const PATH = '/topapi/v2/user/getuserinfo'

/** The older half of DingTalk as a list of answers; tokens count up. */
function rig(answers: object[], tokenAnswer?: object) {
  const requests: HttpRequest[] = []
  let tokens = 0
  let nowMs = 1_760_000_000_000
  const client = createOapiClient(
    { clientId: 'dingapp', clientSecret: 'demo-secret' },
    {
      oapiUrl: 'https://oapi.example/base',
      clock: { nowMs: () => nowMs },
      send: async (request) => {
        requests.push(request)
        const usual = { status: 200, contentType: 'application/json' }
        if (request.url.includes('/gettoken')) {
          tokens += 1
          const answer = tokenAnswer ?? { errcode: 0, errmsg: 'ok', access_token: `token${tokens}`, expires_in: 7200 }
          return { ...usual, text: JSON.stringify(answer) }
        }
        const answer: Partial<HttpAnswer> = answers.shift() ?? { text: '{"errcode":0,"errmsg":"ok"}' }
        return { ...usual, text: JSON.stringify(answer), ...(answer.text === undefined ? {} : answer) }
      },
    },
  )
  return {
    client,
    requests,
    usedTokens: () => requests.flatMap(({ url }) => new URL(url).searchParams.get('access_token') ?? []),
    pass: (ms: number) => (nowMs += ms),
  }
}

const wrapped = (subCode: string) => ({
  errcode: 88,
  sub_code: subCode,
  sub_msg: 'said so',
  errmsg: `ding talk error[subcode=${subCode},submsg=said so]`,
  request_id: '16l4demo',
})

test('credentials and token travel in the query, beside a query of the call’s own', async () => {
  const { client, requests } = rig([{ errcode: 0, result: { userid: 'user0002' } }])
  expect(await client.call('POST', `${PATH}?lang=zh`, { code: 'c1' })).toMatchObject({ result: { userid: 'user0002' } })
  expect(requests.map(({ method, url, body }) => ({ method, url, body }))).toEqual([
    { method: 'GET', url: 'https://oapi.example/base/gettoken?appkey=dingapp&appsecret=demo-secret', body: undefined },
    { method: 'POST', url: `https://oapi.example/base${PATH}?lang=zh&access_token=token1`, body: { code: 'c1' } },
  ])
})

describe('the token', () => {
  test('is fetched once for calls at the same time and renewed before it runs out', async () => {
    const { client, usedTokens, pass } = rig([])
    await Promise.all([client.call('GET', '/a'), client.call('GET', '/b')])
    pass(111 * 60_000)
    await client.call('GET', '/c')
    expect(usedTokens()).toEqual(['token1', 'token1', 'token2'])
  })

  test.each([[wrapped('40014')], [wrapped('42001')], [{ errcode: 40014 }], [{ errcode: 42001 }]])(
    'that is refused (%j) is replaced once, and the call repeated once',
    async (refusal) => {
      const once = rig([refusal])
      await once.client.call('GET', '/a')
      expect(once.usedTokens()).toEqual(['token1', 'token2'])

      const twice = rig([refusal, refusal])
      await expect(twice.client.call('GET', '/a')).rejects.toMatchObject({
        failure: { kind: 'blocked', code: 'APP_CREDENTIAL_INVALID' },
      })
      expect(twice.usedTokens()).toHaveLength(2)
    },
  )

  test.each<[object, object]>([
    [
      { errcode: 40096, errmsg: '不合法的appKey或appSecret' },
      { kind: 'blocked', code: 'APP_CREDENTIAL_INVALID' },
    ],
    [{ errcode: 40089 }, { kind: 'blocked', code: 'APP_CREDENTIAL_INVALID' }],
    [{ errcode: 40001 }, { kind: 'blocked', code: 'APP_CREDENTIAL_INVALID' }],
    [{ errcode: -1 }, { kind: 'retryable', code: 'IM_ERROR' }],
    [{ errcode: 0 }, { kind: 'retryable', code: 'IM_ERROR' }],
    [{}, { kind: 'retryable', code: 'IM_ERROR' }],
  ])('cannot be fetched: %j', async (answer, failure) => {
    const { client, usedTokens } = rig([], answer)
    await expect(client.call('GET', '/a')).rejects.toMatchObject({ failure })
    expect(usedTokens()).toEqual([])
  })
})

describe('answers', () => {
  const throttled = { kind: 'throttled', code: 'IM_RATE_LIMITED' }
  test.each<[object, object]>([
    [wrapped('60011'), { kind: 'blocked', code: 'APP_PERMISSION_MISSING' }],
    [wrapped('90018'), { ...throttled, retryAfterMs: 1_000 }],
    [{ errcode: 90002 }, { ...throttled, retryAfterMs: 1_000 }],
    [{ errcode: '90020' }, { kind: 'blocked', code: 'IM_QUOTA_EXCEEDED' }],
    [{ errcode: 60020 }, { kind: 'blocked', code: 'IP_NOT_ALLOWED' }],
    [{ errcode: 60121 }, { kind: 'permanent', code: 'IM_USER_NOT_FOUND' }],
    [{ errcode: 33012 }, { kind: 'permanent', code: 'IM_USER_NOT_FOUND' }],
    [{ errcode: 50002 }, { kind: 'permanent', code: 'OUT_OF_SCOPE' }],
    [{ errcode: 40078 }, { kind: 'permanent', code: 'LOGIN_CODE_INVALID' }],
    [{ errcode: 40035 }, { kind: 'permanent', code: 'IM_ERROR' }],
    [wrapped('40000'), { kind: 'permanent', code: 'IM_ERROR' }],
    [{ errcode: 88 }, { kind: 'permanent', code: 'IM_ERROR' }],
    [
      { errcode: 22, errmsg: 'Invalid method[x]' },
      { kind: 'permanent', code: 'IM_ERROR' },
    ],
    [
      { status: 403, contentType: 'text/html', text: '<html><script>{"status":1111,"punish":"deny"}</script></html>' },
      { ...throttled, retryAfterMs: 300_000 },
    ],
    [{ text: '{"status":1111,"wait":5,"punish":"deny"}' }, { ...throttled, retryAfterMs: 300_000 }],
    [
      { status: 502, text: 'Bad Gateway' },
      { kind: 'unknown-outcome', code: 'IM_ERROR' },
    ],
    [{ text: 'done' }, { kind: 'unknown-outcome', code: 'IM_ERROR' }],
    [{ text: '[]' }, { kind: 'unknown-outcome', code: 'IM_ERROR' }],
    [
      { status: 404, text: '' },
      { kind: 'permanent', code: 'IM_ERROR' },
    ],
  ])('%j', async (answer, failure) => {
    const { client } = rig([answer])
    await expect(client.call('GET', '/a')).rejects.toMatchObject({ failure })
  })

  test('a failure says what DingTalk said, and nothing of the request', async () => {
    const { client } = rig([{ errcode: 40035, errmsg: 'bad token1 of demo-secret' }])
    const error = await client.call('POST', `${PATH}?q=demo-query`, { code: 'demo-body' }).catch((thrown) => thrown)
    expect(error).toBeInstanceOf(AppError)
    expect(error).toMatchObject({ message: `POST ${PATH}: 40035`, detail: '40035: bad [secret] of [secret]' })
    expect(JSON.stringify(error)).not.toMatch(/demo-|token1/)
  })
})
