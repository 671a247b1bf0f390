import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import { DWClient, TOPIC_ROBOT } from 'dingtalk-stream'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

import type { EventAck, InboundEvent } from '../../src/domain/inbound.ts'
import { AppError } from '../../src/errors.ts'
import { createLog } from '../../src/log.ts'
import { createOutbound } from '../../src/outbound.ts'
import { createRoom } from '../../src/room.ts'
import {
  type Connection,
  CONNECTION_SETTINGS,
  type ConnectionEvents,
  type ConnectionSettings,
  openConnection,
} from '../../src/stream/connection.ts'
import { DEADLINES } from '../../src/stream/router.ts'
import {
  type StreamSupervisor,
  superviseStream,
  SUPERVISOR_SETTINGS,
  type SupervisorSettings,
} from '../../src/stream/supervisor.ts'
import { startDingTalk } from '../sandbox/dingtalk/index.ts'
import type { App, DingTalkSandbox } from '../sandbox/dingtalk/types.ts'
import { eventually } from '../support/eventually.ts'
import { startRecorder } from './recorder.ts'

/** Known faults of the vendor's Stream client 2.1.5, and that none of them reaches the daemon. */

const CARD = { type: 'CALLBACK', topic: '/v1.0/card/instances/callback' }
const ROBOT = { type: 'CALLBACK', topic: '/v1.0/im/bot/messages/get' }
const EVENTS = { type: 'EVENT', topic: '*' }

let sandbox: DingTalkSandbox
let app: App
let outbound: ReturnType<typeof createOutbound>
const running: StreamSupervisor[] = []
const opened: Connection[] = []

beforeEach(async () => {
  sandbox = await startDingTalk({ systemPingMs: 0, redeliveryDelaysMs: [30, 30], disconnectSilenceMs: 200 })
  app = sandbox.control.createApp()
  outbound = createOutbound()
})

afterEach(async () => {
  await Promise.all(running.splice(0).map((stream) => stream.stop()))
  for (const connection of opened.splice(0)) connection.terminate()
  await outbound.close()
  await sandbox.close()
  vi.restoreAllMocks()
})

async function open(
  options: {
    settings?: Partial<ConnectionSettings>
    events?: Partial<ConnectionEvents>
    app?: App
    apiUrl?: string
  } = {},
): Promise<Connection> {
  const connection = await openConnection(
    {
      app: options.app ?? app,
      apiUrl: options.apiUrl ?? sandbox.apiUrl,
      send: outbound.send,
      settings: { ...CONNECTION_SETTINGS, ...options.settings },
    },
    { onFrame: () => {}, onClose: () => {}, ...options.events },
  )
  opened.push(connection)
  return connection
}

async function failureOf(work: Promise<unknown>): Promise<AppError> {
  const error: unknown = await work.then(
    () => undefined,
    (cause: unknown) => cause,
  )
  if (!(error instanceof AppError)) throw new Error('expected an AppError', { cause: error })
  return error
}

type Supervised = StreamSupervisor & { lines: string[] }

function supervise(
  options: {
    app?: App
    settings?: Partial<SupervisorSettings>
    connection?: Partial<ConnectionSettings>
    takeEvent?: (event: InboundEvent) => Promise<EventAck>
  } = {},
): Supervised {
  const lines: string[] = []
  const log = createLog('debug', { write: (line: string) => void lines.push(line) })
  const stream = superviseStream({
    app: options.app ?? app,
    apiUrl: sandbox.apiUrl,
    send: outbound.send,
    log,
    connection: { ...CONNECTION_SETTINGS, ...options.connection },
    settings: { ...SUPERVISOR_SETTINGS, backOffMinMs: 10, backOffMaxMs: 40, ...options.settings },
    deadlines: DEADLINES,
    nowMs: () => Date.now(),
    room: createRoom(
      {
        takeEvent: options.takeEvent ?? (async () => ({ status: 'SUCCESS', message: 'ok' })),
        answerPress: async () => ({ cardParamMap: {}, afterReply: () => {} }),
        takeMessage: async () => {},
      },
      log,
    ),
  })
  running.push(stream)
  return Object.assign(stream, { lines })
}

const isOpen = (stream: StreamSupervisor) => eventually('an open connection', () => stream.state().state === 'open')
const opens = (): number => sandbox.journal.requests('connections/open').length
const live = (): string[] => sandbox.control.connections(app.clientId)

let pings = 0
/** A SYSTEM ping on every connection, and that it was echoed. */
async function expectEcho(): Promise<void> {
  const messageId = `ping-${++pings}`
  const headers = { topic: 'ping', messageId, contentType: 'application/json' }
  sandbox.control.sendRaw(app.clientId, JSON.stringify({ type: 'SYSTEM', headers, data: '{"opaque":"x"}' }))
  await sandbox.journal.waitFor('the echo', (e) => e.type === 'frame-received' && e.messageId === messageId)
}

describe('opening', () => {
  test('a gateway that never answers ends in a timeout (F1)', async () => {
    sandbox.control.addFault({ api: 'connections/open', effect: { kind: 'hang' } })
    const failure = await failureOf(open({ settings: { openTimeoutMs: 50 } }))
    expect(failure.failure).toEqual({ kind: 'retryable', code: 'NETWORK' })
  })

  test('an upgrade that is never answered ends in a timeout (F2)', async () => {
    sandbox.control.addHandshakeFault({ effect: { kind: 'hang' } })
    const failure = await failureOf(open({ settings: { handshakeTimeoutMs: 50 } }))
    expect(failure.failure).toEqual({ kind: 'retryable', code: 'STREAM_REFUSED' })
  })

  test.for([
    [{ kind: 'refuse', status: 401 } as const, 'Unexpected server response: 401'],
    [{ kind: 'refuse', status: 503 } as const, 'Unexpected server response: 503'],
    [{ kind: 'reset' } as const, 'ECONNRESET'],
  ] as const)('an upgrade refused by %o fails once (F3, F20)', async ([effect, detail]) => {
    sandbox.control.addHandshakeFault({ effect })
    const failure = await failureOf(open())
    expect(failure.failure).toEqual({ kind: 'retryable', code: 'STREAM_REFUSED' })
    expect(failure.detail).toBe(detail)
    expect(opens()).toBe(1)
  })

  test.for([
    [401, { code: 'authFailed', message: '鉴权失败' }, { kind: 'blocked', code: 'APP_CREDENTIAL_INVALID' }],
    [400, { code: 'systemError', message: '系统错误' }, { kind: 'blocked', code: 'STREAM_REFUSED' }],
    [400, '<html>plain HTTP</html>', { kind: 'retryable', code: 'STREAM_REFUSED' }],
    [503, '', { kind: 'retryable', code: 'STREAM_REFUSED' }],
    [200, { endpoint: 'wss://gateway.example', ticket: '' }, { kind: 'retryable', code: 'STREAM_REFUSED' }],
    [200, '<xml/>', { kind: 'retryable', code: 'STREAM_REFUSED' }],
  ] as const)('HTTP %i %o is a failure with a name (F19, F20)', async ([status, body, failure]) => {
    sandbox.control.addFault({ api: 'connections/open', effect: { kind: 'answer', status, body } })
    expect((await failureOf(open())).failure).toEqual(failure)
    expect(sandbox.journal.of('stream-open')).toEqual([])
  })

  test('tickets are encoded and an endpoint keeps the query it has (F24)', async () => {
    const recorder = await startRecorder()
    const ticket = 'a+b/c=&x=1#%2F 漢'
    recorder.grant = { endpoint: 'ws://{host}/connect?unit=sz&n=1', ticket }
    await open({ apiUrl: recorder.url })
    recorder.grant = { endpoint: 'ws://{host}/connect', ticket }
    await open({ apiUrl: recorder.url })
    const urls = recorder.upgrades.map(({ path }) => new URL(path, recorder.url))
    expect(urls.map((url) => Object.fromEntries(url.searchParams))).toEqual([
      { unit: 'sz', n: '1', ticket },
      { ticket },
    ])
    await recorder.close()
  })

  test('the secret goes into the body of one call and nowhere else (F23)', async () => {
    await open()
    const requests = sandbox.journal.of('request')
    expect(requests.map(({ api }) => api)).toEqual(['connections/open'])
    expect(requests[0]?.path).not.toContain(app.clientSecret)
  })

  test('each connection subscribes for itself (F21)', async () => {
    const vendors = new DWClient({ clientId: 'somebody', clientSecret: 'else' })
    vendors.registerCallbackListener(TOPIC_ROBOT, () => {})
    const other = sandbox.control.createApp()
    await open()
    await open({ app: other })
    expect(sandbox.journal.of('stream-open')).toMatchObject([
      { clientId: app.clientId, subscriptions: [EVENTS, CARD, ROBOT] },
      { clientId: other.clientId, subscriptions: [EVENTS, CARD, ROBOT] },
    ])
    expect(new DWClient({ clientId: 'a', clientSecret: 'b' }).config.subscriptions).not.toContainEqual(CARD)
    // What the vendor's list holds now would be every later client's.
    vendors.config.subscriptions.splice(1)
  })

  test('two apps in one process get their own frames (F21)', async () => {
    const other = sandbox.control.createApp()
    const taken: string[] = []
    const take = (name: string) => async (event: InboundEvent) => {
      taken.push(`${name} ${event.eventId}`)
      return { status: 'SUCCESS' as const, message: 'ok' }
    }
    await Promise.all([
      isOpen(supervise({ takeEvent: take('app') })),
      isOpen(supervise({ app: other, takeEvent: take('other') })),
    ])
    const first = sandbox.control.pushEvent(app.clientId, { eventType: 'a', data: {} })
    const second = sandbox.control.pushEvent(other.clientId, { eventType: 'b', data: {} })
    expect(await sandbox.control.eventSettled(first)).toBe('success')
    expect(await sandbox.control.eventSettled(second)).toBe('success')
    expect(taken.toSorted()).toEqual([`app ${first}`, `other ${second}`])
  })
})

describe('quiet', () => {
  test('nothing is printed to the console, whatever happens (F22)', async () => {
    const prints = [
      ...(['log', 'info', 'warn', 'error', 'debug'] as const).map((name) => vi.spyOn(console, name)),
      vi.spyOn(process.stdout, 'write'),
      vi.spyOn(process.stderr, 'write'),
    ]
    sandbox.control.addFault({ api: 'connections/open', effect: { kind: 'reset' } })
    sandbox.control.addHandshakeFault({ effect: { kind: 'refuse', status: 503 } })
    sandbox.control.addHandshakeFault({ effect: { kind: 'accept-then-close' } })
    const stream = supervise()
    await eventually('the lasting connection', () => live().length === 1)
    sandbox.control.sendRaw(app.clientId, 'not JSON')
    await expectEcho()
    sandbox.control.dropConnections(app.clientId)
    await eventually('the next connection', () => live().length === 1)
    await stream.stop()
    for (const print of prints) expect(print).not.toHaveBeenCalled()
  })

  test('errors and log lines name neither secret nor ticket', async () => {
    const ticket = 'recognisable-ticket-0001'
    const nobody = createServer((_request, response) => response.writeHead(503).end())
    await new Promise<void>((resolve) => nobody.listen(0, '127.0.0.1', resolve))
    const { port } = nobody.address() as AddressInfo
    nobody.on('upgrade', (_request, socket) => socket.destroy())
    const texts: string[] = []
    for (const endpoint of [
      `ws://127.0.0.1:${port}/connect`,
      `ftp://127.0.0.1:${port}/connect`,
      'ws://no.such.invalid',
      '::',
    ]) {
      sandbox.control.addFault({
        api: 'connections/open',
        effect: { kind: 'answer', status: 200, body: { endpoint, ticket } },
      })
      const error: unknown = await open().catch((cause: unknown) => cause)
      pino({ serializers: {} }, { write: (line: string) => void texts.push(line) }).error({ error: String(error) }, 'x')
      createLog('debug', { write: (line: string) => void texts.push(line) }).error({ err: error }, 'failed')
    }
    sandbox.control.addFault({ api: 'connections/open', effect: { kind: 'reset' } })
    texts.push(String(await failureOf(open())))
    expect(texts.join('\n')).toContain('STREAM_REFUSED')
    expect(texts.join('\n')).not.toContain(ticket)
    expect(texts.join('\n')).not.toContain(app.clientSecret)
    nobody.close()
  })
})

describe('frames', () => {
  test.for([
    ['text that is not JSON', 'not JSON'],
    ['JSON that is no object', '"text"'],
    ['null', 'null'],
    ['no headers', '{"type":"EVENT","data":"{}"}'],
    ['headers of the wrong kind', '{"type":"EVENT","headers":[],"data":"{}"}'],
    ['no messageId', '{"type":"EVENT","headers":{"topic":"*"},"data":"{}"}'],
    ['no type', '{"headers":{"topic":"ping","messageId":"x"},"data":"{}"}'],
    ['emptiness', ''],
    ['300 KiB', JSON.stringify({ type: 'SYSTEM', headers: { topic: 'KEEPALIVE' }, data: 'x'.repeat(300 * 1024) })],
  ] as const)('%s leaves process and socket alive (F5)', async ([, raw]) => {
    const stream = supervise()
    await isOpen(stream)
    sandbox.control.sendRaw(app.clientId, raw)
    await expectEcho()
    expect(opens()).toBe(1)
    expect(sandbox.journal.of('violation')).toEqual([])
  })

  test('a binary frame leaves process and socket alive (F5)', async () => {
    const recorder = await startRecorder()
    const frames: string[] = []
    await open({ apiUrl: recorder.url, events: { onFrame: (raw) => void frames.push(raw) } })
    recorder.upgrades[0]?.socket.send(Buffer.from([0xff, 0x00, 0x7b]))
    recorder.upgrades[0]?.socket.send('{}')
    await eventually('both frames', () => frames.length === 2)
    expect(frames).toEqual(['', '{}'])
    await recorder.close()
  })

  test.for([
    ['an unknown topic', { type: 'CALLBACK', headers: { topic: '/v9/nobody', messageId: 'm-1' }, data: '{}' }],
    ['an unknown type', { type: 'NEWS', headers: { topic: '*', messageId: 'm-1' }, data: '{}' }],
    ['data that is no object', { type: 'EVENT', headers: { topic: '*', messageId: 'm-1' }, data: 7 }],
  ] as const)('%s is answered 404 (F11)', async ([, frame]) => {
    await isOpen(supervise())
    sandbox.control.sendRaw(app.clientId, JSON.stringify(frame))
    const entry = await sandbox.journal.waitFor('the reply', (e) => e.type === 'frame-received')
    expect(entry).toMatchObject({ frame: { code: 404, headers: { messageId: 'm-1' } } })
  })

  test.for([
    [
      'throws',
      () => {
        throw new Error('a mistake')
      },
    ],
    ['rejects', () => Promise.reject(new Error('a mistake'))],
  ] as const)('a handler that %s costs neither the process nor the event (F6, F7)', async ([, fail]) => {
    let calls = 0
    const stream = supervise({
      takeEvent: () => (++calls === 1 ? fail() : Promise.resolve({ status: 'SUCCESS', message: 'ok' })),
    })
    await isOpen(stream)
    const eventId = sandbox.control.pushEvent(app.clientId, { eventType: 'chat_update_title', data: {} })
    // The pushes go out 30 ms apart: a first one left to run into its deadline of 3 s would be too late.
    expect(await sandbox.control.eventSettled(eventId, 2_000)).toBe('success')
    expect(calls).toBe(2)
    expect(stream.lines.join('')).toContain('a mistake')
    await expectEcho()
  })

  test('an asynchronous handler’s own result is the acknowledgement (F8)', async () => {
    await isOpen(supervise({ takeEvent: async () => ({ status: 'SUCCESS', message: 'stored' }) }))
    const eventId = sandbox.control.pushEvent(app.clientId, { eventType: 'x', data: {} })
    expect(await sandbox.control.eventSettled(eventId)).toBe('success')
    const [reply] = sandbox.journal.of('frame-received')
    expect(reply).toMatchObject({ frame: { data: '{"status":"SUCCESS","message":"stored"}' } })
  })

  test('a reply to a connection that is gone goes nowhere, not to the next one (F9, F10)', async () => {
    let acknowledge: (ack: EventAck) => void = () => {}
    const stream = supervise({ takeEvent: () => new Promise((resolve) => (acknowledge = resolve)) })
    await isOpen(stream)
    sandbox.control.pushEvent(app.clientId, { eventType: 'x', data: {} })
    await sandbox.journal.waitFor('the push', (e) => e.type === 'frame-sent')
    const late = acknowledge
    sandbox.control.dropConnections(app.clientId)
    await eventually('the next connection', () => opens() === 2 && live().length === 1)
    late({ status: 'SUCCESS', message: 'ok' })
    acknowledge({ status: 'SUCCESS', message: 'ok' })
    await expectEcho()
    expect(sandbox.journal.of('violation')).toEqual([])
  })
})

describe('the life of a connection', () => {
  test('refused upgrades do not multiply (F3)', async () => {
    sandbox.control.addHandshakeFault({ effect: { kind: 'refuse', status: 503 }, times: 8 })
    await isOpen(supervise())
    expect(opens()).toBe(9)
    expect(live()).toHaveLength(1)
    await expectEcho()
    expect(opens()).toBe(9)
  })

  test('accept-then-close is met with growing pauses (F4)', async () => {
    sandbox.control.addHandshakeFault({ effect: { kind: 'accept-then-close' }, times: 6 })
    const stream = supervise({ settings: { backOffMinMs: 20, backOffMaxMs: 80 } })
    await eventually('the lasting connection', () => opens() === 7 && live().length === 1)
    const at = sandbox.journal.requests('connections/open').map((request) => request.at)
    // Six failures: at once, then 20, 40, 80, 80 and 80 ms, each a quarter more or less.
    expect((at.at(-1) ?? 0) - (at[0] ?? 0)).toBeGreaterThan(0.75 * (20 + 40 + 80 + 80 + 80) - 10)
    expect(stream.state().state).toBe('open')
  })

  test('a farewell of the gateway brings the replacement at once, while the old connection drains (F12)', async () => {
    const stream = supervise()
    await isOpen(stream)
    sandbox.control.disconnect(app.clientId)
    await eventually('the replacement', () => sandbox.journal.of('stream-open').length === 2)
    expect(sandbox.journal.of('stream-close')).toEqual([])
    const farewell = sandbox.journal.of('frame-sent').at(-1)
    await sandbox.journal.waitFor(
      'its reply',
      (e) => e.type === 'frame-received' && e.messageId === farewell?.messageId,
    )
    const eventId = sandbox.control.pushEvent(app.clientId, { eventType: 'x', data: {} })
    expect(await sandbox.control.eventSettled(eventId)).toBe('success')
    await sandbox.journal.waitFor('the end of the old one', (e) => e.type === 'stream-close')
    await expectEcho()
    expect(opens()).toBe(2)
  })

  test('no timer outlives its connection (F13)', async () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    const connection = { pingMs: 15, deadAfterMs: 2_000 }
    await open({ settings: connection })
    opened.splice(0).forEach((one) => one.terminate())
    await eventually('no connection', () => live().length === 0)
    const before = timers()
    for (let round = 0; round < 6; round++) {
      const one = await open({ settings: connection })
      one.terminate()
    }
    await eventually('no connection', () => live().length === 0)
    await eventually('as many timers as before', () => timers() <= before)
    const last = await open({
      settings: connection,
      events: {
        onFrame: (raw, reply) => {
          const { headers } = JSON.parse(raw) as { headers: { messageId: string } }
          reply({ code: 200, messageId: headers.messageId, data: '{}' })
        },
      },
    })
    for (let round = 0; round < 3; round++) await expectEcho()
    expect(live()).toHaveLength(1)
    last.terminate()
  })

  test('a half-open connection is noticed and replaced (F14)', async () => {
    await isOpen(supervise({ connection: { pingMs: 20, deadAfterMs: 100 } }))
    sandbox.control.freeze(app.clientId)
    await eventually('the replacement', () => sandbox.journal.of('stream-open').length === 2, 3_000)
    expect(opens()).toBe(2)
  })

  test('a busy event loop does not cost a healthy connection (F15)', async () => {
    await isOpen(supervise({ connection: { pingMs: 20, deadAfterMs: 100 } }))
    for (let round = 0; round < 3; round++) {
      const until = performance.now() + 200
      while (performance.now() < until);
      await expectEcho()
    }
    expect(opens()).toBe(1)
    expect(sandbox.journal.of('stream-close')).toEqual([])
  })

  test('a stop during the pause before the next attempt is final (F16)', async () => {
    sandbox.control.addFault({ api: 'connections/open', times: 5, effect: { kind: 'reset' } })
    const stream = supervise({ settings: { backOffMinMs: 300, backOffMaxMs: 300 } })
    await eventually('the pause', () => stream.state().state === 'waiting')
    await stream.stop()
    expect(stream.state()).toEqual({ state: 'stopped' })
    expect(opens()).toBe(1)
  })

  test.for([
    ['the gateway’s answer', () => sandbox.control.addFault({ api: 'connections/open', effect: { kind: 'hang' } })],
    ['the upgrade', () => sandbox.control.addHandshakeFault({ effect: { kind: 'hang' } })],
  ] as const)('a stop while waiting for %s does not wait for it (F17)', async ([, hang]) => {
    hang()
    const stream = supervise()
    await sandbox.journal.waitFor('the call', (e) => e.type === 'request')
    const startedAt = performance.now()
    await stream.stop()
    expect(performance.now() - startedAt).toBeLessThan(2_000)
    expect(stream.state()).toEqual({ state: 'stopped' })
    expect(live()).toEqual([])
  })

  test('there is never more than one connection at rest (F18)', async () => {
    await isOpen(supervise())
    for (let round = 0; round < 4; round++) {
      const before = opens()
      sandbox.control.dropConnections(app.clientId)
      await eventually('the next connection', () => opens() === before + 1 && live().length === 1)
    }
    await expectEcho()
    expect(live()).toHaveLength(1)
  })

  test('wrong credentials are tried again slowly, and say so (F19)', async () => {
    sandbox.control.addFault({
      api: 'connections/open',
      times: 2,
      effect: { kind: 'answer', status: 401, body: { code: 'authFailed', message: '鉴权失败' } },
    })
    const stream = supervise({ settings: { blockedMs: 150 } })
    await eventually('the pause', () => stream.state().state === 'waiting')
    expect(stream.state()).toMatchObject({
      reason: 'APP_CREDENTIAL_INVALID',
      detail: 'authFailed: 鉴权失败',
      retryInMs: 150,
    })
    await isOpen(stream)
    const at = sandbox.journal.requests('connections/open').map((request) => request.at)
    expect(at).toHaveLength(3)
    expect((at[2] ?? 0) - (at[0] ?? 0)).toBeGreaterThan(280)
  })
})
