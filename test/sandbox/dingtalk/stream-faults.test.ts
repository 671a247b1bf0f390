import { eventually } from '../../support/eventually.ts'
import { CONDITION_MS } from '../../support/patience.ts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { WebSocket } from 'ws'
import type { Office } from './rig.ts'
import { openOffice, openStream, polite, refusedUpgrade, reopen, replyTo, requestTicket, streamUrl } from './rig.ts'
import type { StreamFault, StreamFaultId } from './types.ts'

let office: Office
beforeEach(async () => {
  office = await openOffice()
})
afterEach(() => office.sandbox.close())

const inject = (id: StreamFaultId, fault: Omit<StreamFault, 'id'> = {}): void =>
  office.sandbox.control.injectStreamFault({ id, clientId: office.app.clientId, ...fault })
const pushEvent = (): string => office.sandbox.control.pushEvent(office.app.clientId, { eventType: 'x', data: {} })
const settled = (eventId: string) => office.sandbox.control.eventSettled(eventId)

const NEVER_MS = 100

/** Whether a WebSocket ping is answered. An answer that is expected has all the time it needs. */
async function expectPong(socket: WebSocket, expected: boolean): Promise<void> {
  const pong = new Promise<boolean>((resolve) => socket.once('pong', () => resolve(true)))
  socket.ping()
  const waitMs = expected ? CONDITION_MS : NEVER_MS
  const timer = new Promise<boolean>((resolve) => void setTimeout(() => resolve(false), waitMs).unref())
  expect(await Promise.race([pong, timer])).toBe(expected)
}

test('a fault nobody knows is a mistake, and so is one for the connections of no app', () => {
  const { control } = office.sandbox
  expect(() => inject('open.nothing' as StreamFaultId)).toThrow('no Stream fault open.nothing')
  expect(() => inject('socket.toString' as StreamFaultId)).toThrow('no Stream fault')
  expect(() => control.injectStreamFault({ id: 'socket.zombie' })).toThrow('needs a clientId')
})

describe('the open call', () => {
  test.for<[StreamFaultId, number, string]>([
    ['open.401', 401, 'authFailed'],
    ['open.400-json', 400, 'systemError'],
    ['open.403-qps', 403, 'QpsLimit'],
    ['open.empty-ticket', 200, '"ticket":""'],
  ])('%s is answered %i', async ([id, status, text]) => {
    inject(id)
    const answered = await requestTicket(office.sandbox, office.app)
    expect(answered.status).toBe(status)
    expect(JSON.stringify(answered.body)).toContain(text)
    expect((await requestTicket(office.sandbox, office.app)).status).toBe(200)
  })

  test('a fault of one app, and one with a share, leave the others alone', async () => {
    const other = office.sandbox.control.createApp()
    inject('open.401', { clientId: other.clientId })
    expect((await requestTicket(office.sandbox, office.app)).status).toBe(200)
    expect((await requestTicket(office.sandbox, other)).status).toBe(401)
    inject('open.401', { times: 1_000, share: 0.5 })
    const statuses = await Promise.all(
      Array.from({ length: 60 }, async () => (await requestTicket(office.sandbox, office.app)).status),
    )
    expect(new Set(statuses)).toEqual(new Set([200, 401]))
  })
})

describe('the number of connections', () => {
  test('can be limited at the open call or at the handshake', async () => {
    const { settings } = office.sandbox.control
    settings.maxConnections = 1
    const first = await openStream(office)
    expect((await requestTicket(office.sandbox, office.app)).status).toBe(400)
    settings.refuseExtraAt = 'handshake'
    const granted = await requestTicket(office.sandbox, office.app)
    expect(granted.status).toBe(200)
    expect(await refusedUpgrade(streamUrl(granted))).toBe(403)
    first.socket.terminate()
    await first.closed
    await office.sandbox.journal.waitFor('the end', (entry) => entry.type === 'stream-close')
    await openStream(office)
  })

  test('handshake faults may be for one app', async () => {
    inject('handshake.503', { clientId: 'somebody-else' })
    await openStream(office)
    inject('handshake.503')
    expect(await refusedUpgrade(streamUrl(await requestTicket(office.sandbox, office.app)))).toBe(503)
  })
})

describe('a connection', () => {
  test('that is a zombie answers pings and gets nothing, though it is still chosen', async () => {
    office = await reopen(office, { eventDeadlineMs: 50 })
    const stream = await openStream(office)
    inject('socket.zombie')
    expect(await settled(pushEvent())).toBe('dropped')
    expect(stream.frames).toEqual([])
    await expectPong(stream.socket, true)
    expect(office.sandbox.journal.of('frame-sent').map(({ lost }) => lost)).toEqual([true, true, true])
  })

  test.for<[StreamFaultId, { pong: boolean; gets: boolean; heard: boolean }]>([
    ['socket.half-open', { pong: false, gets: false, heard: false }],
    ['socket.drop-inbound', { pong: false, gets: true, heard: false }],
    ['socket.drop-outbound', { pong: false, gets: false, heard: true }],
    ['socket.no-pong', { pong: false, gets: true, heard: true }],
    ['socket.wedge', { pong: false, gets: true, heard: false }],
  ])('with %s: %o', async ([id, { pong, gets, heard }]) => {
    office = await reopen(office, { eventDeadlineMs: gets && heard ? CONDITION_MS : 100, redeliveryDelaysMs: [] })
    const stream = await openStream(office)
    inject(id, { connectionId: stream.id })
    await expectPong(stream.socket, pong)
    const outcome = await settled(pushEvent())
    await eventually('what gets through is there', () => stream.frames.length === (gets ? 1 : 0))
    expect(outcome).toBe(gets && heard ? 'success' : 'dropped')
    stream.send('hello')
    if (heard) await office.sandbox.journal.waitFor('it is heard', (entry) => entry.type === 'violation')
    else expect(office.sandbox.journal.of('violation')).toEqual([])
  })

  test('is wedged by a late reply when the gateway is so inclined', async () => {
    office = await reopen(office, { eventDeadlineMs: 30, redeliveryDelaysMs: [], wedgeOnLateReply: true })
    const stream = await openStream(office, (frame) => (frame.type === 'EVENT' ? undefined : polite(frame)))
    expect(await settled(pushEvent())).toBe('dropped')
    await expectPong(stream.socket, true)
    stream.send(replyTo(await stream.first, { status: 'SUCCESS' }))
    await office.sandbox.journal.waitFor('the violation', (entry) => entry.type === 'violation')
    await expectPong(stream.socket, false)
  })

  test.for<[StreamFaultId, number]>([
    ['socket.close-1006', 1006],
    ['socket.close-1000', 1000],
    ['socket.disconnect-then-close', 1006],
  ])('ends by %s with code %i', async ([id, code]) => {
    const stream = await openStream(office)
    inject(id)
    expect(await stream.closed).toEqual({ code })
  })

  test('may be taken leave of and never closed', async () => {
    const stream = await openStream(office)
    inject('socket.disconnect-without-close')
    expect(await stream.first).toMatchObject({ headers: { topic: 'disconnect' } })
    expect(office.sandbox.control.connections(office.app.clientId)).toEqual([])
    await expectPong(stream.socket, true)
  })

  test('ends by age on the virtual clock, and not all at once', async () => {
    const streams = [await openStream(office), await openStream(office)]
    const live = () => office.sandbox.control.connections(office.app.clientId).length
    office.sandbox.control.advance(5 * 3_600_000)
    expect(live()).toBe(2)
    office.sandbox.control.advance(3_600_000)
    expect(live()).toBe(0)
    await Promise.all(streams.map(({ closed }) => closed))
  })

  test('on a line that jitters hears everything in order', async () => {
    office = await reopen(office, { jitterMs: 30 })
    const stream = await openStream(office)
    const events = Array.from({ length: 20 }, pushEvent)
    expect(await Promise.all(events.map(settled))).toEqual(events.map(() => 'success'))
    expect(stream.frames.map(({ headers }) => headers['eventId'])).toEqual(events)
  })
})

describe('delivery', () => {
  test('goes on to a connection that was cut, for some seconds', async () => {
    office = await reopen(office, { eventDeadlineMs: 50, redeliveryDelaysMs: [] })
    const stream = await openStream(office)
    inject('delivery.to-dead-connection')
    office.sandbox.control.dropConnections(office.app.clientId)
    await stream.closed
    expect(await settled(pushEvent())).toBe('dropped')
    expect(office.sandbox.journal.of('frame-sent')).toMatchObject([{ connectionId: stream.id, lost: true }])
    expect(office.sandbox.control.connections(office.app.clientId)).toEqual([])
  })

  test('loses the first push of the next connection', async () => {
    office = await reopen(office, { eventDeadlineMs: 50 })
    inject('delivery.lose-first')
    const stream = await openStream(office)
    expect(await settled(pushEvent())).toBe('success')
    expect(stream.frames).toHaveLength(1)
    expect(office.sandbox.journal.of('frame-sent').map(({ lost }) => lost ?? false)).toEqual([true, false])
  })

  test('drops what is pushed while nobody is there', async () => {
    office = await reopen(office, { redeliveryDelaysMs: [10_000] })
    inject('delivery.lose-offline')
    expect(await settled(pushEvent())).toBe('dropped')
  })

  test('repeats what was acknowledged, under its own or under a new messageId', async () => {
    const stream = await openStream(office)
    const messageIds = async (id: StreamFaultId): Promise<number> => {
      inject(id)
      const eventId = pushEvent()
      expect(await settled(eventId)).toBe('success')
      const frames = stream.frames.filter(({ headers }) => headers['eventId'] === eventId)
      expect(frames).toHaveLength(2)
      return new Set(frames.map(({ headers }) => headers['messageId'])).size
    }
    expect(await messageIds('delivery.duplicate-same-id')).toBe(1)
    expect(await messageIds('delivery.duplicate-new-id')).toBe(2)
    expect(office.sandbox.journal.of('violation')).toEqual([])
  })

  test('swaps an event with the one after it', async () => {
    const stream = await openStream(office)
    inject('delivery.reorder')
    const events = [pushEvent(), pushEvent(), pushEvent()]
    await Promise.all(events.map(settled))
    const order = stream.frames.map(({ headers }) => events.indexOf(headers['eventId'] ?? ''))
    expect(order.indexOf(0)).toBeGreaterThan(order.indexOf(1))
  })

  test('comes in bursts', async () => {
    const stream = await openStream(office)
    inject('delivery.burst')
    await office.sandbox.journal.waitFor('the last', () => stream.frames.length >= 500)
    expect(stream.frames).toHaveLength(500)
  })
})
