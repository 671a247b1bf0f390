import { WebSocket } from 'ws'
import type { Json } from './fields.ts'
import { startDingTalk } from './index.ts'
import type { App, DingTalkSandbox, DingTalkSettings, Group, User } from './types.ts'

/** A bare client for the sandbox's own tests: what the platform documents, and nothing clever. */

export const TEMPLATE = '1366a1eb-bc54-4859-ac88-517c56a9acb1.schema'

/** Pauses short enough to wait for, deadlines that a busy machine still keeps. */
const QUICK: Partial<DingTalkSettings> = {
  eventDeadlineMs: 3_000,
  robotRedeliveryDelayMs: 10,
  redeliveryDelaysMs: [20, 30],
  systemPingMs: 0,
  systemPingReplyMs: 3_000,
  disconnectSilenceMs: 60,
  qpsPerApi: 0,
}

/** For tests in which nobody answers. */
export const IMPATIENT: Partial<DingTalkSettings> = { eventDeadlineMs: 50, cardDeadlineMs: 50, systemPingReplyMs: 50 }

export type ReceivedFrame = {
  specVersion: string
  type: string
  headers: Record<string, string>
  data: string
}

/** What a stream answers to a frame; undefined = nothing. */
export type Answerer = (frame: ReceivedFrame) => { code?: number; data: unknown } | undefined

export type Stream = {
  id: string
  socket: WebSocket
  frames: ReceivedFrame[]
  /** Resolves with the first frame that came or comes. */
  first: Promise<ReceivedFrame>
  send: (frame: unknown) => void
  closed: Promise<{ code: number }>
}

export type Office = {
  sandbox: DingTalkSandbox
  app: App
  li: User
  wang: User
  group: Group
  token: string
}

/** One app, two people in one group that has the cool app. */
export async function openOffice(settings: Partial<DingTalkSettings> = {}): Promise<Office> {
  const sandbox = await startDingTalk({ ...QUICK, ...settings })
  const { control } = sandbox
  const { clientId } = control.createApp({ eventMode: 'HTTP' })
  const li = control.createUser({ name: 'Li' })
  const wang = control.createUser({ name: 'Wang' })
  const group = control.createGroup({ title: 'On-call A', memberUserIds: [li.userId, wang.userId] })
  control.installCoolApp(group.openConversationId, clientId)
  // Only now, so that no test has the event of this installation on its stream.
  const app = control.updateApp(clientId, { eventMode: 'STREAM' })
  return { sandbox, app, li, wang, group, token: await fetchToken(sandbox, app) }
}

/** The same with other settings, for a test that needs them. */
export async function reopen(office: Office, settings: Partial<DingTalkSettings>): Promise<Office> {
  await office.sandbox.close()
  return openOffice(settings)
}

export type Answered = { status: number; body: Json }

export async function call(
  { sandbox }: { sandbox: DingTalkSandbox },
  method: string,
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Answered> {
  const response = await fetch(sandbox.apiUrl + path, {
    method,
    headers: { 'content-type': 'application/json', accept: 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  return { status: response.status, body: (await response.json()) as Json }
}

/** A call with the office's token. */
export function callAsApp(office: Office, method: string, path: string, body: unknown): Promise<Answered> {
  return call(office, method, path, body, { 'x-acs-dingtalk-access-token': office.token })
}

export async function fetchToken(sandbox: DingTalkSandbox, app: App): Promise<string> {
  const keys = { appKey: app.clientId, appSecret: app.clientSecret }
  const { body } = await call({ sandbox }, 'POST', '/v1.0/oauth2/accessToken', keys)
  return String(body['accessToken'])
}

const ALL_TOPICS = [
  { type: 'EVENT', topic: '*' },
  { type: 'CALLBACK', topic: '/v1.0/card/instances/callback' },
]

export function requestTicket(
  sandbox: DingTalkSandbox,
  app: App,
  subscriptions: unknown = ALL_TOPICS,
): Promise<Answered> {
  const { clientId, clientSecret } = app
  return call({ sandbox }, 'POST', '/v1.0/gateway/connections/open', { clientId, clientSecret, subscriptions })
}

export function streamUrl(granted: Answered): string {
  const endpoint = String(granted.body['endpoint'])
  return `${endpoint}${endpoint.includes('?') ? '&' : '?'}ticket=${String(granted.body['ticket'])}`
}

/** Answers SYSTEM pings and acknowledges events; presses get an empty response. */
export const polite: Answerer = (frame) => {
  if (frame.type === 'SYSTEM') return frame.headers['topic'] === 'ping' ? { data: JSON.parse(frame.data) } : undefined
  return { data: frame.type === 'EVENT' ? { status: 'SUCCESS', message: 'ok' } : { response: {} } }
}

export async function openStream(
  { sandbox, app }: { sandbox: DingTalkSandbox; app: App },
  answer: Answerer = polite,
  subscriptions: unknown = ALL_TOPICS,
): Promise<Stream> {
  const granted = await requestTicket(sandbox, app, subscriptions)
  const socket = new WebSocket(streamUrl(granted))
  const frames: ReceivedFrame[] = []
  const send = (frame: unknown): void => socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame))
  const first = new Promise<ReceivedFrame>((resolve) => {
    socket.once('message', (raw: Buffer) => resolve(JSON.parse(raw.toString('utf8')) as ReceivedFrame))
  })
  socket.on('message', (raw: Buffer) => {
    const frame = JSON.parse(raw.toString('utf8')) as ReceivedFrame
    frames.push(frame)
    const reply = answer(frame)
    if (reply) send(replyTo(frame, reply.data, reply.code))
  })
  const closed = new Promise<{ code: number }>((resolve) => {
    socket.on('close', (code) => resolve({ code }))
  })
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('error', reject)
  })
  return { id: String(granted.body['ticket']), socket, frames, first, send, closed }
}

export function replyTo(frame: ReceivedFrame, data: unknown, code = 200): object {
  const headers = { contentType: 'application/json', messageId: frame.headers['messageId'] }
  return { code, headers, message: code === 200 ? 'OK' : 'error', data: JSON.stringify(data) }
}

/** HTTP status with which an upgrade is refused. */
export function refusedUpgrade(url: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url)
    socket.on('error', () => {})
    socket.on('unexpected-response', (_request, response) => {
      resolve(response.statusCode)
      socket.terminate()
    })
    socket.on('open', () => {
      socket.terminate()
      reject(new Error('the upgrade was accepted'))
    })
  })
}

export const ACK = { text: 'Ack', color: 'blue', id: 'ack', request: true, params: { id: 'ack', incident: 'i1' } }

export function cardParams(fields: Record<string, string> = {}, buttons: unknown[] = [ACK]): Json {
  const sys_full_json_obj = JSON.stringify({ msgButtons: buttons })
  return { cardParamMap: { title: 'P1 db down', markdown: '**firing**', tips: '', sys_full_json_obj, ...fields } }
}

/** A good createAndDeliver to the office's group. */
export function groupCard({ app, group }: Office, fields: Json = {}): Json {
  return {
    cardTemplateId: TEMPLATE,
    outTrackId: 'card-1',
    callbackType: 'STREAM',
    cardData: cardParams(),
    openSpaceId: `dtv1.card//IM_GROUP.${group.openConversationId}`,
    imGroupOpenSpaceModel: {
      supportForward: false,
      lastMessageI18n: { ZH_CN: 'P1 db down' },
      notification: { alertContent: 'P1: db down', notificationOff: false },
    },
    imGroupOpenDeliverModel: { robotCode: app.clientId },
    ...fields,
  }
}

/** A good createAndDeliver to one person. */
export function personCard({ li }: Office, fields: Json = {}): Json {
  return {
    cardTemplateId: TEMPLATE,
    outTrackId: 'card-1',
    callbackType: 'STREAM',
    cardData: cardParams(),
    openSpaceId: `dtv1.card//IM_ROBOT.${li.userId}`,
    imRobotOpenSpaceModel: { supportForward: false },
    imRobotOpenDeliverModel: { spaceType: 'IM_ROBOT' },
    ...fields,
  }
}

export const createAndDeliver = (office: Office, body: unknown): Promise<Answered> =>
  callAsApp(office, 'POST', '/v1.0/card/instances/createAndDeliver', body)

export const putCard = (office: Office, body: unknown): Promise<Answered> =>
  callAsApp(office, 'PUT', '/v1.0/card/instances', body)
