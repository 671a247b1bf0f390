import { describe, expect, test } from 'vitest'

import { AppError } from '../errors.ts'
import type { HttpAnswer, HttpRequest } from '../outbound.ts'
import { createDingTalkClient } from './client.ts'

const TOKEN = '/v1.0/oauth2/accessToken'
const CARDS = '/v1.0/card/instances'

/** DingTalk as a list of answers by path; tokens count up. */
function rig(answers: Partial<HttpAnswer>[], tokenAnswer?: () => Partial<HttpAnswer>) {
  const requests: HttpRequest[] = []
  let tokens = 0
  let nowMs = 1_760_000_000_000
  const client = createDingTalkClient(
    { clientId: 'dingapp', clientSecret: 'demo-secret' },
    {
      apiUrl: 'https://api.example',
      clock: { nowMs: () => nowMs },
      send: async (request) => {
        requests.push(request)
        const usual = { status: 200, contentType: 'application/json' }
        if (request.url.endsWith(TOKEN)) {
          tokens += 1
          return {
            ...usual,
            text: JSON.stringify({ accessToken: `token${tokens}`, expireIn: 7200 }),
            ...tokenAnswer?.(),
          }
        }
        return { ...usual, text: '{"success":true}', ...answers.shift() }
      },
    },
  )
  return {
    client,
    requests,
    paths: () => requests.map(({ url }) => url.slice('https://api.example'.length)),
    usedTokens: () => requests.flatMap(({ headers }) => headers?.['x-acs-dingtalk-access-token'] ?? []),
    pass: (ms: number) => (nowMs += ms),
  }
}

const failure = (status: number, code: string): Partial<HttpAnswer> => ({
  status,
  text: JSON.stringify({ code, requestid: 'r', message: `message of ${code}` }),
})

describe('the access token', () => {
  test('is fetched once for calls at the same time and kept for later ones', async () => {
    const { client, paths } = rig([])
    await Promise.all([client.call('PUT', CARDS, {}), client.call('PUT', CARDS, {})])
    await client.call('PUT', CARDS, {})
    expect(paths()).toEqual([TOKEN, CARDS, CARDS, CARDS])
  })

  test('is renewed before it runs out', async () => {
    const { client, usedTokens, pass } = rig([])
    await client.call('PUT', CARDS, {})
    pass(109 * 60_000)
    await client.call('PUT', CARDS, {})
    pass(2 * 60_000)
    await client.call('PUT', CARDS, {})
    expect(usedTokens()).toEqual(['token1', 'token1', 'token2'])
  })

  test('that is refused is replaced once, and the call repeated once', async () => {
    const { client, usedTokens } = rig([failure(400, 'InvalidAuthentication')])
    await expect(client.call('PUT', CARDS, {})).resolves.toEqual({ success: true })
    expect(usedTokens()).toEqual(['token1', 'token2'])
  })

  test('that is refused although it is fresh means wrong credentials', async () => {
    const { client, usedTokens } = rig([failure(400, 'InvalidAuthentication'), failure(400, 'InvalidAuthentication')])
    await expect(client.call('PUT', CARDS, {})).rejects.toMatchObject({
      failure: { kind: 'blocked', code: 'APP_CREDENTIAL_INVALID' },
    })
    expect(usedTokens()).toHaveLength(2)
  })

  test.each<[string, Partial<HttpAnswer>, object]>([
    ['wrong credentials', failure(400, 'invalidClientIdOrSecret'), { kind: 'blocked', code: 'APP_CREDENTIAL_INVALID' }],
    ['a fault of DingTalk', failure(500, 'unknownError'), { kind: 'retryable', code: 'IM_ERROR' }],
    ['an answer without a token', { text: '{}' }, { kind: 'retryable', code: 'IM_ERROR' }],
    ['an answer that is not JSON', { text: 'oops' }, { kind: 'retryable', code: 'IM_ERROR' }],
  ])('cannot be fetched for %s: nothing was done', async (_why, answer, expected) => {
    const { client, paths } = rig([], () => answer)
    await expect(client.call('PUT', CARDS, {})).rejects.toMatchObject({ failure: expected })
    expect(paths()).toEqual([TOKEN])
  })
})

describe('answers', () => {
  test.each<[string, Partial<HttpAnswer>, object]>([
    [
      'a code',
      failure(403, 'Forbidden.AccessDenied.QpsLimitForApi'),
      { kind: 'throttled', code: 'IM_RATE_LIMITED', retryAfterMs: 1_000 },
    ],
    [
      'the page of the firewall',
      {
        status: 403,
        contentType: 'text/html; charset=utf-8',
        text: '<html><script>{"status":1111,"punish":"deny"}</script></html>',
      },
      { kind: 'throttled', code: 'IM_RATE_LIMITED', retryAfterMs: 300_000 },
    ],
    [
      'the code of the firewall',
      { status: 403, text: '{"status":1111,"wait":5,"source":"x5","punish":"deny","uuid":"u"}' },
      { kind: 'throttled', code: 'IM_RATE_LIMITED', retryAfterMs: 300_000 },
    ],
    [
      'the code of the firewall with HTTP 200',
      { status: 200, text: '{"status":1111,"wait":5,"source":"x5","punish":"deny","uuid":"u"}' },
      { kind: 'throttled', code: 'IM_RATE_LIMITED', retryAfterMs: 300_000 },
    ],
    [
      'the page of a broken gateway',
      { status: 502, contentType: 'text/html', text: '<html>Bad Gateway</html>' },
      { kind: 'unknown-outcome', code: 'IM_ERROR' },
    ],
    ['no JSON though it succeeded', { status: 200, text: 'done' }, { kind: 'unknown-outcome', code: 'IM_ERROR' }],
    ['an empty body', { status: 400, text: '' }, { kind: 'permanent', code: 'IM_ERROR' }],
    ['JSON of another kind', { status: 400, text: '[]' }, { kind: 'permanent', code: 'IM_ERROR' }],
  ])('%s', async (_what, answer, expected) => {
    const { client } = rig([answer])
    await expect(client.call('PUT', CARDS, {})).rejects.toMatchObject({ failure: expected })
  })

  test('a failure says what DingTalk said, and nothing of the request', async () => {
    const { client } = rig([failure(400, 'param.cardNotExist')])
    const error = await client.call('PUT', CARDS, { secret: 'demo-body' }).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(AppError)
    expect(error).toMatchObject({
      message: `PUT ${CARDS}: param.cardNotExist`,
      detail: 'param.cardNotExist: message of param.cardNotExist',
    })
    expect(JSON.stringify(error)).not.toMatch(/demo-|token1/)
  })

  test('a long message is cut', async () => {
    const { client } = rig([{ status: 400, text: JSON.stringify({ code: 'x', message: 'm'.repeat(10_000) }) }])
    const error = (await client.call('PUT', CARDS, {}).catch((thrown: unknown) => thrown)) as AppError
    expect(error.detail).toHaveLength(500)
  })
})
