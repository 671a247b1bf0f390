import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'

import type { Ack } from '../../src/domain/inbound.ts'
import { Liveness } from '../../src/stream/liveness.ts'
import type { StreamFaultId } from '../sandbox/dingtalk/types.ts'
import { eventually } from '../support/eventually.ts'
import { FAR_DEADLINES } from '../support/far-deadlines.ts'
import { CONDITION_MS } from '../support/patience.ts'
import { areOpen, openStreamRig, QUICK_PINGS, type StreamRig } from '../support/stream-rig.ts'

/** Frames of every shape: none may cost the process or the connection, and each gets its one reply or none. */

let rig: StreamRig
beforeEach(async () => {
  rig = await openStreamRig()
})
afterEach(async () => {
  await rig.close()
})

const pushEvent = (eventId?: string): string =>
  rig.sandbox.control.pushEvent(rig.app.clientId, { eventType: 'x', data: {}, ...(eventId ? { eventId } : {}) })
const settled = (eventId: string) => rig.sandbox.control.eventSettled(eventId)
const SUCCESS: Ack = { status: 'SUCCESS', message: 'ok' }

/** What was answered to the frames sent so far, without SYSTEM frames. */
function answers(): unknown[] {
  return rig.sandbox.journal.of('frame-received').map(({ frame }) => (frame as { code: unknown }).code)
}

describe('a frame', () => {
  test.for<[StreamFaultId, number[]]>([
    ['frame.not-json', []],
    ['frame.no-headers', []],
    ['frame.no-message-id', []],
    ['frame.binary', []],
    ['frame.system-noise', []],
    ['frame.unknown-type', [404]],
    ['frame.unknown-topic', [404]],
    ['frame.data-not-string', [200]],
    ['frame.300-kib', [200]],
    ['frame.numeric-time', [200]],
    ['frame.upper-camel', [200]],
  ])('%s leaves process and connection alive and is answered %o (F5, F11)', async ([id, codes]) => {
    await areOpen(rig.supervise({ connections: 1 }))
    rig.inject(id)
    await eventually('the answer', () => answers().length === codes.length)
    expect(answers()).toEqual(codes)
    await rig.expectEcho()
    expect(rig.opens()).toBe(1)
    expect(rig.violations()).toEqual([])
  })

  test.for([
    ['JSON that is no object', '"text"'],
    ['null', 'null'],
    ['headers of the wrong kind', '{"type":"EVENT","headers":[],"data":"{}"}'],
    ['no type', '{"headers":{"topic":"ping","messageId":"x"},"data":"{}"}'],
    ['emptiness', ''],
  ] as const)('of %s leaves process and connection alive (F5)', async ([, raw]) => {
    await areOpen(rig.supervise({ connections: 1 }))
    rig.sandbox.control.sendRaw(rig.app.clientId, raw)
    await rig.expectEcho()
    expect(rig.opens()).toBe(1)
    expect(answers()).toHaveLength(1)
  })

  test('of bytes that hold one in text is as good as the text', async () => {
    await areOpen(rig.supervise({ connections: 1 }))
    const headers = { topic: 'ping', messageId: 'in-bytes' }
    const raw = Buffer.from(JSON.stringify({ type: 'SYSTEM', headers, data: '{"opaque":"漢"}' }))
    rig.sandbox.control.sendRaw(rig.app.clientId, raw)
    const echo = await rig.sandbox.journal.waitFor('the echo', (entry) => entry.type === 'frame-received')
    expect(echo).toMatchObject({ messageId: 'in-bytes', frame: { data: '{"opaque":"漢"}' } })
  })

  test('larger than any that DingTalk sends costs its connection, which is replaced', async () => {
    const stream = rig.supervise({ connections: 1 })
    await areOpen(stream)
    rig.sandbox.control.sendRaw(rig.app.clientId, 'x'.repeat(5 * 1024 * 1024))
    await eventually('the next connection', () => rig.opens() === 2 && rig.live().length === 1)
    await rig.expectEcho()
    expect(stream.logged('stream-closed')).toHaveLength(1)
  })
})

describe('a handler', () => {
  test.for([
    [
      'throws',
      () => {
        throw new Error('a mistake')
      },
    ],
    ['rejects', () => Promise.reject(new Error('a mistake'))],
  ] as const)('that %s costs neither the process nor the event (F6, F7)', async ([, fail]) => {
    let calls = 0
    const stream = rig.supervise({ takeEvent: () => (++calls === 1 ? fail() : Promise.resolve(SUCCESS)) })
    await areOpen(stream)
    // The pushes go out 30 ms apart: a first one left to run into its deadline of 3 s would be too late.
    expect(await rig.sandbox.control.eventSettled(pushEvent())).toBe('success')
    expect(calls).toBe(2)
    expect(stream.logged('event-broken')).toHaveLength(1)
    await rig.expectEcho()
  })

  test('that is asynchronous acknowledges with its own result (F8)', async () => {
    await areOpen(rig.supervise({ takeEvent: async () => ({ status: 'SUCCESS', message: 'stored' }) }))
    expect(await settled(pushEvent())).toBe('success')
    const [reply] = rig.sandbox.journal.of('frame-received')
    expect(reply).toMatchObject({ frame: { data: '{"status":"SUCCESS","message":"stored"}' } })
  })

  test.for(['delivery.duplicate-same-id', 'delivery.duplicate-new-id'] as const)(
    'is asked again and answers again after %s (F28)',
    async (id) => {
      const taken: string[] = []
      await areOpen(
        rig.supervise({
          takeEvent: async ({ eventId }) => {
            taken.push(eventId)
            return SUCCESS
          },
        }),
      )
      rig.inject(id)
      const eventId = pushEvent()
      expect(await settled(eventId)).toBe('success')
      expect(taken).toEqual([eventId, eventId])
      expect(answers()).toEqual([200, 200])
      expect(rig.violations()).toEqual([])
    },
  )
})

describe('a reply', () => {
  test('to a connection that is gone goes nowhere, not to the next one (F9, F10)', async () => {
    const acknowledge: ((ack: Ack) => void)[] = []
    let held = true
    const takeEvent = (): Promise<Ack> =>
      held ? new Promise((resolve) => acknowledge.push(resolve)) : Promise.resolve(SUCCESS)
    await areOpen(rig.supervise({ connections: 1, takeEvent }))
    pushEvent()
    await eventually('the push', () => acknowledge.length === 1)
    rig.sandbox.control.dropConnections(rig.app.clientId)
    await eventually('the next connection', () => rig.opens() === 2 && rig.live().length === 1)
    held = false
    for (const resolve of acknowledge) resolve(SUCCESS)
    await rig.expectEcho()
    expect(rig.violations()).toEqual([])
  })

  test('that would be late is not written, so that the gateway does not block the connection', async () => {
    await rig.close()
    rig = await openStreamRig({ wedgeOnLateReply: true, redeliveryDelaysMs: [] })
    const soon = { event: { answerMs: 50, tooLateMs: FAR_DEADLINES.event.tooLateMs } }
    await areOpen(rig.supervise({ connections: 1, deadlines: soon, takeEvent: () => new Promise(() => {}) }))
    expect(await rig.sandbox.control.eventSettled(pushEvent())).toBe('dropped')
    await rig.expectEcho()
    expect(answers()).toEqual([200, 200])
    expect(rig.violations()).toEqual([])
    expect(rig.opens()).toBe(1)
  })

  test('that was late all the same blocks a connection only until its silence is noticed', async () => {
    await rig.close()
    rig = await openStreamRig({ wedgeOnLateReply: true, eventDeadlineMs: 30, redeliveryDelaysMs: [] })
    const slow = (): Promise<Ack> => new Promise((resolve) => setTimeout(() => resolve(SUCCESS), 200))
    const stream = rig.supervise({ takeEvent: slow, connection: QUICK_PINGS })
    await areOpen(stream)
    pushEvent()
    await eventually('it is late', () => rig.violations().length === 1)
    await eventually('the connection is replaced', () => stream.logged('stream-closed').length > 0)
    await areOpen(stream)
    for (const closed of stream.logged('stream-closed')) expect(closed).toMatchObject({ silent: true })
  })
})

test('a burst larger than what may be under way is taken in whole, and costs no connection', async () => {
  await rig.close()
  rig = await openStreamRig()
  const taken = new Set<string>()
  let most = 0
  let underWay = 0
  const waited = vi.spyOn(Liveness.prototype, 'waitedMs')
  onTestFinished(() => waited.mockRestore())
  const stream = rig.supervise({
    connection: { pingMs: 500, deadAfterMs: CONDITION_MS },
    takeEvent: async ({ eventId }) => {
      most = Math.max(most, ++underWay)
      await new Promise((resolve) => setTimeout(resolve, 20))
      underWay -= 1
      taken.add(eventId)
      return SUCCESS
    },
  })
  await areOpen(stream)
  rig.inject('delivery.burst', { times: 6_000 })
  await eventually('all are taken', () => taken.size === 6_000)
  await rig.expectEcho()
  expect(most).toBeLessThan(4_000)
  const longestMs = () => Math.max(...waited.mock.results.map(({ value }) => value as number))
  expect(longestMs()).toBeGreaterThan(0)
  await eventually('what comes afterwards is known not to have waited', async () => {
    waited.mockClear()
    await settled(pushEvent())
    return longestMs() === 0
  })
  expect(stream.logged('stream-closed')).toEqual([])
  expect(rig.violations()).toEqual([])
})
