import axios from 'axios'
import type { DWClientDownStream } from 'dingtalk-stream'
import { DWClient, EventAck, TOPIC_CARD } from 'dingtalk-stream'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { startDingTalk } from '../sandbox/dingtalk/index.ts'
import type { App, DingTalkSandbox, JournalEntry } from '../sandbox/dingtalk/types.ts'

/**
 * The vendor's own Stream client against the simulated gateway: what it cannot digest, the simulator has wrong. Its
 * gateway URL is a constant, so its HTTP calls are bent towards the simulator.
 */

const GATEWAY = 'https://api.dingtalk.com'
const TEMPLATE = '1366a1eb-bc54-4859-ac88-517c56a9acb1.schema'

let sandbox: DingTalkSandbox
let app: App
let client: DWClient
let interceptor: number

beforeEach(async () => {
  vi.spyOn(console, 'info').mockReturnValue()
  sandbox = await startDingTalk({ systemPingMs: 0, redeliveryDelaysMs: [10] })
  interceptor = axios.interceptors.request.use((request) => ({
    ...request,
    proxy: false as const,
    url: (request.url ?? '').replace(GATEWAY, sandbox.apiUrl).replace('https://oapi.dingtalk.com', sandbox.oapiUrl),
  }))
  app = sandbox.control.createApp()
  client = new DWClient({ clientId: app.clientId, clientSecret: app.clientSecret })
  client.config.autoReconnect = false
})

afterEach(async () => {
  client.disconnect()
  axios.interceptors.request.eject(interceptor)
  await sandbox.close()
  vi.restoreAllMocks()
})

function received(messageId: string): Promise<JournalEntry> {
  return sandbox.journal.waitFor(
    `the reply to ${messageId}`,
    (entry) => entry.type === 'frame-received' && entry.messageId === messageId,
  )
}

describe('the vendor client', () => {
  test('connects with what it subscribed to', async () => {
    client.registerCallbackListener(TOPIC_CARD, () => {})
    await client.connect()
    expect(client.connected).toBe(true)
    expect(sandbox.journal.of('stream-open')).toMatchObject([
      {
        clientId: app.clientId,
        subscriptions: expect.arrayContaining([
          { type: 'EVENT', topic: '*' },
          { type: 'CALLBACK', topic: TOPIC_CARD },
        ]),
      },
    ])
    expect(sandbox.control.connections(app.clientId)).toHaveLength(1)
  })

  test('fetches a legacy token', async () => {
    expect(await client.getAccessToken()).toMatch(/^[0-9a-f]{32}$/)
  })

  test('receives an event and acknowledges it', async () => {
    const events: DWClientDownStream[] = []
    client.registerAllEventListener((event) => {
      events.push(event)
      return { status: EventAck.SUCCESS, message: 'ok' }
    })
    await client.connect()
    const owner = sandbox.control.createUser({ name: 'Li' })
    const { openConversationId } = sandbox.control.createGroup({ title: 'A', memberUserIds: [owner.userId] })
    const eventId = sandbox.control.installCoolApp(openConversationId, app.clientId)
    expect(await sandbox.control.eventSettled(eventId)).toBe('success')
    expect(events).toHaveLength(1)
    expect(events[0]?.headers).toMatchObject({ eventType: 'im_cool_app_install', eventId, eventCorpId: app.corpId })
    expect(JSON.parse(events[0]?.data ?? '')).toMatchObject({ openConversationId, operator: owner.userId })
    expect(sandbox.journal.of('violation')).toEqual([])
  })

  test('asks for an event again', async () => {
    const statuses = [EventAck.LATER, EventAck.SUCCESS]
    const messageIds: string[] = []
    client.registerAllEventListener((event) => {
      messageIds.push(event.headers.messageId)
      return { status: statuses.shift() ?? EventAck.SUCCESS }
    })
    await client.connect()
    const eventId = sandbox.control.pushEvent(app.clientId, { eventType: 'user_leave_org', data: { userId: ['1'] } })
    expect(await sandbox.control.eventSettled(eventId)).toBe('success')
    expect(new Set(messageIds).size).toBe(2)
  })

  test('answers a press', async () => {
    const presses: DWClientDownStream[] = []
    client.registerCallbackListener(TOPIC_CARD, (press) => {
      presses.push(press)
      client.socketCallBackResponse(press.headers.messageId, {
        cardUpdateOptions: { updateCardDataByKey: true },
        cardData: { cardParamMap: { tips: 'acked by you' } },
      })
    })
    await client.connect()
    const userId = await sendCard()
    const result = await sandbox.control.press({ outTrackId: 'card-1', userId, buttonId: 'ack' })
    expect(result).toMatchObject({ outcome: 'answered', view: { title: 'P1', tips: 'acked by you' } })
    expect(JSON.parse(presses[0]?.data ?? '')).toMatchObject({ outTrackId: 'card-1', userId })
    expect(presses[0]?.headers).toMatchObject({ topic: TOPIC_CARD, appId: app.unifiedAppId })
  })

  test('echoes a ping', async () => {
    await client.connect()
    const data = '{"opaque":"k3-77"}'
    const headers = { topic: 'ping', messageId: 'ping-1', contentType: 'application/json', time: '1769851700000' }
    sandbox.control.sendRaw(app.clientId, JSON.stringify({ specVersion: '1.0', type: 'SYSTEM', headers, data }))
    expect(await received('ping-1')).toMatchObject({ frame: { code: 200, headers: { messageId: 'ping-1' }, data } })
    expect(sandbox.journal.of('violation')).toEqual([])
  })

  test('notices a disconnect', async () => {
    await client.connect()
    sandbox.control.disconnect(app.clientId)
    await vi.waitFor(() => expect(client.connected).toBe(false))
  })

  test('is refused with a wrong secret', async () => {
    const stranger = new DWClient({ clientId: app.clientId, clientSecret: 'wrong' })
    stranger.config.autoReconnect = false
    await stranger.connect()
    expect(stranger.connected).toBe(false)
    expect(sandbox.journal.requests('connections/open')).toMatchObject([{ status: 401 }])
  })
})

/** A card to one new user; returns their userId. */
async function sendCard(): Promise<string> {
  const { userId } = sandbox.control.createUser({ name: 'Li' })
  const token = await client.getAccessToken()
  const msgButtons = [{ text: 'Ack', color: 'blue', id: 'ack', request: true }]
  await axios.post(
    `${GATEWAY}/v1.0/card/instances/createAndDeliver`,
    {
      cardTemplateId: TEMPLATE,
      outTrackId: 'card-1',
      callbackType: 'STREAM',
      cardData: { cardParamMap: { title: 'P1', sys_full_json_obj: JSON.stringify({ msgButtons }) } },
      openSpaceId: `dtv1.card//IM_ROBOT.${userId}`,
      imRobotOpenSpaceModel: { supportForward: false },
      imRobotOpenDeliverModel: { spaceType: 'IM_ROBOT' },
    },
    { headers: { 'x-acs-dingtalk-access-token': String(token) } },
  )
  return userId
}
