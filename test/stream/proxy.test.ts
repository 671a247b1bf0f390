import { afterEach, beforeEach, expect, test } from 'vitest'

import { createLog } from '../../src/log.ts'
import { type ConnectProxy, type ProxyMood, startConnectProxy } from '../support/connect-proxy.ts'
import { eventually } from '../support/eventually.ts'
import { CONDITION_MS } from '../support/patience.ts'
import { areOpen, failureOf, openStreamRig, type StreamRig } from '../support/stream-rig.ts'

/** One proxy for the open call and the WebSocket alike (F26). */

let proxy: ConnectProxy
let rig: StreamRig
beforeEach(async () => {
  proxy = await startConnectProxy()
  rig = await openStreamRig({}, { url: proxy.url })
})
afterEach(async () => {
  await rig.close()
  await proxy.close()
})

const gateway = (): string => new URL(rig.sandbox.apiUrl).host

test('REST and WebSocket both go through it', async () => {
  const stream = rig.supervise({ connections: 1 })
  await areOpen(stream)
  const eventId = rig.sandbox.control.pushEvent(rig.app.clientId, { eventType: 'x', data: {} })
  expect(await rig.sandbox.control.eventSettled(eventId)).toBe('success')
  expect(proxy.asked).toEqual([gateway(), gateway()])
  rig.sandbox.control.dropConnections(rig.app.clientId)
  await eventually('the next connection', () => stream.gaps.length === 1)
  await areOpen(stream)
})

test.each(['127.0.0.1', '*', '127.0.0.0/8', 'elsewhere.example, 127.0.0.1'])(
  'NO_PROXY=%s leaves it out',
  async (except) => {
    await rig.close()
    rig = await openStreamRig({}, { url: proxy.url, except })
    await areOpen(rig.supervise())
    expect(proxy.asked).toEqual([])
  },
)

test('NO_PROXY of others does not', async () => {
  await rig.close()
  rig = await openStreamRig({}, { url: proxy.url, except: 'example.com,127.0.0.1:1' })
  await areOpen(rig.supervise({ connections: 1 }))
  expect(proxy.asked).toHaveLength(2)
})

/** Refuses the open call, or lets it through and refuses the WebSocket. */
async function failOpening(mood: ProxyMood, part: 'REST' | 'WebSocket') {
  if (part === 'WebSocket') proxy.moods.push('carry')
  proxy.mood = mood
  const limit = (of: typeof part): number => (mood === 'hang' && part === of ? 500 : CONDITION_MS)
  const settings = { openTimeoutMs: limit('REST'), handshakeTimeoutMs: limit('WebSocket') }
  return failureOf(rig.open({ settings }))
}

test.for<[ProxyMood, 'REST' | 'WebSocket', string]>([
  [{ refuse: 407 }, 'REST', 'HTTP 407 through the proxy'],
  [{ refuse: 403 }, 'REST', 'HTTP 403 through the proxy'],
  ['hang', 'REST', 'through the proxy'],
  ['reset', 'REST', 'through the proxy'],
  [{ refuse: 407 }, 'WebSocket', 'Unexpected server response: 407 (127.0.0.1:'],
  [{ refuse: 502 }, 'WebSocket', 'Unexpected server response: 502 (127.0.0.1:'],
  ['hang', 'WebSocket', 'Opening handshake has timed out (127.0.0.1:'],
  ['reset', 'WebSocket', 'through the proxy'],
])('that meets a %o on the way to the %s says so, and nothing of its password', async ([mood, part, text]) => {
  const error = await failOpening(mood, part)
  expect(error.failure.kind).toBe('retryable')
  expect(error.detail).toContain(text)
  expect(error.detail).toContain(`through the proxy ${proxy.name}`)
  const lines: string[] = []
  createLog('debug', { write: (line: string) => void lines.push(line) }).error(
    { err: error, detail: error.detail },
    'x',
  )
  for (const told of [...lines, String(error.stack), JSON.stringify(error)]) expect(told).not.toContain(proxy.password)
})

test('one that cannot be reached, or wants other credentials, is told by the state and tried again', async () => {
  proxy.mood = { refuse: 407 }
  const stream = rig.supervise()
  await eventually('the reason', () => stream.state().state === 'waiting')
  expect(stream.state()).toMatchObject({ reason: 'NETWORK', detail: expect.stringContaining('HTTP 407') as string })
  proxy.mood = 'carry'
  await areOpen(stream)
  expect(JSON.stringify(stream.lines)).not.toContain(proxy.password)
})

test('one that takes every line and says nothing does not collect them', async () => {
  await failOpening('hang', 'WebSocket')
  for (let round = 0; round < 4; round++) {
    await failureOf(rig.open({ settings: { openTimeoutMs: CONDITION_MS, handshakeTimeoutMs: 500 } }))
  }
  expect(proxy.asked.length).toBeGreaterThanOrEqual(6)
  // What is left is that of REST, which is kept alive.
  await eventually('the lines are given back', () => proxy.open() <= 1)
})
