import type { Chat } from './chat.ts'
import type { VirtualClock } from './clock.ts'
import { isRecord, type Json, parseRecord, textOf } from './fields.ts'
import type { Answer, Call } from './http-server.ts'
import { newToken } from './ids.ts'

/** From a message to the expiry of its `sessionWebhook`, in official samples (D:receive-message). */
export const SESSION_MS = 5_400_000
const PATH = '/robot/sendBySession'

type Sent = { msgKey: string; msgParam: Record<string, string> }

/** Fields of a message that the webhook takes, each under the name that the same text has in a robot message. */
const FORMS: Record<string, { msgKey: string; fields: string[] }[]> = {
  text: [{ msgKey: 'sampleText', fields: ['content'] }],
  markdown: [{ msgKey: 'sampleMarkdown', fields: ['title', 'text'] }],
  link: [{ msgKey: 'sampleLink', fields: ['title', 'text', 'messageUrl'] }],
  actionCard: [
    { msgKey: 'sampleActionCard', fields: ['title', 'text', 'singleTitle', 'singleURL'] },
    { msgKey: 'sampleActionCard', fields: ['title', 'text', 'btns'] },
  ],
  feedCard: [{ msgKey: 'feedCard', fields: ['links'] }],
}

/** Addresses by which a robot answers where it was spoken to, for a while and without a token (D:receive-message). */
export class SessionBook {
  #clock: VirtualClock
  #chat: Chat
  #baseUrl = ''
  #sessions = new Map<string, { conversationId: string; robotCode: string; untilMs: number }>()

  constructor(clock: VirtualClock, chat: Chat) {
    this.#clock = clock
    this.#chat = chat
  }

  /** Of the simulator's own oapi family: nothing leads to a host of the vendor. */
  setBase(url: string): void {
    this.#baseUrl = url
  }

  open(conversationId: string, robotCode: string): string {
    const session = newToken()
    this.#sessions.set(session, { conversationId, robotCode, untilMs: this.#clock.nowMs() + SESSION_MS })
    return `${this.#baseUrl}${PATH}?session=${session}`
  }

  isMeant({ method, path }: Call): boolean {
    return method === 'POST' && path === PATH
  }

  send(call: Call): Answer {
    const session = this.#sessions.get(call.query.get('session') ?? '')
    if (!session || session.untilMs <= this.#clock.nowMs()) return told(300001, 'session 不存在')
    const body = parseRecord(call.raw) ?? {}
    const sent = readRobotForm(body) ?? readWebhookForm(body)
    if (typeof sent === 'string') return told(40035, sent)
    const at = isRecord(body['at']) ? body['at']['atUserIds'] : undefined
    const mentions = Array.isArray(at) && at.length > 0 ? { mentions: at.map(String) } : {}
    this.#chat.post(session.conversationId, session.robotCode, { kind: 'robot', ...sent, ...mentions })
    return told(0, 'ok')
  }
}

function told(errcode: number, errmsg: string): Answer {
  const body: Json = { errcode, errmsg }
  return { status: 200, body }
}

/** The vendor's channel SDK answers in the form of the other sends (its SPEC, 4). */
function readRobotForm(body: Json): Sent | undefined {
  const msgKey = textOf(body['msgKey'])
  const params = parseRecord(body['msgParam'])
  return msgKey === '' || !params ? undefined : { msgKey, msgParam: textsOf(params) }
}

/** @returns what is wrong with it, where it is none */
function readWebhookForm(body: Json): Sent | string {
  const msgtype = textOf(body['msgtype'])
  const forms = Object.hasOwn(FORMS, msgtype) ? FORMS[msgtype] : undefined
  const message = body[msgtype]
  if (!forms || !isRecord(message)) return '缺少参数 json'
  const missing = ({ fields }: { fields: string[] }): string | undefined =>
    fields.find((field) => message[field] === undefined || message[field] === '')
  const form = forms.find((one) => missing(one) === undefined)
  if (form) return { msgKey: form.msgKey, msgParam: textsOf(message) }
  return `缺少参数 ${missing(forms[0] ?? { fields: ['json'] }) ?? 'json'}`
}

function textsOf(params: Json): Record<string, string> {
  return Object.fromEntries(
    Object.entries(params).map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)]),
  )
}
