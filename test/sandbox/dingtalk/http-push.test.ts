import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { cardSignature, encrypt, faultOfAnswer, signatureOf } from './push-crypto.ts'
import { callAsApp, createAndDeliver, groupCard, type Office, openOffice, reopen } from './rig.ts'

const KEYS = { token: 'flashdutyDemo01', aesKey: 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG' }

type Received = { query: URLSearchParams; headers: Record<string, string | string[] | undefined>; body: string }
type Reply = { status?: number; body: string; headers?: Record<string, string> } | 'nothing'

/** An address that keeps what it gets and answers what it is told. */
async function openReceiver() {
  const received: Received[] = []
  const receiver = { url: '', received, reply: (): Reply => ({ body: success() }), close: () => {} }
  const server = createServer((request, response) => {
    void readText(request).then((body) => {
      const { searchParams: query } = new URL(request.url ?? '/', 'http://receiver')
      received.push({ query, headers: request.headers, body })
      const reply = receiver.reply()
      if (reply === 'nothing') return
      response.writeHead(reply.status ?? 200, { 'content-type': 'application/json', ...reply.headers })
      response.end(reply.body)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  receiver.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?key=k`
  receiver.close = () => {
    server.closeAllConnections()
    server.close()
  }
  return receiver
}

async function readText(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return text
}

let office: Office
let receiver: Awaited<ReturnType<typeof openReceiver>>
beforeEach(async () => {
  office = await openOffice({ httpRetryDelaysMs: [10, 20], httpEventDeadlineMs: 2_000, failedPageSize: 2 })
  receiver = await openReceiver()
})
afterEach(async () => {
  receiver.close()
  await office.sandbox.close()
})

/** What an address has to answer. */
function success(over: { message?: string; owner?: string; blockSize?: number } = {}): string {
  const encrypted = encrypt(KEYS, over.message ?? 'success', over.owner ?? office.app.clientId, over.blockSize)
  const msg_signature = signatureOf(KEYS, '1', 'n', encrypted)
  return JSON.stringify({ msg_signature, timeStamp: '1', nonce: 'n', encrypt: encrypted })
}

const save = () => office.sandbox.control.setEventUrl(office.app.clientId, { url: receiver.url, ...KEYS })
const push = (eventId: string, data: object = { title: 'T' }) =>
  office.sandbox.control.pushEvent(office.app.clientId, { eventType: 'chat_update_title', eventId, data })

describe('crypto', () => {
  test('is that of the vendor’s pages: an answer made by other code', () => {
    const answer = {
      msg_signature: '714d72c4fc0d2c81604a2291f9fdd042b12ba657',
      timeStamp: '1767225600123',
      nonce: 'respNonce1',
      encrypt: 'FuMrX8LKb8d1+83UAx0RlYCrbMF/MU+g6ANIwUrmiBtUZQjwwEVrsLjdXa7VI6NPSpVkJoOYsemQyi2d67zIvA==',
    }
    const judge = (text: string, owner = 'dingdemoappkey0001') => faultOfAnswer(KEYS, owner, text, 'success')
    expect(judge(JSON.stringify(answer))).toBeUndefined()
    expect(judge(JSON.stringify({ ...answer, timeStamp: undefined }))).toContain('a key is missing')
    expect(judge(JSON.stringify({ ...answer, nonce: 'other' }))).toContain('signature')
    expect(judge(JSON.stringify(answer), 'dingother')).toContain('owner key')
    expect(judge('success')).toContain('not JSON')
  })

  test('of card callbacks too', () => {
    expect(cardSignature('demoCardApiSecret', '1767225600000')).toBe('tPw2xquJiLN8zxiBauJRBCCIO7gGllkm06ASw9NHdfY=')
  })
})

describe('saving an address', () => {
  test('checks it first, and goes to HTTP mode', async () => {
    expect(await save()).toEqual({ saved: true })
    expect(office.sandbox.control.app(office.app.clientId)).toMatchObject({ eventMode: 'HTTP' })
    const [check] = receiver.received
    expect([...(check?.query.keys() ?? [])].sort()).toEqual(['key', 'msg_signature', 'nonce', 'signature', 'timestamp'])
    const { encrypt: encrypted } = JSON.parse(check?.body ?? '{}') as { encrypt: string }
    const query = (name: string): string => check?.query.get(name) ?? ''
    expect(query('signature')).toBe(signatureOf(KEYS, query('timestamp'), query('nonce'), encrypted))
  })

  // Answers of programs that run against the real one.
  test('takes a time that is a number, and padding to the blocks of AES', async () => {
    receiver.reply = () => ({ body: success().replace('"timeStamp":"1"', '"timeStamp":1') })
    expect(await save()).toEqual({ saved: true })
    for (const owner of ['ding1', 'ding1234567890123', 'ding56789012345678901234567890']) {
      const { clientId } = office.sandbox.control.createApp({ clientId: owner })
      receiver.reply = () => ({ body: success({ blockSize: 16, owner }) })
      expect(await office.sandbox.control.setEventUrl(clientId, { url: receiver.url, ...KEYS })).toEqual({
        saved: true,
      })
    }
  })

  test.each<[string, () => Reply]>([
    ['another word', () => ({ body: success({ message: 'ok' }) })],
    ['another owner', () => ({ body: success({ owner: 'dingother' }) })],
    ['a plain success', () => ({ body: 'success' })],
    ['a failure', () => ({ status: 500, body: success() })],
    ['a redirect', () => ({ status: 302, body: '', headers: { location: receiver.url } })],
  ])('is refused for %s', async (_what, reply) => {
    receiver.reply = reply
    expect(await save()).toMatchObject({ saved: false })
    expect(receiver.received).toHaveLength(1)
    expect(office.sandbox.control.app(office.app.clientId).eventAddress).toBeUndefined()
  })
})

describe('an event', () => {
  test('whose answer had come in time is a success, however late this process gets to read it', async () => {
    office = await reopen(office, { httpEventDeadlineMs: 1_000 })
    await save()
    const until = performance.now() + 1_200
    receiver.reply = () => {
      // Once the answer is on its way.
      setImmediate(() => {
        while (performance.now() < until);
      })
      return { body: success() }
    }
    push('e1')
    expect(await office.sandbox.control.eventSettled('e1')).toBe('success')
    expect(receiver.received).toHaveLength(1 + 1)
  })

  test('is pushed again after a failure, twice, and then parked: two by two, dropped once they were returned', async () => {
    await save()
    receiver.reply = () => ({ status: 500, body: '{}' })
    for (const id of ['e1', 'e2', 'e3']) {
      push(id, { title: id })
      expect(await office.sandbox.control.eventSettled(id)).toBe('dropped')
    }
    expect(receiver.received).toHaveLength(1 + 9)
    expect(office.sandbox.control.parkedEvents(office.app.clientId)).toBe(3)
    const pages = [await failedPage(), await failedPage(), await failedPage()]
    expect(pages.map(({ failed_list: list, has_more: more }) => [list.map(titleOf), more])).toEqual([
      [['e1', 'e2'], true],
      [['e3'], false],
      [[], false],
    ])
  })

  test('cannot be fetched any more after minutes', async () => {
    await save()
    receiver.reply = () => ({ body: '{}' })
    push('e1')
    expect(await office.sandbox.control.eventSettled('e1')).toBe('dropped')
    office.sandbox.control.advance(300_001)
    expect((await failedPage()).failed_list).toEqual([])
  })

  test('is a success when the second try is', async () => {
    await save()
    const replies: Reply[] = [{ status: 500, body: '' }]
    receiver.reply = () => replies.shift() ?? { body: success() }
    push('e1')
    expect(await office.sandbox.control.eventSettled('e1')).toBe('success')
    expect(office.sandbox.journal.of('http-push').filter(({ businessId }) => businessId === 'e1')).toMatchObject([
      { status: 500, attempt: 1, reason: expect.stringContaining('500') as string },
      { status: 200, attempt: 2, reason: undefined },
    ])
  })
})

type Page = { has_more: boolean; failed_list: { chat_update_title: { callbackData: { title: string } } }[] }
const titleOf = (item: Page['failed_list'][number]): string => item.chat_update_title.callbackData.title

async function failedPage(): Promise<Page> {
  const { oapiUrl } = office.sandbox
  const { clientId, clientSecret } = office.app
  const got = await fetch(`${oapiUrl}/gettoken?appkey=${clientId}&appsecret=${clientSecret}`)
  const { access_token: token } = (await got.json()) as { access_token: string }
  const page = await fetch(`${oapiUrl}/call_back/get_call_back_failed_result?access_token=${token}`)
  return (await page.json()) as Page
}

describe('the failed list', () => {
  test.each([
    ['', '40000'],
    ['?access_token=wrong', '40014'],
  ])('is not for everybody: %j', async (query, subCode) => {
    const answer = await fetch(`${office.sandbox.oapiUrl}/call_back/get_call_back_failed_result${query}`)
    expect([answer.status, await answer.json()]).toMatchObject([200, { errcode: 88, sub_code: subCode }])
  })
})

describe('an HTTP card', () => {
  const register = (over: object = {}) =>
    callAsApp(office, 'POST', '/v1.0/card/callbacks/register', {
      callbackRouteKey: 'route',
      callbackUrl: receiver.url,
      apiSecret: 'demoCardApiSecret',
      forceUpdate: false,
      ...over,
    })
  const pressed = async () => {
    const card = groupCard(office, { callbackType: 'HTTP', callbackRouteKey: 'route' })
    await createAndDeliver(office, card)
    return office.sandbox.control.press({
      outTrackId: String(card['outTrackId']),
      userId: office.li.userId,
      buttonId: 'ack',
      force: true,
    })
  }

  test('has an address per key, which stays until it is forced', async () => {
    const kept = { callbackUrl: receiver.url, apiSecret: 'demoCardApiSecret' }
    expect((await register()).body).toEqual({ success: true, result: kept })
    const other = { callbackUrl: 'https://other.example/', apiSecret: 'other' }
    expect((await register(other)).body).toEqual({ success: true, result: kept })
    expect((await register({ ...other, forceUpdate: true })).body).toEqual({ success: true, result: other })
    expect(await register({ callbackRouteKey: '' })).toMatchObject({ body: { code: 'param.callbackRouteKeyEmpty' } })
    expect(await register({ callbackUrl: '' })).toMatchObject({ body: { code: 'param.callbackUrlEmpty' } })
  })

  test('calls back there, signed, and shows the answer to the presser alone', async () => {
    await register()
    receiver.reply = () => ({ body: JSON.stringify({ cardData: { cardParamMap: { title: 'acked' } }, ...BY_KEY }) })
    const result = await pressed()
    expect(result).toMatchObject({ outcome: 'answered', view: { title: 'acked' } })
    const [callback] = receiver.received
    const stamp = String(callback?.headers['x-ddpaas-signature-timestamp'])
    expect(callback?.headers['x-ddpaas-signature']).toBe(cardSignature('demoCardApiSecret', stamp))
    const body = JSON.parse(callback?.body ?? '{}') as Record<string, unknown>
    expect(Object.keys(body).sort()).toEqual(['content', 'corpId', 'outTrackId', 'type', 'userId'])
    const [card] = office.sandbox.control.cards()
    expect(office.sandbox.control.view(card ?? '', office.wang.userId)?.title).not.toBe('acked')
  })

  test.each<[string, Reply]>([
    ['a failure', { status: 500, body: '{}' }],
    ['no JSON', { body: 'oops' }],
    ['a value that is no text', { body: '{"cardData":{"cardParamMap":{"title":1}}}' }],
  ])('shows a failed request for %s', async (_what, reply) => {
    await register()
    receiver.reply = () => reply
    expect((await pressed()).outcome).toBe('failed')
  })

  test('without a registered address reaches nobody', async () => {
    expect(await pressed()).toMatchObject({ outcome: 'failed', reason: expect.stringContaining('route') as string })
  })
})

const BY_KEY = { cardUpdateOptions: { updateCardDataByKey: true, updatePrivateDataByKey: true } }
