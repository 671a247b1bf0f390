import { expect, test } from 'vitest'

import type { HttpAnswer, HttpRequest } from '../outbound.ts'
import { holdBackWhileBanned, refuseBan } from './ban.ts'

const OK: HttpAnswer = { status: 200, contentType: 'application/json', text: '{}' }
const PAGE: HttpAnswer = { status: 403, contentType: 'text/html', text: '<html>blocked</html>' }
const CODE: HttpAnswer = {
  status: 200,
  contentType: 'application/json',
  text: '{"status":1111,"wait":5,"source":"x5","punish":"deny","uuid":"u"}',
}

function rig() {
  const asked: string[] = []
  const answers: HttpAnswer[] = []
  let nowMs = 1_000_000
  const send = holdBackWhileBanned(
    async ({ url }) => {
      asked.push(url)
      return answers.shift() ?? OK
    },
    { nowMs: () => nowMs },
  )
  const call = (url: string): Promise<HttpAnswer> => send({ method: 'POST', url, timeoutMs: 1 } satisfies HttpRequest)
  return { asked, answers, call, pass: (ms: number) => (nowMs += ms) }
}

const throttled = (retryAfterMs: number) => ({ failure: { kind: 'throttled', code: 'IM_RATE_LIMITED', retryAfterMs } })

test.each([PAGE, CODE])('a ban holds back every call of every API until it is over: %j', async (ban) => {
  const { asked, answers, call, pass } = rig()
  answers.push(ban)
  const met = await call('https://api.example/v1.0/card?x=secret')
  expect(() => refuseBan(met, 'POST /v1.0/card')).toThrow('banned')
  pass(100_000)
  await expect(call('https://oapi.example/topapi/user?access_token=secret')).rejects.toMatchObject({
    ...throttled(200_000),
    message: expect.not.stringContaining('secret') as string,
  })
  expect(asked).toHaveLength(1)
  pass(200_000)
  expect(await call('https://api.example/v1.0/card')).toEqual(OK)
})

test('a clock that is put back by an hour does not prolong it', async () => {
  const { answers, call, pass } = rig()
  answers.push(CODE)
  await call('https://api.example/a')
  pass(-3_600_000)
  await expect(call('https://api.example/a')).rejects.toMatchObject(throttled(300_000))
})

test.each([
  { ...PAGE, status: 502 },
  { ...PAGE, contentType: 'text/plain' },
  { ...CODE, text: '{"status":1111}' },
  { ...CODE, status: 500, text: '{"code":"system.error"}' },
])('%j is no ban', async (answer) => {
  const { answers, call } = rig()
  answers.push(answer)
  refuseBan(await call('https://api.example/a'), 'POST /a')
  expect(await call('https://api.example/a')).toEqual(OK)
})
