import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

import type { StreamFaultId } from '../sandbox/dingtalk/types.ts'
import { eventually } from '../support/eventually.ts'
import { areOpen, openStreamRig, QUICK_PINGS, type StreamRig, type Supervised } from '../support/stream-rig.ts'

/** How connections end and what comes after them. The numbers are those of the reference's list of known faults. */

let rig: StreamRig
beforeEach(async () => {
  rig = await openStreamRig()
})
afterEach(async () => {
  vi.restoreAllMocks()
  await rig.close()
})

/** Whoever waited for an opening that hangs would wait for ever. */
const NEVER_MS = 86_400_000

const pushEvent = (): string => rig.sandbox.control.pushEvent(rig.app.clientId, { eventType: 'x', data: {} })
const settled = (eventId: string) => rig.sandbox.control.eventSettled(eventId)
const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
const closes = () => rig.sandbox.journal.of('stream-close')

/** Resolves when none of these ids is live any more and as many as wanted are. */
async function renewed(stream: Supervised, before: string[]): Promise<void> {
  await eventually('new connections', () => {
    const live = rig.live()
    return live.length === stream.state().wanted && before.every((id) => !live.includes(id))
  })
  await areOpen(stream)
}

describe('a connection that the gateway takes leave of', () => {
  test('is replaced at once, and stays for its replies until the gateway closes it (F12)', async () => {
    const stream = rig.supervise({ connections: 1 })
    await areOpen(stream)
    rig.inject('socket.disconnect')
    await eventually('the replacement', () => rig.live().length === 1)
    await areOpen(stream)
    const farewell = rig.sandbox.journal.of('frame-sent').at(-1)
    await rig.sandbox.journal.waitFor(
      'its reply',
      (entry) => entry.type === 'frame-received' && entry.messageId === farewell?.messageId,
    )
    expect(await settled(pushEvent())).toBe('success')
    await rig.sandbox.journal.waitFor('the end of the old one', (entry) => entry.type === 'stream-close')
    expect(closes()).toMatchObject([{ by: 'server' }])
    const [, second] = rig.sandbox.journal.of('stream-open')
    expect(second?.seq).toBeLessThan(closes()[0]?.seq ?? 0)
    await rig.expectEcho()
    expect(rig.opens()).toBe(2)
    expect(stream.gaps).toHaveLength(1)
  })

  test('leaves no gap while another one serves', async () => {
    const stream = rig.supervise()
    await areOpen(stream)
    const [first = ''] = rig.live()
    rig.inject('socket.disconnect', { connectionId: first })
    await eventually('the replacement', () => rig.opens() === 3)
    await areOpen(stream)
    expect(stream.gaps).toEqual([])
    expect(stream.logged('stream-state').map(({ state }) => state)).toEqual(['connecting', 'open'])
  })

  test('is not cut before the gateway closes it, and not kept when the gateway forgets to', async () => {
    const stream = rig.supervise({ connections: 1, settings: { lingerMs: 300 } })
    await areOpen(stream)
    rig.inject('socket.disconnect-then-close')
    await rig.sandbox.journal.waitFor('the end of the first', (entry) => entry.type === 'stream-close')
    await eventually('the second', () => rig.live().length === 1)
    await areOpen(stream)
    rig.inject('socket.disconnect-without-close')
    await eventually('the end of the second', () => closes().length === 2)
    expect(closes()).toMatchObject([{ by: 'server' }, { by: 'client' }])
    await rig.expectEcho()
    expect(rig.opens()).toBe(3)
  })

  test('again and again: nothing is lost although nothing is repeated', async () => {
    await rig.close()
    rig = await openStreamRig({ redeliveryDelaysMs: [], disconnectSilenceMs: 10_000 })
    const stream = rig.supervise()
    await areOpen(stream)
    const events: string[] = []
    for (let round = 0; round < 25; round++) {
      const [oldest = ''] = rig.live()
      for (let index = 0; index < 4; index++) events.push(pushEvent())
      rig.inject('socket.disconnect', { connectionId: oldest })
      for (let index = 0; index < 4; index++) events.push(pushEvent())
      await eventually('both serve', () => rig.live().length === 2 && stream.state().open === 2)
    }
    expect(new Set(await Promise.all(events.map(settled)))).toEqual(new Set(['success']))
    expect(rig.violations()).toEqual([])
    expect(stream.gaps).toEqual([])
  })

  test('ends by age, at another time for each', async () => {
    const stream = rig.supervise()
    await areOpen(stream)
    const before = rig.live()
    rig.sandbox.control.advance(6 * 3_600_000)
    await renewed(stream, before)
    expect(stream.logged('stream-replace')).toHaveLength(2)
  })
})

describe('a connection that is lost', () => {
  test.for<[StreamFaultId, number]>([
    ['socket.close-1006', 1006],
    ['socket.close-1000', 1000],
  ])('by %s is replaced at once', async ([id, code]) => {
    const stream = rig.supervise()
    await areOpen(stream)
    const before = rig.live()
    rig.inject(id)
    await renewed(stream, before)
    expect(stream.logged('stream-closed')).toMatchObject([
      { code, silent: false },
      { code, silent: false },
    ])
    expect(rig.opens()).toBe(4)
    await rig.expectEcho()
  })

  test.for<[StreamFaultId]>([
    ['socket.half-open'],
    ['socket.drop-inbound'],
    ['socket.drop-outbound'],
    ['socket.no-pong'],
    ['socket.wedge'],
  ])('by %s is noticed by its silence, and the other one serves meanwhile (F14)', async ([id]) => {
    const stream = rig.supervise({ connection: QUICK_PINGS })
    await areOpen(stream)
    const [first = ''] = rig.live()
    rig.inject(id, { connectionId: first })
    // The gateway itself may not have noticed yet, and goes on using it.
    await eventually('it is given up', () => stream.logged('stream-closed').length === 1)
    await areOpen(stream)
    expect(stream.logged('stream-closed')).toMatchObject([{ silent: true }])
    expect(stream.gaps).toEqual([])
    expect(rig.opens()).toBe(3)
  })

  test('only as it seemed, serves on beside its stand-in: nothing is lost, and connections do not grow without end', async () => {
    await rig.close()
    rig = await openStreamRig({ redeliveryDelaysMs: [], systemPingMs: 0 })
    const connection = { ...QUICK_PINGS, deadAfterMs: 60_000 }
    const stream = rig.supervise({ connection })
    await areOpen(stream)
    const events: string[] = []
    for (let round = 1; round <= 8; round++) {
      const [first = ''] = rig.live()
      rig.sandbox.control.delayPongs(rig.app.clientId, 1_500)
      await eventually('all are suspected', () => stream.logged('stream-suspected').length >= 2 * round)
      for (let index = 0; index < 8; index++) events.push(pushEvent())
      await eventually('they are heard again', () => stream.logged('stream-recovered').length >= 2 * round)
      expect(rig.live()).toContain(first)
    }
    expect(new Set(await Promise.all(events.map(settled)))).toEqual(new Set(['success']))
    await areOpen(stream)
    // Two places, with four that may be suspected and one that serves at the most.
    expect(rig.live().length).toBeLessThanOrEqual(10)
    expect(rig.opens()).toBeLessThanOrEqual(10)
    expect(rig.violations()).toEqual([])
  })

  test.each(['lost early', 'refused'])(
    'with no connection alive the pause is never longer than that for one who is alone: %s',
    async (trouble) => {
      const settings = { backOffMinMs: 10, backOffMaxMs: 3_600_000, aloneMaxMs: 300, spacingMs: 0 }
      const stream = rig.supervise({ connections: 1, settings })
      await areOpen(stream)
      if (trouble === 'refused') rig.inject('handshake.503', { times: 12 })
      else rig.inject('handshake.accept-then-close', { times: 12 })
      rig.sandbox.control.dropConnections(rig.app.clientId)
      await eventually('it is there again', () => rig.opens() >= 13 && stream.state().open === 1)
      const pauses = stream.logged('stream-pause').map(({ pauseMs }) => Number(pauseMs))
      expect(pauses.length).toBeGreaterThanOrEqual(11)
      expect(Math.max(...pauses)).toBeLessThanOrEqual(300)
    },
  )

  test('when it was the only one tells how long nothing could be heard, from the last sign of life on', async () => {
    const stream = rig.supervise({ connections: 1, connection: QUICK_PINGS })
    await areOpen(stream)
    rig.inject('socket.half-open')
    await eventually('the gap is told', () => stream.gaps.length === 1)
    expect(stream.gaps[0]).toBeGreaterThanOrEqual(QUICK_PINGS.suspectAfterMs - 50)
    expect(stream.state()).toMatchObject({ state: 'open', open: 1, lastGapMs: stream.gaps[0] })
  })

  test('may still be pushed to, and the next one’s first push may be lost: redelivery brings both (F27)', async () => {
    await rig.close()
    rig = await openStreamRig({ eventDeadlineMs: 300, redeliveryDelaysMs: Array.from({ length: 30 }, () => 50) })
    const taken = new Set<string>()
    const stream = rig.supervise({
      takeEvent: async ({ eventId }) => {
        taken.add(eventId)
        return { status: 'SUCCESS', message: 'ok' }
      },
    })
    await areOpen(stream)
    const before = rig.live()
    rig.inject('delivery.to-dead-connection', { times: 2 })
    rig.inject('delivery.lose-first', { times: 2 })
    rig.sandbox.control.dropConnections(rig.app.clientId)
    await renewed(stream, before)
    const events = Array.from({ length: 12 }, pushEvent)
    expect(new Set(await Promise.all(events.map(settled)))).toEqual(new Set(['success']))
    expect(rig.sandbox.journal.of('frame-sent').some(({ lost }) => lost)).toBe(true)
    expect(taken).toEqual(new Set(events))
  })

  test('for good ends what is pushed meanwhile, which the hook is for', async () => {
    await rig.close()
    rig = await openStreamRig({ redeliveryDelaysMs: [10_000] })
    const stream = rig.supervise()
    await areOpen(stream)
    rig.inject('open.503', { times: 4 })
    rig.inject('delivery.lose-offline')
    rig.sandbox.control.dropConnections(rig.app.clientId)
    await eventually('nothing is open', () => rig.live().length === 0)
    expect(await settled(pushEvent())).toBe('dropped')
    await eventually('the gap is told', () => stream.gaps.length === 1)
    await areOpen(stream)
    expect(stream.logged('stream-state').map(({ state }) => state)).toEqual([
      'connecting',
      'open',
      'connecting',
      'waiting',
      'open',
    ])
  })
})

describe('a connection that is healthy', () => {
  test('survives a busy event loop, however often (F15)', async () => {
    const stream = rig.supervise({ connection: QUICK_PINGS })
    await areOpen(stream)
    for (let round = 0; round < 3; round++) {
      const until = performance.now() + 1.3 * QUICK_PINGS.deadAfterMs
      while (performance.now() < until);
      await rig.expectEcho()
    }
    expect(rig.opens()).toBe(2)
    expect(closes()).toEqual([])
  })

  test('survives jumps of the clock in both directions', async () => {
    const stream = rig.supervise({ connection: QUICK_PINGS })
    await areOpen(stream)
    const real = Date.now.bind(Date)
    for (const jumpMs of [86_400_000, -86_400_000]) {
      vi.spyOn(Date, 'now').mockImplementation(() => real() + jumpMs)
      for (let round = 0; round < 3; round++) await rig.expectEcho()
    }
    expect(rig.opens()).toBe(2)
    expect(closes()).toEqual([])
  })

  test('survives a line that holds everything up by as much as 200 ms', async () => {
    await rig.close()
    rig = await openStreamRig({ jitterMs: 200 })
    const stream = rig.supervise({ connection: { ...QUICK_PINGS, deadAfterMs: 1_000 } })
    await areOpen(stream)
    for (let round = 0; round < 12; round++) await rig.expectEcho()
    expect(rig.opens()).toBe(2)
    expect(closes()).toEqual([])
  })

  test('leaves no timer behind when it ends, and no more with each (F13)', async () => {
    const stream = rig.supervise({ connection: QUICK_PINGS })
    await areOpen(stream)
    const cycle = async (): Promise<void> => {
      const before = rig.live()
      rig.sandbox.control.dropConnections(rig.app.clientId)
      await renewed(stream, before)
    }
    await cycle()
    // The sandbox keeps a timer for the end of each connection's life.
    const before = timers()
    for (let round = 0; round < 6; round++) await cycle()
    await eventually('as many timers as before', () => timers() <= before + 6 * 2)
    await rig.expectEcho()
  })

  test('is never one of more than wanted (F18)', async () => {
    const stream = rig.supervise()
    for (let round = 0; round < 4; round++) {
      await areOpen(stream)
      const before = rig.live()
      rig.sandbox.control.dropConnections(rig.app.clientId)
      await renewed(stream, before)
      expect(rig.live()).toHaveLength(2)
    }
    await rig.expectEcho()
    expect(rig.opens()).toBe(10)
  })
})

describe('a connection that answers pings and is given nothing (F29)', () => {
  const DEAF = { deafMs: 600, deafAloneMs: 1_500, lingerMs: 300 }

  test('is replaced once its sibling has got every push for a while, and nothing is closed before', async () => {
    await rig.close()
    rig = await openStreamRig({ eventDeadlineMs: 200, redeliveryDelaysMs: Array.from({ length: 20 }, () => 20) })
    const stream = rig.supervise({ settings: DEAF })
    await areOpen(stream)
    const [deaf = ''] = rig.live()
    rig.inject('socket.zombie', { connectionId: deaf })
    const events: string[] = []
    await eventually('it is doubted', () => {
      events.push(pushEvent())
      return stream.logged('stream-doubted').length > 0
    })
    await eventually('the replacement', () => rig.opens() === 3)
    await eventually('its end', () => closes().length === 1)
    expect(closes()).toMatchObject([{ connectionId: deaf, by: 'client' }])
    const [, , third] = rig.sandbox.journal.of('stream-open')
    expect(third?.seq).toBeLessThan(closes()[0]?.seq ?? 0)
    expect(new Set(await Promise.all(events.map(settled)))).toEqual(new Set(['success']))
    expect(stream.gaps).toEqual([])
  })

  test('is replaced when the gateway, which used to, pings it no longer', async () => {
    await rig.close()
    rig = await openStreamRig({ systemPingMs: 40, systemPingReplyMs: 60_000 })
    const stream = rig.supervise({ connections: 1, settings: DEAF })
    await areOpen(stream)
    await eventually('it was pinged', () => rig.sandbox.journal.of('frame-received').length >= 5)
    rig.inject('socket.zombie')
    await eventually('it is replaced', () => rig.opens() === 2)
    expect(stream.logged('stream-doubted')).toHaveLength(1)
    await eventually('its end', () => closes().length === 1)
    await areOpen(stream)
    await rig.expectEcho()
  })

  test('is not to be told from a quiet robot’s, which is left alone', async () => {
    const stream = rig.supervise({ settings: { ...DEAF, deafMs: 120, deafAloneMs: 240 } })
    await areOpen(stream)
    for (let round = 0; round < 8; round++) await new Promise((resolve) => setTimeout(resolve, 100))
    // One that is pushed to in its turn is no proof against the other either.
    for (let index = 0; index < 6; index++) await settled(pushEvent())
    expect(stream.logged('stream-doubted')).toEqual([])
    expect(rig.opens()).toBe(2)
  })
})

describe('a stop', () => {
  test('in the pause before the next attempt is final (F16)', async () => {
    rig.inject('open.reset', { times: 5 })
    const stream = rig.supervise({ connections: 1, settings: { backOffMinMs: 300, backOffMaxMs: 300 } })
    await eventually('the pause', () => stream.state().state === 'waiting')
    await stream.stop()
    expect(stream.state()).toEqual({ state: 'stopped', open: 0, wanted: 1 })
    expect(rig.opens()).toBe(1)
  })

  test.for<[StreamFaultId]>([['open.hang'], ['handshake.hang'], ['handshake.accept-then-silence']])(
    'while waiting for what meets %s does not wait for it (F17)',
    async ([id]) => {
      rig.inject(id, { times: 2 })
      const before = timers()
      const never = { openTimeoutMs: NEVER_MS, handshakeTimeoutMs: NEVER_MS }
      const stream = rig.supervise({ connection: never })
      await rig.sandbox.journal.waitFor('the call', (entry) => entry.type === 'request')
      await stream.stop()
      expect(stream.state()).toMatchObject({ state: 'stopped' })
      await eventually('nothing is open', () => rig.live().length === 0)
      // The sandbox keeps one for the end of each connection's life.
      await eventually('no timer is left', () => timers() <= before + rig.sandbox.journal.of('stream-open').length)
    },
  )

  test('answers what was pushed before it, though it was not read yet', async () => {
    await rig.close()
    rig = await openStreamRig({ redeliveryDelaysMs: [] })
    const stream = rig.supervise()
    await areOpen(stream)
    const events = Array.from({ length: 20 }, pushEvent)
    await stream.stop()
    expect(new Set(await Promise.all(events.map(settled)))).toEqual(new Set(['success']))
    expect(rig.violations()).toEqual([])
  })

  test('takes in what is pushed until the end, and is held up by no flood of it', async () => {
    await rig.close()
    rig = await openStreamRig({ redeliveryDelaysMs: [] })
    let taken = 0
    const stream = rig.supervise({
      takeEvent: async () => {
        taken += 1
        return { status: 'SUCCESS', message: 'ok' }
      },
    })
    await areOpen(stream)
    // Whatever is answered is followed by the next.
    const stopFlood = rig.sandbox.journal.subscribe((entry) => {
      if (entry.type === 'frame-received' && rig.live().length > 0) pushEvent()
    })
    for (let index = 0; index < 20; index++) pushEvent()
    await eventually('it flows', () => taken > 100)
    await stream.stop()
    stopFlood()
    expect(rig.sandbox.journal.of('frame-sent')).toHaveLength(taken)
    expect(rig.violations()).toEqual([])
  })

  test('says goodbye on every connection, also on those that are leaving', async () => {
    await rig.close()
    rig = await openStreamRig({ disconnectSilenceMs: 60_000 })
    const stream = rig.supervise()
    await areOpen(stream)
    const before = rig.live()
    rig.inject('socket.disconnect')
    await renewed(stream, before)
    await stream.stop()
    await eventually('all are closed', () => closes().length === 4)
    expect(new Set(closes().map(({ by }) => by))).toEqual(new Set(['client']))
  })
})
