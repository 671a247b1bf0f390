import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import type { Office } from './rig.ts'
import {
  IMPATIENT,
  openOffice,
  openStream,
  polite,
  refusedUpgrade,
  reopen,
  replyTo,
  requestTicket,
  streamUrl,
} from './rig.ts'

let office: Office

beforeEach(async () => {
  office = await openOffice()
})

afterEach(() => office.sandbox.close())

const OPEN = '/v1.0/gateway/connections/open'

describe('opening', () => {
  test('a ticket opens one connection', async () => {
    const { sandbox, app } = office
    const granted = await requestTicket(sandbox, app)
    expect(granted.body['ticket']).toMatch(/^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/)
    const socket = new WebSocket(streamUrl(granted))
    await new Promise((resolve) => socket.once('open', resolve))
    expect(sandbox.control.connections(app.clientId)).toEqual([granted.body['ticket']])
    expect(await refusedUpgrade(streamUrl(granted))).toBe(401)
  })

  test('a ticket older than 90 s opens nothing, nor does a made-up one', async () => {
    const { sandbox, app } = office
    const granted = await requestTicket(sandbox, app)
    sandbox.control.advance(90_001)
    expect(await refusedUpgrade(streamUrl(granted))).toBe(401)
    expect(await refusedUpgrade(`${String(granted.body['endpoint'])}?ticket=none`)).toBe(401)
  })

  // The vendor's clients put `?ticket=` behind whatever they get (D 1.3).
  test('endpoints are plain, or every second has a query where that is asked for', async () => {
    const hasQuery = async (): Promise<boolean[]> => {
      const { sandbox, app } = office
      const answers = [await requestTicket(sandbox, app), await requestTicket(sandbox, app)]
      return answers.map(({ body }) => String(body['endpoint']).includes('?'))
    }
    expect(await hasQuery()).toEqual([false, false])
    office = await reopen(office, { endpointQuery: true })
    expect(await hasQuery()).toEqual([false, true])
  })

  test('wrong credentials, wrong types and unpublished apps are refused', async () => {
    const { sandbox, app } = office
    const authFailed = { status: 401, body: { code: 'authFailed', message: '鉴权失败' } }
    expect(await requestTicket(sandbox, { ...app, clientSecret: `${app.clientSecret} ` })).toMatchObject(authFailed)
    expect(await requestTicket(sandbox, { ...app, clientId: 7 as never })).toMatchObject(authFailed)
    const systemError = { status: 400, body: { code: 'systemError', message: '系统错误' } }
    expect(await requestTicket(sandbox, app, [{ type: 'EVENT', topic: 'chat_update_title' }])).toMatchObject(
      systemError,
    )
    sandbox.control.updateApp(app.clientId, { published: false })
    expect(await requestTicket(sandbox, app)).toMatchObject(systemError)
  })

  // D 1.1: programs in production send `*/*`, so only the absence of the header brings XML.
  test('who does not say what they accept gets XML', async () => {
    const { sandbox, app } = office
    const ask = async (headers: Record<string, string>): Promise<{ type: string; text: string }> => {
      const asked = request(sandbox.apiUrl + OPEN, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
      })
      asked.end(JSON.stringify({ ...app, subscriptions: [{ type: 'EVENT', topic: '*' }] }))
      const [response] = (await once(asked, 'response')) as [IncomingMessage]
      return { type: response.headers['content-type'] ?? '', text: await text(response) }
    }
    const xml = await ask({})
    expect(xml.type).toContain('xml')
    expect(xml.text).toMatch(/^<\?xml.*<ticket>[0-9a-f-]{36}<\/ticket>/)
    expect(await ask({ accept: '*/*' })).toMatchObject({ type: expect.stringContaining('json') })
  })

  test('handshakes can be refused, cut, left hanging or regretted', async () => {
    const { sandbox, app } = office
    sandbox.control.addHandshakeFault({ effect: { kind: 'refuse', status: 503 } })
    sandbox.control.addHandshakeFault({ effect: { kind: 'reset' } })
    sandbox.control.addHandshakeFault({ effect: { kind: 'hang' } })
    sandbox.control.addHandshakeFault({ effect: { kind: 'accept-then-close' } })
    const url = streamUrl(await requestTicket(sandbox, app))
    expect(await refusedUpgrade(url)).toBe(503)
    await expect(outcomeOf(new WebSocket(url))).resolves.toBe('socket hang up')
    await expect(outcomeOf(new WebSocket(url, { handshakeTimeout: 50 }))).resolves.toBe(
      'Opening handshake has timed out',
    )
    await expect(outcomeOf(new WebSocket(url))).resolves.toBe('closed 1006')
    await openStream(office)
    expect(sandbox.control.connections(app.clientId)).toHaveLength(1)
  })
})

function outcomeOf(socket: WebSocket): Promise<string> {
  return new Promise((resolve) => {
    socket.on('error', (error) => resolve(error.message))
    socket.on('close', (code) => resolve(`closed ${code}`))
  })
}

describe('replies', () => {
  test('the second reply to a frame is a violation', async () => {
    const stream = await openStream(office)
    const eventId = office.sandbox.control.pushEvent(office.app.clientId, { eventType: 'x', data: {} })
    await office.sandbox.control.eventSettled(eventId)
    stream.send(replyTo(stream.frames[0]!, { status: 'SUCCESS' }))
    expect(await violation(office, 'second reply')).toMatchObject({ type: 'violation' })
  })

  test('a late reply is a violation and acknowledges nothing', async () => {
    office = await reopen(office, IMPATIENT)
    const { sandbox, app } = office
    const stream = await openStream(office, (frame) => (frame.type === 'EVENT' ? undefined : polite(frame)))
    const eventId = sandbox.control.pushEvent(app.clientId, { eventType: 'x', data: {} })
    await sandbox.journal.waitFor('the redelivery', (entry) => entry.type === 'frame-sent' && entry.attempt === 2)
    stream.send(replyTo(stream.frames[0]!, { status: 'SUCCESS' }))
    expect(await violation(office, 'late reply')).toMatchObject({ type: 'violation' })
    expect(await sandbox.control.eventSettled(eventId)).toBe('dropped')
  })

  test('a reply that had come in time counts, however late this process gets to read it', async () => {
    office = await reopen(office, { eventDeadlineMs: 1_000 })
    const { sandbox, app } = office
    const stream = await openStream(office, () => undefined)
    const eventId = sandbox.control.pushEvent(app.clientId, { eventType: 'x', data: {} })
    const until = performance.now() + 1_200
    stream.send(replyTo(await stream.first, { status: 'SUCCESS' }))
    while (performance.now() < until);
    expect(await sandbox.control.eventSettled(eventId)).toBe('success')
    expect(sandbox.journal.of('violation')).toEqual([])
    expect(sandbox.journal.of('frame-sent')).toHaveLength(1)
  })

  test('replies to nothing, without messageId or not JSON are violations', async () => {
    const stream = await openStream(office)
    stream.send({ code: 200, headers: { messageId: 'made-up' }, message: 'OK', data: '{}' })
    expect(await violation(office, 'never sent')).toMatchObject({ type: 'violation' })
    stream.send({ code: 200, message: 'OK', data: '{}' })
    expect(await violation(office, 'no headers.messageId')).toMatchObject({ type: 'violation' })
    stream.send('hello')
    expect(await violation(office, 'not a JSON object')).toMatchObject({ type: 'violation' })
  })

  test('a reply belongs on the connection of its frame', async () => {
    const first = await openStream(office, () => undefined)
    office.sandbox.control.pushEvent(office.app.clientId, { eventType: 'x', data: {} })
    const frame = await first.first
    const second = await openStream(office)
    second.send(replyTo(frame, { status: 'SUCCESS' }))
    const entry = await violation(office, 'never sent on this connection')
    expect(entry).toMatchObject({ connectionId: second.id })
  })

  test('a raw frame may be answered once', async () => {
    const { sandbox, app } = office
    const stream = await openStream(office, (frame) => ({ code: 404, data: { topic: frame.headers['topic'] } }))
    const raw = { type: 'CALLBACK', headers: { topic: '/odd', messageId: 'raw-1' }, data: '{}' }
    sandbox.control.sendRaw(app.clientId, JSON.stringify(raw))
    await sandbox.journal.waitFor('the reply', (e) => e.type === 'frame-received' && e.messageId === 'raw-1')
    expect(stream.frames).toEqual([raw])
    expect(sandbox.journal.of('violation')).toEqual([])
  })
})

function violation(office: Pick<Parameters<typeof openStream>[0], 'sandbox'>, reason: string): Promise<unknown> {
  return office.sandbox.journal.waitFor(
    `the violation "${reason}"`,
    (entry) => entry.type === 'violation' && entry.reason.includes(reason),
  )
}

describe('the life of a connection', () => {
  test('pings want their data back', async () => {
    office = await reopen(office, { systemPingMs: 15 })
    const { sandbox } = office
    const stream = await openStream(office)
    const echo = await sandbox.journal.waitFor('an echo', (entry) => entry.type === 'frame-received')
    const ping = stream.frames[0]!
    expect(ping).toMatchObject({ specVersion: '1.0', type: 'SYSTEM', headers: { topic: 'ping' } })
    expect(JSON.parse(ping.data)).toEqual({ opaque: expect.any(String) })
    expect(echo).toMatchObject({ messageId: ping.headers['messageId'], frame: { data: ping.data } })
    expect(sandbox.journal.of('violation')).toEqual([])
  })

  test('a client that does not echo is cut off', async () => {
    office = await reopen(office, { ...IMPATIENT, systemPingMs: 15 })
    const stream = await openStream(office, () => undefined)
    expect(await stream.closed).toEqual({ code: 1006 })
    expect(await violation(office, 'not echoed in time')).toMatchObject({ type: 'violation' })
  })

  test('WebSocket pings are answered, until the connection freezes', async () => {
    office = await reopen(office, IMPATIENT)
    const stream = await openStream(office)
    const pong = new Promise((resolve) => stream.socket.once('pong', resolve))
    stream.socket.ping()
    await pong
    office.sandbox.control.freeze(office.app.clientId)
    let pongs = 0
    stream.socket.on('pong', () => (pongs += 1))
    stream.socket.ping()
    const eventId = office.sandbox.control.pushEvent(office.app.clientId, { eventType: 'x', data: {} })
    expect(await office.sandbox.control.eventSettled(eventId)).toBe('dropped')
    expect({ pongs, frames: stream.frames }).toEqual({ pongs: 0, frames: [] })
    expect(stream.socket.readyState).toBe(WebSocket.OPEN)
  })

  test('pings are answered late on a slow line, and nothing else waits for them', async () => {
    office = await reopen(office, IMPATIENT)
    const stream = await openStream(office)
    const startedAt = performance.now()
    office.sandbox.control.delayPongs(office.app.clientId, 300)
    const pong = new Promise((resolve) => stream.socket.once('pong', resolve))
    stream.socket.ping()
    const eventId = office.sandbox.control.pushEvent(office.app.clientId, { eventType: 'x', data: {} })
    expect(await office.sandbox.control.eventSettled(eventId)).toBe('success')
    await pong
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(290)
  })

  test('after disconnect nothing comes, then the socket goes', async () => {
    const { sandbox, app } = office
    const leaving = await openStream(office)
    sandbox.control.disconnect(app.clientId, leaving.id)
    const staying = await openStream(office)
    expect(sandbox.control.connections(app.clientId)).toEqual([staying.id])
    const eventIds = Array.from({ length: 8 }, (_, n) =>
      sandbox.control.pushEvent(app.clientId, { eventType: 'x', data: { n } }),
    )
    await Promise.all(eventIds.map((eventId) => sandbox.control.eventSettled(eventId)))
    expect(await leaving.closed).toEqual({ code: 1006 })
    expect(leaving.frames.map(({ type, headers, data }) => [type, headers['topic'], data])).toEqual([
      ['SYSTEM', 'disconnect', '{"reason":"connection is expired"}'],
    ])
    expect(staying.frames).toHaveLength(8)
    const close = await sandbox.journal.waitFor('the close', (entry) => entry.type === 'stream-close')
    expect(close).toMatchObject({ connectionId: leaving.id, by: 'server' })
  })

  test('a reply to disconnect is in order', async () => {
    const stream = await openStream(office, () => ({ data: {} }))
    office.sandbox.control.disconnect(office.app.clientId)
    await stream.closed
    expect(office.sandbox.journal.of('frame-received')).toHaveLength(1)
    expect(office.sandbox.journal.of('violation')).toEqual([])
  })

  test('dropped connections end without a close frame; closing is journalled by who did it', async () => {
    const { sandbox, app } = office
    const stream = await openStream(office)
    sandbox.control.dropConnections(app.clientId)
    expect(await stream.closed).toEqual({ code: 1006 })
    const own = await openStream(office)
    own.socket.close(1000)
    await sandbox.journal.waitFor('the close', (e) => e.type === 'stream-close' && e.connectionId === own.id)
    expect(sandbox.journal.of('stream-close')).toMatchObject([
      { connectionId: stream.id, by: 'server' },
      { connectionId: own.id, by: 'client', code: 1000 },
    ])
  })

  test('pushes spread over the connections that subscribed, and only those', async () => {
    const { sandbox, app } = office
    const two = [await openStream(office), await openStream(office)]
    const cardsOnly = await openStream(office, polite, [{ type: 'CALLBACK', topic: '/v1.0/card/instances/callback' }])
    const eventIds = Array.from({ length: 40 }, () =>
      sandbox.control.pushEvent(app.clientId, { eventType: 'x', data: {} }),
    )
    await Promise.all(eventIds.map((eventId) => sandbox.control.eventSettled(eventId)))
    const counts = two.map(({ frames }) => frames.length)
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(40)
    expect(Math.min(...counts)).toBeGreaterThan(0)
    expect(cardsOnly.frames).toEqual([])
  })
})

test('close ends hanging calls and keep-alive connections', async () => {
  const office = await openOffice()
  const stream = await openStream(office)
  office.sandbox.control.addFault({ api: 'sceneGroups/query', effect: { kind: 'hang' } })
  const hanging = fetch(`${office.sandbox.apiUrl}/v1.0/im/sceneGroups/query`, { method: 'POST', body: '{}' })
  const failure = hanging.catch((error: unknown) => error)
  await office.sandbox.journal.waitFor('the call', (e) => e.type === 'request' && e.api === 'sceneGroups/query')
  await office.sandbox.close()
  expect(await failure).toMatchObject({ message: 'fetch failed' })
  expect(await stream.closed).toEqual({ code: 1006 })
})
