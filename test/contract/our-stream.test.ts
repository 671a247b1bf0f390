import axios from 'axios'
import { DWClient, EventAck, TOPIC_CARD, TOPIC_ROBOT } from 'dingtalk-stream'
import { pino } from 'pino'
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

import { DEADLINES } from '../../src/domain/deadlines.ts'
import { ALWAYS_UP } from '../../src/event-loop.ts'
import { InFlight } from '../../src/lifecycle.ts'
import { createOutbound } from '../../src/outbound.ts'
import { createRoom } from '../../src/room.ts'
import { CONNECTION_SETTINGS, openConnection } from '../../src/stream/connection.ts'
import { routeFrame } from '../../src/stream/router.ts'
import { eventually } from '../support/eventually.ts'
import { app, essence } from './beside-vendor.ts'
import { type Recorder, startRecorder } from './recorder.ts'

const FLOW = { enter: () => {}, leave: () => {} }
const QUIET_LINE = { waitedMs: 0, flow: FLOW, onPing: () => {}, onPush: () => {}, onDisconnect: () => {} }
const outbound = createOutbound()
afterAll(() => outbound.close())

describe('the Stream connection is the vendor’s', () => {
  let gateway: Recorder
  let vendor: DWClient
  let interceptor: number
  const opened: { terminate(): void }[] = []

  beforeEach(async () => {
    vi.spyOn(console, 'info').mockReturnValue()
    gateway = await startRecorder()
    interceptor = axios.interceptors.request.use((request) => ({
      ...request,
      proxy: false as const,
      url: (request.url ?? '').replace('https://api.dingtalk.com', gateway.url),
    }))
    vendor = new DWClient({ ...app })
    vendor.config.autoReconnect = false
    // Registering pushes onto a list that all instances share.
    vendor.config.subscriptions = [...vendor.config.subscriptions]
  })

  afterEach(async () => {
    vendor.disconnect()
    for (const connection of opened.splice(0)) connection.terminate()
    axios.interceptors.request.eject(interceptor)
    await gateway.close()
    vi.restoreAllMocks()
  })

  const answerPress = { cardParamMap: { title: 'P1', tips: '操作成功' } }
  const response = {
    cardUpdateOptions: { updateCardDataByKey: true },
    cardData: answerPress,
  }

  async function connectBoth(): Promise<{ ourReceived: string[]; vendorReceived: string[] }> {
    vendor.registerAllEventListener(() => ({ status: EventAck.SUCCESS, message: 'ok' }))
    vendor.registerCallbackListener(TOPIC_CARD, (press) => {
      vendor.socketCallBackResponse(press.headers.messageId, response)
    })
    vendor.registerCallbackListener(TOPIC_ROBOT, (message) => {
      vendor.socketCallBackResponse(message.headers.messageId, null)
    })
    await vendor.connect()
    const log = pino({ level: 'silent' })
    const room = createRoom(
      {
        takeEvent: async () => ({ status: 'SUCCESS' as const, message: 'ok' }),
        answerPress: async () => ({ ...answerPress, afterReply: () => {} }),
        takeMessage: async () => ({ status: 'SUCCESS' as const, message: 'ok' }),
      },
      log,
      new InFlight(() => {}),
    )
    const router = { log, room, deadlines: DEADLINES }
    const counters = { malformed: 0, unknown: 0, overdue: 0 }
    opened.push(
      await openConnection(
        { app, apiUrl: gateway.url, ...outbound, settings: CONNECTION_SETTINGS, eventLoop: ALWAYS_UP },
        {
          onFrame: (raw, reply) => void routeFrame(router, counters, raw, { ...QUIET_LINE, reply }),
          onClose: () => {},
          onSuspect: () => {},
          onRecovered: () => {},
        },
      ),
    )
    const [first, second] = gateway.upgrades
    if (!first || !second) throw new Error('somebody did not connect')
    return { vendorReceived: first.received, ourReceived: second.received }
  }

  /** The same frame to both, and what each answers. */
  async function repliesTo(frame: object): Promise<{ our: unknown; vendor: unknown }> {
    const { ourReceived, vendorReceived } = await connectBoth()
    for (const { socket } of gateway.upgrades) socket.send(JSON.stringify(frame))
    await eventually('two replies', () => ourReceived.length > 0 && vendorReceived.length > 0)
    return { our: parseReply(ourReceived), vendor: parseReply(vendorReceived) }
  }

  function parseReply(received: string[]): unknown {
    expect(received).toHaveLength(1)
    const reply = JSON.parse(received[0] ?? '') as { data: string }
    return { ...reply, data: JSON.parse(reply.data) as unknown }
  }

  const headers = { contentType: 'application/json', messageId: 'm-1', time: '1769851800123' }

  test('the opening call', async () => {
    await connectBoth()
    const [theirs, ours] = gateway.requests.map((request) => essence(request))
    // `ua` names the client and is free text: `name-sdk-lang/version` by the protocol page.
    expect(ours?.body).toMatchObject({ ua: 'flashduty-dingtalk' })
    const comparable = (side: typeof ours) => ({ ...side, body: { ...(side?.body as object), ua: 'x' } })
    expect(comparable(ours)).toEqual(comparable(theirs))
    expect(ours).toMatchObject({
      path: '/v1.0/gateway/connections/open',
      accept: 'application/json',
      body: {
        subscriptions: [
          { type: 'EVENT', topic: '*' },
          { type: 'CALLBACK', topic: TOPIC_CARD },
          { type: 'CALLBACK', topic: TOPIC_ROBOT },
        ],
      },
    })
  })

  test('the address of the WebSocket', async () => {
    await connectBoth()
    const [theirs, ours] = gateway.upgrades
    expect(ours?.path).toBe('/connect?ticket=ticket-1')
    expect(ours?.path).toBe(theirs?.path)
    // The vendor offers compression (a default of `ws`), which costs memory for every connection and gains nothing here.
    expect(theirs?.headers['sec-websocket-extensions']).toContain('permessage-deflate')
    expect(ours?.headers['sec-websocket-extensions']).toBeUndefined()
  })

  test('the echo of a ping', async () => {
    const data = '{"opaque":"k3-77"}'
    const frame = { specVersion: '1.0', type: 'SYSTEM', headers: { ...headers, topic: 'ping' }, data }
    const { our, vendor } = await repliesTo(frame)
    expect(our).toEqual({
      code: 200,
      message: 'OK',
      headers: { contentType: 'application/json', messageId: 'm-1' },
      data: { opaque: 'k3-77' },
    })
    // The vendor sends all headers of the ping back; the protocol page asks for these two only.
    expect(vendor).toEqual({ ...(our as object), headers: { ...headers, topic: 'ping' } })
  })

  test('the acknowledgement of an event', async () => {
    const event = { topic: '*', eventType: 'chat_update_title', eventId: 'e-1', eventCorpId: 'dingcorp' }
    const data = '{"title":"On-call A","openConversationId":"cid0001=="}'
    const { our, vendor } = await repliesTo({ type: 'EVENT', headers: { ...headers, ...event }, data })
    expect(our).toMatchObject({ code: 200, data: { status: 'SUCCESS' } })
    expect(our).toEqual(vendor)
  })

  test('the answer to a press', async () => {
    const content = JSON.stringify({ cardPrivateData: { actionIds: ['ack~1'], params: { id: 'ack~1' } } })
    const press = { outTrackId: 'fd-incident-1', userId: 'user0002', corpId: 'dingcorp', content, value: content }
    const frame = { type: 'CALLBACK', headers: { ...headers, topic: TOPIC_CARD }, data: JSON.stringify(press) }
    const { our, vendor } = await repliesTo(frame)
    expect(our).toMatchObject({ code: 200, data: { response: { cardData: answerPress } } })
    expect(our).toEqual(vendor)
  })

  test('the answer to what a person wrote to the robot', async () => {
    const message = { msgId: 'msg-1', conversationId: 'cid1', conversationType: '1', createAt: 1769851697001 }
    const frame = { type: 'CALLBACK', headers: { ...headers, topic: TOPIC_ROBOT }, data: JSON.stringify(message) }
    const { our, vendor: theirs } = await repliesTo(frame)
    expect(our).toEqual(theirs)
  })
})
