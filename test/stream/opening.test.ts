import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

import { DWClient, TOPIC_ROBOT } from 'dingtalk-stream'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

import type { InboundEvent } from '../../src/domain/inbound.ts'
import type { ConnectionSettings } from '../../src/stream/connection.ts'
import { createLog } from '../../src/log.ts'
import { startRecorder } from '../contract/recorder.ts'
import type { StreamFaultId } from '../sandbox/dingtalk/types.ts'
import { eventually } from '../support/eventually.ts'
import { CONDITION_MS } from '../support/patience.ts'
import { areOpen, failureOf, openStreamRig, QUICK_PINGS, type StreamRig } from '../support/stream-rig.ts'

/** Ways in which a connection does not come about. The numbers are those of the reference's list of known faults. */

const CARD = { type: 'CALLBACK', topic: '/v1.0/card/instances/callback' }
const ROBOT = { type: 'CALLBACK', topic: '/v1.0/im/bot/messages/get' }
const EVENTS = { type: 'EVENT', topic: '*' }

function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
}

let rig: StreamRig
beforeEach(async () => {
  rig = await openStreamRig()
})
afterEach(async () => {
  await rig.close()
  vi.restoreAllMocks()
})

describe('one attempt', () => {
  /** For what never comes; the rest has all the time it needs. */
  const limitsOf = (id: StreamFaultId): Partial<ConnectionSettings> => ({
    openTimeoutMs: id === 'open.hang' ? 500 : CONDITION_MS,
    handshakeTimeoutMs: id === 'handshake.hang' ? 500 : CONDITION_MS,
    ...(id === 'handshake.accept-then-silence' ? QUICK_PINGS : {}),
  })
  const refused = { kind: 'retryable', code: 'STREAM_REFUSED' }

  test.for<[StreamFaultId, object, string]>([
    ['open.hang', { kind: 'retryable', code: 'NETWORK' }, 'TIMEOUT'],
    ['open.reset', { kind: 'retryable', code: 'NETWORK' }, 'connections/open'],
    ['open.401', { kind: 'blocked', code: 'APP_CREDENTIAL_INVALID' }, 'authFailed: 鉴权失败'],
    ['open.400-json', { kind: 'blocked', code: 'STREAM_REFUSED' }, 'systemError: 系统错误'],
    ['open.400-html', refused, 'HTTP 400, text/html instead of JSON'],
    ['open.503', refused, 'HTTP 503'],
    ['open.403-qps', refused, 'QpsLimit'],
    ['open.empty-ticket', refused, 'without endpoint and ticket'],
    ['open.xml', refused, 'application/xml instead of JSON'],
    ['handshake.hang', refused, 'Opening handshake has timed out'],
    ['handshake.401', refused, 'Unexpected server response: 401'],
    ['handshake.503', refused, 'Unexpected server response: 503'],
    ['handshake.reset', refused, 'ECONNRESET'],
    ['handshake.accept-then-close', refused, 'closed before a sign of life'],
    ['handshake.accept-then-silence', refused, 'no sign of life'],
  ])('that meets %s ends once, with a name (F1, F2, F3, F4, F19, F20, F25)', async ([id, failure, detail]) => {
    rig.inject(id)
    const error = await failureOf(rig.open({ settings: limitsOf(id) }))
    expect(error.failure).toEqual(failure)
    expect(`${error.message} ${error.detail}`).toContain(detail)
    expect(rig.opens()).toBe(1)
    await rig.open()
    expect(rig.opens()).toBe(2)
  })

  test('that meets silence ends on time even when garbage is collected meanwhile', async () => {
    rig.inject('open.hang')
    const failed = failureOf(rig.open({ settings: limitsOf('open.hang') }))
    await eventually('the gateway is asked', () => rig.opens() === 1)
    collectGarbage()
    const { failure, message } = await failed
    expect([failure, message]).toEqual([{ kind: 'retryable', code: 'NETWORK' }, expect.stringContaining('TIMEOUT')])
  })

  test('that the gateway thinks over for a while comes about', async () => {
    rig.sandbox.control.addFault({ api: 'connections/open', effect: { kind: 'delay', ms: 200 } })
    await rig.open()
    expect(rig.live()).toHaveLength(1)
  })

  test('encodes its ticket and keeps the query that the endpoint has (F24)', async () => {
    const recorder = await startRecorder()
    const ticket = 'a+b/c=&x=1#%2F 漢'
    recorder.grant = { endpoint: 'ws://{host}/connect?unit=sz&n=1', ticket }
    await rig.open({ apiUrl: recorder.url })
    recorder.grant = { endpoint: 'ws://{host}/connect', ticket }
    await rig.open({ apiUrl: recorder.url })
    const urls = recorder.upgrades.map(({ path }) => new URL(path, recorder.url))
    expect(urls.map((url) => Object.fromEntries(url.searchParams))).toEqual([
      { unit: 'sz', n: '1', ticket },
      { ticket },
    ])
    await recorder.close()
  })

  test('has the secret in the body of one call and nowhere else (F23)', async () => {
    await rig.open()
    const requests = rig.sandbox.journal.of('request')
    expect(requests.map(({ api }) => api)).toEqual(['connections/open'])
    expect(requests[0]?.path).not.toContain(rig.app.clientSecret)
  })

  test('subscribes for itself (F21)', async () => {
    const vendors = new DWClient({ clientId: 'somebody', clientSecret: 'else' })
    // Of whoever used the vendor's client before: all of them have one list.
    vendors.config.subscriptions.splice(1)
    vendors.registerCallbackListener(TOPIC_ROBOT, () => {})
    const other = rig.sandbox.control.createApp()
    await rig.open()
    await rig.open({ app: other })
    expect(rig.sandbox.journal.of('stream-open')).toMatchObject([
      { clientId: rig.app.clientId, subscriptions: [EVENTS, CARD, ROBOT] },
      { clientId: other.clientId, subscriptions: [EVENTS, CARD, ROBOT] },
    ])
    expect(new DWClient({ clientId: 'a', clientSecret: 'b' }).config.subscriptions).not.toContainEqual(CARD)
    // What the vendor's list holds now would be every later client's.
    vendors.config.subscriptions.splice(1)
  })

  test('names neither secret nor ticket in errors and log lines', async () => {
    const ticket = 'recognisable-ticket-0001'
    const nobody = createServer((_request, response) => response.writeHead(503).end())
    await new Promise<void>((resolve) => nobody.listen(0, '127.0.0.1', resolve))
    const { port } = nobody.address() as AddressInfo
    nobody.on('upgrade', (_request, socket) => socket.destroy())
    const texts: string[] = []
    const log = createLog('debug', { write: (line: string) => void texts.push(line) })
    const at = `127.0.0.1:${port}/connect`
    for (const endpoint of [`ws://${at}`, `ftp://${at}`, 'ws://no.such.invalid', '::']) {
      const effect = { kind: 'answer', status: 200, body: { endpoint, ticket } } as const
      rig.sandbox.control.addFault({ api: 'connections/open', effect })
      const error = await failureOf(rig.open())
      log.error({ err: error, detail: error.detail, text: String(error) }, 'failed')
    }
    rig.inject('open.reset')
    texts.push(String(await failureOf(rig.open())))
    expect(texts.join('\n')).toContain('STREAM_REFUSED')
    expect(texts.join('\n')).not.toContain(ticket)
    expect(texts.join('\n')).not.toContain(rig.app.clientSecret)
    nobody.close()
  })
})

describe('one attempt after the other', () => {
  test('refused upgrades do not multiply (F3)', async () => {
    rig.inject('handshake.503', { times: 8 })
    await areOpen(rig.supervise({ connections: 1 }))
    await rig.expectEcho()
    expect(rig.opens()).toBe(9)
    expect(rig.live()).toHaveLength(1)
  })

  test('accept-then-close and accept-then-silence never count as open, and are met with growing pauses (F4, F25)', async () => {
    rig.inject('handshake.accept-then-close', { times: 5 })
    rig.inject('handshake.accept-then-silence')
    const settings = { backOffMinMs: 20, backOffMaxMs: 80 }
    const stream = rig.supervise({ connections: 1, settings, connection: QUICK_PINGS })
    await areOpen(stream)
    const states = stream.logged('stream-state').map(({ state, detail }) => String(detail ?? state))
    const host = new URL(rig.sandbox.apiUrl).host
    expect(states).toEqual(
      expect.arrayContaining([`closed before a sign of life (${host})`, `no sign of life (${host})`]),
    )
    // The first and the last; a connection that this process was too slow for is one more in between.
    expect([states[0], states.at(-1)]).toEqual(['connecting', 'open'])
    expect(states.filter((state) => state === 'open')).toHaveLength(1)
    const pauses = stream.logged('stream-pause').map(({ pauseMs }) => Number(pauseMs))
    expect(pauses.length).toBeGreaterThanOrEqual(6)
    for (const [index, most] of [20, 40, 80, 80, 80, 80].entries()) {
      expect(pauses[index]).toBeLessThanOrEqual(most)
      expect(pauses[index]).toBeGreaterThanOrEqual(0.75 * most)
    }
  })

  test.for([
    ['open.401', 'APP_CREDENTIAL_INVALID', 'authFailed: 鉴权失败', { credentialsMs: 150 }],
    ['open.400-json', 'STREAM_REFUSED', 'systemError: 系统错误', { consoleMs: 150 }],
  ] as const)('%s is tried again slowly, and says so (F19)', async ([id, reason, detail, settings]) => {
    rig.inject(id, { times: 1_000_000 })
    const stream = rig.supervise({ connections: 1, settings })
    await eventually('it was tried again', () => rig.opens() >= 3)
    expect(stream.state()).toMatchObject({ state: 'waiting', open: 0, wanted: 1, reason, detail })
    rig.sandbox.control.clearFaults()
    await areOpen(stream)
    const pauses = stream.logged('stream-pause').map(({ pauseMs }) => pauseMs)
    expect(pauses.length).toBeGreaterThanOrEqual(2)
    expect(new Set(pauses)).toEqual(new Set([150]))
  })

  test.for(['open', 'handshake'] as const)('a second connection refused at the %s leaves one, quietly', async (at) => {
    await rig.close()
    rig = await openStreamRig({ maxConnections: 1, refuseExtraAt: at })
    const settings = { extraMaxMs: 600, backOffMinMs: 300, backOffMaxMs: 600, firstAloneMs: CONDITION_MS }
    const stream = rig.supervise({ settings })
    await eventually('it was tried more than once', () => rig.opens() >= 4)
    expect(stream.state()).toMatchObject({ state: 'open', open: 1, wanted: 2 })
    await rig.expectEcho()
    expect(stream.logged('stream-fewer')).toMatchObject([{ level: 'info', reason: 'STREAM_REFUSED' }])
    expect(stream.lines.filter(({ level }) => level === 'warn' || level === 'error')).toEqual([])

    rig.sandbox.control.settings.maxConnections = 0
    await areOpen(stream)
    expect(stream.logged('stream-closed')).toEqual([])
  })

  test('the one that was refused steps in when the other is lost and kept out', async () => {
    await rig.close()
    rig = await openStreamRig({ maxConnections: 1 })
    const settings = { extraMaxMs: 600_000, backOffMinMs: 300, backOffMaxMs: 600, firstAloneMs: CONDITION_MS }
    const stream = rig.supervise({ settings })
    await eventually('its pause has grown long', () =>
      stream.logged('stream-pause').some(({ pauseMs }) => Number(pauseMs) > 1_000),
    )
    const [first] = rig.live()
    rig.inject('open.503', { times: 3 })
    rig.sandbox.control.dropConnections(rig.app.clientId)
    await eventually('another connection', () => rig.live().some((id) => id !== first))
    await areOpen(stream, 1)
  })
})

describe('two apps in one process', () => {
  test('get their own frames (F21)', async () => {
    const other = rig.sandbox.control.createApp()
    const taken: string[] = []
    const take = (name: string) => async (event: InboundEvent) => {
      taken.push(`${name} ${event.eventId}`)
      return { status: 'SUCCESS' as const, message: 'ok' }
    }
    await Promise.all([
      areOpen(rig.supervise({ takeEvent: take('app') })),
      areOpen(rig.supervise({ app: other, takeEvent: take('other') })),
    ])
    const { control } = rig.sandbox
    const first = control.pushEvent(rig.app.clientId, { eventType: 'a', data: {} })
    const second = control.pushEvent(other.clientId, { eventType: 'b', data: {} })
    expect(await control.eventSettled(first)).toBe('success')
    expect(await control.eventSettled(second)).toBe('success')
    expect(taken.toSorted()).toEqual([`app ${first}`, `other ${second}`].toSorted())
  })
})

test('nothing is printed to the console, whatever happens (F22)', async () => {
  const prints = [
    ...(['log', 'info', 'warn', 'error', 'debug'] as const).map((name) => vi.spyOn(console, name)),
    vi.spyOn(process.stdout, 'write'),
    vi.spyOn(process.stderr, 'write'),
  ]
  for (const id of ['open.reset', 'handshake.503', 'handshake.accept-then-close'] as const) rig.inject(id)
  const stream = rig.supervise()
  await areOpen(stream)
  rig.inject('frame.not-json')
  await rig.expectEcho()
  rig.sandbox.control.dropConnections(rig.app.clientId)
  await eventually('they are missed', () => stream.gaps.length > 0)
  await areOpen(stream)
  await stream.stop()
  for (const print of prints) expect(print).not.toHaveBeenCalled()
})
