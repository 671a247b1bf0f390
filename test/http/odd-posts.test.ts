import { PassThrough } from 'node:stream'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'

import { Hono } from 'hono'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { addDeliverRoute, type PostTaken } from '../../src/http/api/deliver.ts'
import type { RefusedPost } from '../../src/http/api/refuse-post.ts'
import type { TokenScope } from '../../src/domain/token-scopes.ts'
import { createAddressOf } from '../../src/http/client-address.ts'
import { type HttpServer, listen } from '../../src/http/server.ts'
import { createLog } from '../../src/log.ts'

/** Bodies in whatever they are packed and written in: what comes of them, and what the sender is told. */

const MIB = 1024 * 1024
const ALERT = { event_id: 'e-1', incident: { incident_id: 'i-1', title: '磁盘告警 “/data”' } }
const TEXT = JSON.stringify(ALERT)
const PLAIN = Buffer.from(TEXT)

const SCOPES: Record<string, TokenScope[]> = { right: ['deliver'], reading: ['groups', 'people', 'records'] }

let server: HttpServer
let url: string
let taken: unknown[]
let unreadable: string[]
let refused: RefusedPost[]
let answer: PostTaken
const lines = new PassThrough()
beforeAll(async () => {
  const log = createLog('debug', lines)
  const app = new Hono()
  addDeliverRoute(app, {
    log,
    nowMs: () => 0,
    addressOf: createAddressOf([]),
    scopesOf: (token) => Promise.resolve(SCOPES[token]),
    takePost: (body) => {
      taken.push(body)
      return Promise.resolve(answer)
    },
    takeUnreadablePost: (text, problem) => {
      unreadable.push(text)
      return Promise.resolve({ outcome: 'invalid', path: '(body)', problem })
    },
    noteRefused: (post) => {
      refused.push(post)
      return Promise.resolve()
    },
  })
  server = await listen(app, { host: '127.0.0.1', port: 0 }, log)
  url = `http://127.0.0.1:${server.port}/api/v1/deliver`
})
beforeEach(() => {
  taken = []
  unreadable = []
  refused = []
  answer = { outcome: 'accepted', duplicate: false, afterReply: () => {} }
  lines.read()
})
afterAll(() => server.close())

async function send(body: Buffer, headers: Record<string, string> = {}) {
  const got = await fetch(url, {
    method: 'POST',
    headers: { authorization: 'Bearer right', 'content-type': 'application/json', ...headers },
    body: new Uint8Array(body),
  })
  return { status: got.status, headers: got.headers, body: (await got.json()) as Record<string, unknown> }
}

describe('what a body is packed in', () => {
  test.each<[string, Buffer]>([
    ['gzip', gzipSync(PLAIN)],
    ['GZip', gzipSync(PLAIN)],
    ['x-gzip', gzipSync(PLAIN)],
    ['deflate', deflateSync(PLAIN)],
    ['deflate', deflateRawSync(PLAIN)],
    ['br', brotliCompressSync(PLAIN)],
    ['identity', PLAIN],
    ['', PLAIN],
    ['gzip, br', brotliCompressSync(gzipSync(PLAIN))],
    ['deflate ,identity,gzip', gzipSync(deflateSync(PLAIN))],
    // Whoever packs in pieces.
    ['gzip', Buffer.concat([gzipSync(PLAIN.subarray(0, 20)), gzipSync(PLAIN.subarray(20))])],
  ])('%s is undone', async (encoding, body) => {
    const { status, body: said } = await send(body, { 'content-encoding': encoding })
    expect([status, said]).toEqual([200, { accepted: true, duplicate: false, ignored: [] }])
    expect(taken).toEqual([ALERT])
  })

  test('a small body that packs well is an honest one, and so is a large one within the bounds', async () => {
    for (const filler of ['x'.repeat(60_000), 'abcdefgh '.repeat(10_000).slice(0, 60_000)]) {
      const alert = { ...ALERT, filler }
      expect((await send(gzipSync(JSON.stringify(alert)), { 'content-encoding': 'gzip' })).status).toBe(200)
    }
    const bytes = Buffer.from(JSON.stringify({ ...ALERT, filler: noise(900_000) }))
    expect((await send(gzipSync(bytes), { 'content-encoding': 'gzip' })).status).toBe(200)
  })

  const huge = Buffer.from(JSON.stringify({ ...ALERT, filler: noise(2 * MIB) }))
  const bomb = Buffer.from(JSON.stringify({ ...ALERT, filler: 'x'.repeat(5 * MIB) }))
  test.each<[string, string, Buffer, RegExp]>([
    ['too large once unpacked', 'gzip', gzipSync(huge.subarray(0, MIB + 1)), /more than 1048576 bytes/],
    ['a bomb of gzip', 'gzip', gzipSync(bomb), /more than 100 times/],
    ['a bomb of brotli', 'br', brotliCompressSync(bomb), /more than 100 times/],
    ['a bomb in a bomb', 'gzip, gzip', gzipSync(gzipSync(bomb)), /more than 100 times/],
    ['a bare bomb', 'deflate', deflateRawSync(bomb), /more than 100 times/],
    ['too large as it is', 'identity', huge, /more than 1048576 bytes/],
  ])('%s: 413, and known by its ids', async (_what, encoding, body, problem) => {
    const got = await send(body, { 'content-encoding': encoding })
    expect([got.status, got.body['error']]).toEqual([413, 'BODY_TOO_LARGE'])
    expect(got.body['problem']).toMatch(problem)
    expect(taken).toEqual([])
    expect(refused).toMatchObject([{ status: 413, eventId: 'e-1', incidentId: 'i-1', recorded: false }])
  })

  test.each(['zstd', 'compress', 'gzip, lzma', 'aes128gcm', 'gzip;q=1', 'gzip,gzip,gzip,gzip,gzip'])(
    '%s is not understood, and what is, is said',
    async (encoding) => {
      const got = await send(PLAIN, { 'content-encoding': encoding })
      expect([got.status, got.body['error']]).toEqual([415, 'UNSUPPORTED_ENCODING'])
      expect(got.body['problem']).toContain('gzip, x-gzip, deflate, br or identity')
      expect(got.headers.get('accept-encoding')).toBe('gzip, deflate, br')
      expect(refused).toMatchObject([{ status: 415, eventId: 'e-1', incidentId: 'i-1' }])
    },
  )

  const [gzipped, packed] = [gzipSync(PLAIN), brotliCompressSync(PLAIN)]
  test.each<[string, Buffer]>([
    ['gzip', PLAIN],
    ['gzip', gzipped.subarray(0, 12)],
    ['gzip', Buffer.concat([gzipped.subarray(0, -8), Buffer.alloc(8)])],
    ['deflate', Buffer.from([0xff, 0xff, 0xff])],
    ['br', packed.subarray(0, 10)],
    ['gzip, br', brotliCompressSync(PLAIN)],
  ])('broken %s: 400', async (encoding, body) => {
    const got = await send(body, { 'content-encoding': encoding })
    expect(got.status).toBe(400)
    expect(got.body).toMatchObject({ error: 'INVALID_PAYLOAD', path: '(body)' })
    expect(got.body['problem']).toMatch(/^is not valid (gzip|deflate|br)$/)
    expect(taken).toEqual([])
    expect(refused).toMatchObject([{ status: 400 }])
    // On record once: by whoever keeps texts, or by its ids.
    expect(refused.map(({ recorded }) => recorded)).toEqual([unreadable.length > 0])
  })
})

describe('what a body is written in', () => {
  const big5 = [...Buffer.from('{"a":"'), 0xa4, 0xa4, ...Buffer.from('"}')]
  const gbk = [...Buffer.from('{"a":"'), 0xd6, 0xd0, ...Buffer.from('"}')]
  const little = Buffer.from('{"a":"中"}', 'utf16le')
  const swapped = Buffer.from(little).swap16()
  const mark = { utf8: [0xef, 0xbb, 0xbf], little: [0xff, 0xfe], big: [0xfe, 0xff] }
  test.each<[string, number[] | Buffer]>([
    ['application/json;charset=utf-8', Buffer.from('{"a":"中"}')],
    ['application/json; charset="UTF8"', Buffer.from('{"a":"中"}')],
    ['Application/JSON ;Charset=GBK', gbk],
    ['application/vnd.alert.v1+json; v=1; charset=gb2312', gbk],
    ['application/json; charset=GB18030', gbk],
    ['application/json; charset=cp936', gbk],
    ['application/json; charset=big5', big5],
    ['application/json; charset=utf-16le', little],
    ['application/json; charset=utf-16be', swapped],
    ['application/json; charset=utf-16', [...mark.big, ...swapped]],
    ['application/json; charset=utf-16', [...mark.little, ...little]],
    ['application/json', [...mark.utf8, ...Buffer.from('{"a":"中"}')]],
    ['application/json', [...mark.little, ...little]],
    ['application/json', [...mark.big, ...swapped]],
    ['application/json', little],
    ['application/json', swapped],
    // What the body says of itself it knows better.
    ['application/json; charset=iso-8859-1', [...mark.utf8, ...Buffer.from('{"a":"中"}')]],
  ])('%s', async (type, body) => {
    const got = await send(Buffer.from(body), { 'content-type': type })
    expect([got.status, got.body['ignored']]).toEqual([200, []])
    expect(taken).toEqual([{ a: '中' }])
  })

  test.each([
    ['iso-8859-1', [0xe9, 0x93], 'é“'],
    ['latin1', [0xfc], 'ü'],
    ['windows-1252', [0x80], '€'],
    ['windows-1251', [0xcf], 'П'],
    ['shift_jis', [0x82, 0xa0], 'あ'],
    ['euc-kr', [0xb0, 0xa1], '가'],
  ])('%s', async (charset, bytes, text) => {
    const body = Buffer.from([...Buffer.from('{"a":"'), ...bytes, ...Buffer.from('"}')])
    const got = await send(body, { 'content-type': `application/json; charset=${charset}` })
    expect([got.status, got.body['ignored']]).toEqual([200, []])
    expect(taken).toEqual([{ a: text }])
  })

  test.each([
    ['application/json', [0xe4, 0xb8], 'UTF-8'],
    ['application/json; charset=utf8', [0xff], 'UTF-8'],
    ['application/json; charset=gbk', [0xff], 'GBK'],
    ['application/json; charset=big5', [0xa4], 'BIG5'],
  ])('of %s, a byte that is not valid is shown as such and said', async (type, bytes, name) => {
    const body = Buffer.from([...Buffer.from('{"event_id":"e-1","a":"x'), ...bytes, ...Buffer.from('","b":1}')])
    answer = { outcome: 'accepted', duplicate: true, ignored: [{ path: 'b', problem: 'odd' }], afterReply: () => {} }
    const got = await send(body, { 'content-type': type })
    const said = { path: '(body)', problem: `has bytes that are not valid ${name}: shown as \u{fffd}` }
    expect(got.body).toEqual({ accepted: true, duplicate: true, ignored: [said, { path: 'b', problem: 'odd' }] })
    expect(taken).toEqual([{ event_id: 'e-1', a: 'x\u{fffd}', b: 1 }])
    const logged = String(lines.read()).trim().split('\n')
    expect(logged.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { msg: 'post-unlike-sent', eventId: 'e-1', ignored: [said] },
    ])
  })

  test('a charset that nobody knows is said, and the alert is taken', async () => {
    const got = await send(PLAIN, { 'content-type': 'application/json; charset=ebcdic-<b>' })
    expect(got.status).toBe(200)
    const problem = 'has a charset that is not known (ebcdic-?b?): read as UTF-8'
    expect(got.body['ignored']).toEqual([{ path: '(body)', problem }])
    expect(taken).toEqual([ALERT])
  })

  test('packed and written', async () => {
    const type = { 'content-type': 'application/json; charset=gbk', 'content-encoding': 'gzip' }
    expect((await send(gzipSync(Buffer.from(gbk)), type)).status).toBe(200)
    expect(taken).toEqual([{ a: '中' }])
  })
})

describe('what is refused', () => {
  test.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/jsonp',
    'text/json',
    'multipart/form-data',
  ])('%s: 415, and known by its ids', async (type) => {
    const got = await send(PLAIN, { 'content-type': type })
    expect([got.status, got.body['error']]).toEqual([415, 'UNSUPPORTED_MEDIA_TYPE'])
    expect(refused).toEqual([
      {
        status: 415,
        why: 'Content-Type must be application/json',
        path: '/api/v1/deliver',
        address: '127.0.0.1',
        recorded: false,
        eventId: 'e-1',
        incidentId: 'i-1',
      },
    ])
  })

  test.each<[string, Record<string, string>]>([
    ['{"event_id":"e-1","incident":{"incident_id":"i-1"', { eventId: 'e-1', incidentId: 'i-1' }],
    ['{"incident":{"event_id":"e-2"}', { eventId: 'e-2' }],
    ['{"event_id": 17,', { eventId: '17' }],
    ['event_id=1', {}],
    [`{"event_id":"${'e'.repeat(300)}"`, {}],
  ])('%s tells %j', async (text, ids) => {
    expect((await send(Buffer.from(text))).status).toBe(400)
    const [{ eventId, incidentId, recorded } = refusal()] = refused
    expect({ ...(eventId ? { eventId } : {}), ...(incidentId ? { incidentId } : {}) }).toEqual(ids)
    expect(recorded).toBe(true)
  })

  test('one body too many under one id: 409', async () => {
    answer = { outcome: 'too-many-variants' }
    const problem = 'too many different bodies came under this event id already'
    expect(await send(PLAIN)).toMatchObject({ status: 409, body: { error: 'TOO_MANY_VARIANTS', problem } })
    expect(refused).toMatchObject([{ status: 409, why: problem, eventId: 'e-1', recorded: false }])
  })

  test('without a right token nobody is told anything', async () => {
    const wrong = { authorization: 'Bearer wrong' }
    expect((await send(PLAIN, { ...wrong, 'content-type': 'text/plain' })).status).toBe(401)
    expect((await send(Buffer.from('{'), wrong)).status).toBe(401)
    expect([refused, unreadable, taken]).toEqual([[], [], []])
  })
})

function refusal(): never {
  throw new Error('nothing was refused')
}

/** Does not pack well. */
function noise(length: number): string {
  let state = 7
  const next = (): string => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    return state.toString(36)
  }
  let text = ''
  while (text.length < length) text += next()
  return text.slice(0, length)
}
