import { describe, expect, test } from 'vitest'

import { createLog } from '../log.ts'
import type { HttpAnswer, HttpRequest } from '../outbound.ts'
import { holdBack, refuseBan } from './hold-back.ts'

const OK: HttpAnswer = { status: 200, contentType: 'application/json', text: '{}' }
const PAGE: HttpAnswer = { status: 403, contentType: 'text/html', text: '<html>blocked by the proxy</html>' }
const BAN_PAGE: HttpAnswer = {
  ...PAGE,
  text: '<!DOCTYPE html><html><script>window._config_ = {"status":1111,"wait":5,"source":"x5","punish":"deny"}</script>',
}
const BAN: HttpAnswer = { ...OK, text: '{"status":1111,"wait":5,"source":"x5","punish":"deny","uuid":"u"}' }

function rig(proxy?: string) {
  const asked: string[] = []
  const answers: HttpAnswer[] = []
  const lines: { msg: string; level: string }[] = []
  let nowMs = 10_000_000
  const write = (line: string): void => void lines.push(JSON.parse(line) as (typeof lines)[number])
  const log = createLog('debug', { write })
  const held = holdBack(
    async ({ url }) => {
      asked.push(url)
      return answers.shift() ?? OK
    },
    {
      clock: { nowMs: () => nowMs },
      log,
      proxyFor: () => (proxy === undefined ? undefined : { url: `http://u:secret@${proxy}`, name: proxy }),
    },
  )
  const call = (url = 'https://api.example/v1.0/card'): Promise<HttpAnswer> =>
    held.send({ method: 'POST', url, timeoutMs: 1 } satisfies HttpRequest)
  return { asked, answers, call, lines, notes: held.notes, pass: (ms: number) => (nowMs += ms) }
}

const throttled = (retryAfterMs: number, code = 'IM_RATE_LIMITED') => ({
  failure: { kind: 'throttled', code, retryAfterMs },
})

describe('the ban of an address', () => {
  test.each([BAN_PAGE, BAN])('holds back every call of every API until it is over: %j', async (ban) => {
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
    expect(await call()).toEqual(OK)
  })

  test('is not prolonged by a clock that is put back by an hour', async () => {
    const { answers, call, pass } = rig()
    answers.push(BAN)
    await call()
    pass(-3_600_000)
    await expect(call()).rejects.toMatchObject(throttled(300_000))
  })
})

describe('a page that is no answer of the API', () => {
  test('holds back its host alone, for a second that doubles to a minute', async () => {
    const { asked, answers, call, pass, lines } = rig()
    const pauses: number[] = []
    for (let met = 0; met < 8; met++) {
      answers.push(PAGE)
      const failed = await call().catch((error: unknown) => error as { failure: { retryAfterMs: number } })
      if (!('failure' in failed)) throw new Error('it went through')
      expect(failed).toMatchObject(throttled(failed.failure.retryAfterMs, 'NETWORK'))
      pauses.push(failed.failure.retryAfterMs)
      expect(await call('https://oapi.example/gettoken')).toEqual(OK)
      const before = asked.length
      await expect(call()).rejects.toMatchObject(throttled(failed.failure.retryAfterMs, 'NETWORK'))
      expect(asked).toHaveLength(before)
      pass(failed.failure.retryAfterMs)
    }
    expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000])
    expect(lines.map(({ msg }) => msg)).toEqual(['host-answers-with-a-page'])
  })

  test('is told with host and proxy until the host answers, and once in the log', async () => {
    const { answers, call, pass, lines, notes } = rig('proxy.corp:3128')
    answers.push({ ...PAGE, status: 302, text: '' }, { ...PAGE, status: 407, contentType: 'text/plain', text: 'no' })
    await expect(call()).rejects.toThrow(
      'HTTP 302, a page instead of an answer of api.example through the proxy proxy.corp:3128',
    )
    pass(1_000)
    await expect(call()).rejects.toThrow('HTTP 407')
    expect(notes()).toEqual([
      expect.stringMatching(/^api\.example through the proxy proxy\.corp:3128 answers with a page \(HTTP 407\)/),
    ])
    pass(2_000)
    expect(await call()).toEqual(OK)
    expect(notes()).toEqual([])
    expect(lines.map(({ msg }) => msg)).toEqual(['host-answers-with-a-page', 'host-answers-again'])
    expect(JSON.stringify([lines, notes()])).not.toContain('secret')
    answers.push(PAGE)
    await expect(call()).rejects.toMatchObject(throttled(1_000, 'NETWORK'))
  })

  test('a clock that is put back does not prolong the pause', async () => {
    const { answers, call, pass } = rig()
    answers.push(PAGE)
    await call().catch(() => {})
    pass(-3_600_000)
    await expect(call()).rejects.toMatchObject(throttled(60_000, 'NETWORK'))
  })
})

test.each([
  { ...PAGE, status: 502 },
  { ...BAN_PAGE, status: 503 },
  { ...PAGE, contentType: 'text/plain', text: 'blocked' },
  { ...OK, text: '{"status":1111}' },
  { ...BAN, status: 500, text: '{"code":"system.error"}' },
  { ...OK, status: 404, text: '{"code":"error.notFound"}' },
])('%j holds nothing back', async (answer) => {
  const { answers, call, notes } = rig()
  answers.push(answer)
  refuseBan(await call(), 'POST /a')
  expect(await call()).toEqual(OK)
  expect(notes()).toEqual([])
})
