import { PassThrough } from 'node:stream'

import { Hono } from 'hono'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { readBody } from '../../src/http/read-body.ts'
import { listen, SERVER_SETTINGS, type ServerSettings } from '../../src/http/server.ts'
import { createLog } from '../../src/log.ts'
import { makeToken, post } from '../support/bridge.ts'
import { eventually } from '../support/eventually.ts'
import { localEventUrl } from '../support/http-door.ts'
import { expectSilence, listRecords, openScene, type Scene } from '../support/journey.ts'
import { logIn, pathOfPages } from '../support/pages.ts'
import { headOf, openRaw } from '../support/raw-http.ts'
import { csrfOf } from '../support/visitor.ts'

/** Whose bodies are read, and what becomes of those that are not. */

const KIB = 1024
const MIB = KIB * KIB

let scene: Scene
let token: string
let callback: string
let pages: string
beforeAll(async () => {
  scene = await openScene()
  token = (await makeToken(scene.world)).token
  const event = new URL(await localEventUrl(scene.world, scene.app))
  callback = event.pathname + event.search
  pages = pathOfPages(scene)
})
afterAll(async () => {
  expectSilence(scene.world, scene.app.lines)
  await scene.close()
})

const JSON_TYPE = { 'content-type': 'application/json' }
const FORM_TYPE = { 'content-type': 'application/x-www-form-urlencoded' }
const DELIVER = '/api/v1/deliver'

/** What is refused of whoever is not known, with nothing but what is said before the body. */
const STRANGERS: [what: string, path: () => string, headers: Record<string, string>, status: number][] = [
  ['an unknown path', () => '/nowhere', JSON_TYPE, 404],
  ['an unknown path below /api', () => '/api/v2/deliver', JSON_TYPE, 404],
  ['a path that is only looked at', () => '/healthz', JSON_TYPE, 404],
  ['no token', () => DELIVER, JSON_TYPE, 401],
  ['a wrong token', () => `/fd${DELIVER}`, { ...JSON_TYPE, authorization: 'Bearer wrong' }, 401],
  ['a wrong key of events', () => '/event/push/dingtalk?integration_key=x', JSON_TYPE, 404],
  ['a wrong key of presses', () => '/card/push/dingtalk?integration_key=x', JSON_TYPE, 404],
  ['a wrong key of messages', () => '/robot/push/dingtalk', JSON_TYPE, 404],
  ['a right key, but no JSON', () => callback, { 'content-type': 'text/plain' }, 415],
  ['the form of nobody', () => `${pages}/link/key`, FORM_TYPE, 401],
  ['the form of an unknown integration', () => '/h5/nobody/link/key', FORM_TYPE, 404],
  ['a login that is no JSON', () => `${pages}/login`, FORM_TYPE, 400],
]

describe.each(STRANGERS)('%s', (_what, path, headers, status) => {
  test.each([
    ['of a length', { 'content-length': String(512 * KIB) }],
    ['of no length', { 'transfer-encoding': 'chunked' }],
    ['that asks first', { 'content-length': '10', expect: '100-continue' }],
  ])('a body %s is answered before it comes, and the connection is over', async (_how, framing) => {
    const raw = await openRaw(scene.app.url)
    raw.socket.write(headOf('POST', path(), { ...headers, ...framing }))
    const heard = await raw.ended
    expect(heard).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    expect(heard).toMatch(/^connection: close\r$/im)
    raw.socket.destroy()
  })

  test('whoever sends all of it first gets the answer all the same', async () => {
    const raw = await openRaw(scene.app.url)
    raw.socket.write(headOf('POST', path(), { ...headers, 'content-length': String(6 * MIB) }))
    raw.socket.pause()
    await new Promise<void>((resolve, reject) => {
      raw.socket.write(Buffer.alloc(6 * MIB, 'x'), (error) => (error ? reject(error) : resolve()))
    })
    raw.socket.resume()
    const heard = await raw.ended
    // It says itself that it is too large for what is callback or page.
    const isLarge = /push|h5/.test(path())
    expect(heard).toMatch(new RegExp(`^HTTP/1\\.1 ${isLarge ? 413 : status} `))
    raw.socket.destroy()
  })
})

describe('of whoever is known', () => {
  test('a body of no length is read as far as it may be', async () => {
    for (const [size, status] of [
      [MIB, 400],
      [MIB + 1, 413],
    ] as const) {
      const raw = await openRaw(scene.app.url)
      const auth = { authorization: `Bearer ${token}` }
      raw.socket.write(headOf('POST', DELIVER, { ...JSON_TYPE, ...auth, 'transfer-encoding': 'chunked' }))
      raw.socket.write(`${size.toString(16)}\r\n${'x'.repeat(size)}\r\n`)
      if (status === 400) raw.socket.write('0\r\n\r\n')
      expect(await raw.hears(/^HTTP\/1\.1 \d+/)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
      raw.socket.destroy()
    }
  })

  test('one that asks first is told to go on, and one that is too large is not', async () => {
    const head = { ...JSON_TYPE, authorization: `Bearer ${token}`, expect: '100-continue' }
    const raw = await openRaw(scene.app.url)
    raw.socket.write(headOf('POST', DELIVER, { ...head, 'content-length': '2' }))
    await raw.hears(/^HTTP\/1\.1 100 Continue\r\n\r\n/)
    raw.socket.write('{}')
    await raw.hears(/HTTP\/1\.1 400 /)
    raw.socket.destroy()
    const large = await openRaw(scene.app.url)
    large.socket.write(headOf('POST', DELIVER, { ...head, 'content-length': String(MIB + 1) }))
    expect(await large.ended).toMatch(/^HTTP\/1\.1 413 /)
    large.socket.destroy()
  })

  test('forms are small, and come as ours are sent', async () => {
    const visitor = await logIn(scene, scene.world.people.zhang)
    const csrf = csrfOf(await visitor.get(`${pages}/`))
    const path = `${pages}/language`
    const boundary = 'multipart/form-data; boundary=x'
    const multipart = `--x\r\ncontent-disposition: form-data; name="csrf"\r\n\r\n${csrf}\r\n--x--\r\n`
    const answers = [
      await visitor.submit(path, { csrf, lang: 'zh-CN' }),
      await visitor.post(path, multipart, { 'content-type': boundary }),
      await visitor.submit(path, { csrf, lang: 'x'.repeat(70_000) }),
      await visitor.submit(`${pages}/nowhere`, { csrf }),
    ]
    expect(answers.map(({ status }) => status)).toEqual([303, 415, 413, 404])
    expect(answers[1]?.text).toContain('过长或格式不对')
    expect(answers[1]?.headers.get('connection')).toBe('close')
  })
})

describe('a post that is refused though its token is right', () => {
  const count = async (status: number): Promise<number> => {
    const text = await (await fetch(`${scene.app.url}/metrics`)).text()
    const line = new RegExp(`^flashduty_dingtalk_posts_refused_total\\{status="${status}"\\} (\\d+)$`, 'm').exec(text)
    return Number(line?.[1] ?? 0)
  }

  const ROWS: [number, string, string, string, Record<string, string>, (id: string) => string][] = [
    [404, 'POST', '/api/v2/deliver', 'nothing is at this address', JSON_TYPE, bodyOf],
    [404, 'POST', '/fd/api/', 'nothing is at this address', JSON_TYPE, bodyOf],
    [404, 'POST', '/webhook', 'nothing is at this address', JSON_TYPE, bodyOf],
    [405, 'PUT', DELIVER, 'PUT is not POST', JSON_TYPE, bodyOf],
    [405, 'PATCH', `/fd${DELIVER}`, 'PATCH is not POST', JSON_TYPE, bodyOf],
    [415, 'POST', DELIVER, 'Content-Type must be', { 'content-type': 'text/plain' }, bodyOf],
    [415, 'POST', DELIVER, 'Content-Encoding must be', { ...JSON_TYPE, 'content-encoding': 'zstd' }, bodyOf],
    [413, 'POST', DELIVER, 'more than 1048576 bytes', JSON_TYPE, (id) => bodyOf(id, MIB)],
  ]
  test.each(ROWS)('%i %s %s (%s) is told in the log, counted and on record', async (...row) => {
    const [status, method, path, why, headers, make] = row
    const id = `refused-${ROWS.indexOf(row)}-${method}-${path}-${why}`.replaceAll(/\W/g, '-')
    const before = await count(status)
    const ask = () =>
      fetch(scene.app.url + path, {
        method,
        headers: { ...headers, 'x-flashduty-token': token },
        body: make(id),
      })
    const answer = await ask()
    await answer.text()
    expect(answer.status).toBe(status)
    if (status === 405) expect(answer.headers.get('allow')).toBe('POST')
    const ids = { eventId: `e-${id}`, incidentId: `i-${id}` }
    const told = scene.app.lines.filter(({ msg, eventId }) => msg === 'post-refused' && eventId === ids.eventId)
    expect(told).toMatchObject([{ level: 'warn', status, path, address: '127.0.0.1', ...ids }])
    expect(told[0]?.['why']).toContain(why)
    expect(await count(status)).toBe(before + 1)
    await (await ask()).text()
    const records = (await listRecords(scene.world)).filter((record) => record.event_id === ids.eventId)
    expect(records).toMatchObject([
      { kind: 'job', status: 'failed', reason_code: 'INVALID_PAYLOAD', incident_id: ids.incidentId, duplicates: 1 },
    ])
    expect(records[0]?.detail).toContain(`HTTP ${status} `)
  })

  test.each([
    ['content-length', '5000', ''],
    ['transfer-encoding', 'chunked', '800\r\n'],
  ])('408: one that breaks off, with %s', async (name, value, before) => {
    const id = `cut-off-${name}`
    const raw = await openRaw(scene.app.url)
    raw.socket.write(headOf('POST', DELIVER, { ...JSON_TYPE, 'x-flashduty-token': token, [name]: value }))
    await new Promise<unknown>((resolve) => raw.socket.write(before + bodyOf(id), resolve))
    raw.socket.destroy()
    const told = await eventually('it is told', () => scene.app.lines.find(({ eventId }) => eventId === `e-${id}`))
    expect(told).toMatchObject({ msg: 'post-refused', status: 408, incidentId: `i-${id}` })
    const isRecorded = async () => (await listRecords(scene.world)).some(({ event_id: event }) => event === `e-${id}`)
    await eventually('it is on record', isRecorded)
  })

  test('400 is on record once', async () => {
    const before = await count(400)
    const body = { event_id: 'e-without-incident' }
    expect((await post(scene.app.url, body, { 'x-flashduty-token': token })).status).toBe(400)
    const records = (await listRecords(scene.world)).filter(({ event_id: id }) => id === body.event_id)
    expect(records).toHaveLength(1)
    expect(await count(400)).toBe(before + 1)
    expect(scene.app.lines).toContainEqual(
      expect.objectContaining({ msg: 'post-refused', status: 400, eventId: body.event_id }),
    )
  })

  test('without one nothing is told of it', async () => {
    const body = bodyOf('of-nobody')
    for (const [path, status] of [
      ['/api/v2/deliver', 404],
      [DELIVER, 401],
    ] as const) {
      const answer = await fetch(scene.app.url + path, { method: 'POST', headers: { 'x-flashduty-token': 'x' }, body })
      await answer.text()
      expect(answer.status).toBe(status)
    }
    expect((await fetch(scene.app.url + DELIVER, { method: 'PUT', body })).status).toBe(404)
    expect(JSON.stringify(scene.app.lines)).not.toContain('of-nobody')
    expect(JSON.stringify(await listRecords(scene.world))).not.toContain('of-nobody')
  })
})

function bodyOf(id: string, padding = 0): string {
  return JSON.stringify({ event_id: `e-${id}`, incident: { incident_id: `i-${id}` }, padding: 'x'.repeat(padding) })
}

describe('connections', () => {
  async function serving(settings: Partial<ServerSettings>, use: (url: string, lines: () => string) => Promise<void>) {
    const stream = new PassThrough()
    let lines = ''
    stream.on('data', (chunk: Buffer) => (lines += chunk.toString('utf8')))
    const app = new Hono()
    app.get('/', (c) => c.text('here'))
    app.post('/', async (c) => c.text((await readBody(c, KIB)).kind))
    const address = { host: '127.0.0.1', port: 0 }
    const server = await listen(app, address, createLog('debug', stream), { ...SERVER_SETTINGS, ...settings })
    try {
      await use(`http://127.0.0.1:${server.port}`, () => lines)
    } finally {
      await server.close()
    }
  }

  test('that are slow to say what they want are closed, and others are served', async () => {
    await serving({ headersMs: 200, requestMs: 400, checkMs: 20 }, async (url) => {
      const silent = await openRaw(url)
      const slow = await openRaw(url)
      slow.socket.write('GET / HTTP/1.1\r\nhost: here\r\n')
      const unfinished = await openRaw(url)
      unfinished.socket.write(`${headOf('POST', '/', { 'content-length': '10' })}12345`)
      expect(await (await fetch(url)).text()).toBe('here')
      for (const one of [silent, slow, unfinished]) await one.ended.catch(() => {})
      expect(slow.heard()).toMatch(/^HTTP\/1\.1 408 /)
      expect(unfinished.heard()).not.toMatch(/^HTTP\/1\.1 200 /)
    })
  })

  test('beyond so many are not taken, which is told once, and are when others have gone', async () => {
    await serving({ maxConnections: 2 }, async (url, lines) => {
      const first = await openRaw(url)
      const second = await openRaw(url)
      for (const one of [first, second]) {
        one.socket.write(headOf('GET', '/', {}))
        await one.hears(/here$/)
      }
      for (let count = 0; count < 3; count++) {
        const more = await openRaw(url)
        await more.ended.catch(() => {})
        expect(more.heard()).toBe('')
      }
      expect(lines().match(/connections-dropped/g)).toHaveLength(1)
      second.socket.destroy()
      await eventually('there is room again', async () => (await (await fetch(url)).text()) === 'here')
      first.socket.destroy()
    })
  })

  test('are kept for longer than a proxy keeps its own', () => {
    expect(SERVER_SETTINGS.keepAliveMs).toBeGreaterThan(60_000)
  })
})
