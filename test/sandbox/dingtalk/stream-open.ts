import { ApiRefusal } from './errors.ts'
import type { Json } from './fields.ts'
import { isRecord, textOf } from './fields.ts'
import { STREAM_PATH } from './gateway.ts'
import type { Subscription, Tickets } from './tickets.ts'
import type { App, DingTalkSettings } from './types.ts'
import type { World } from './world.ts'

/** `POST /v1.0/gateway/connections/open`: credentials for a ticket (the stream protocol page; refusals from the field). */
export class StreamOpen {
  #world: World
  #tickets: Tickets
  #settings: DingTalkSettings
  #isFull: (clientId: string) => boolean
  #opened = new Map<string, number>()

  constructor(world: World, tickets: Tickets, settings: DingTalkSettings, isFull: (clientId: string) => boolean) {
    this.#isFull = isFull
    this.#world = world
    this.#tickets = tickets
    this.#settings = settings
  }

  /** @param authority host and port of the simulator */
  open(body: Json, authority: string): Json {
    const app = this.#world.apps.get(textOf(body['clientId']))
    if (!app || app.clientSecret !== body['clientSecret']) throw new ApiRefusal(401, 'authFailed', '鉴权失败')
    if (!app.published) throw systemError()
    // How the platform would say so is not known.
    if (this.#settings.refuseExtraAt === 'open' && this.#isFull(app.clientId)) throw systemError()
    const ticket = this.#tickets.issue(app.clientId, readSubscriptions(body))
    return { endpoint: `ws://${authority}${STREAM_PATH}${this.#query(app)}`, ticket }
  }

  /** The first reply to an app is plain, the second has a query, and so on. */
  #query(app: App): string {
    const opened = (this.#opened.get(app.clientId) ?? 0) + 1
    this.#opened.set(app.clientId, opened)
    return this.#settings.endpointQuery && opened % 2 === 0 ? '?unit=sandbox' : ''
  }
}

/** EVENT knows only the topic `*`. What breaks the rules is answered as any other configuration fault. */
function readSubscriptions(body: Json): Subscription[] {
  const list = body['subscriptions']
  if (!Array.isArray(list) || list.length === 0) throw systemError()
  return list.map((entry: unknown) => {
    const type = isRecord(entry) ? textOf(entry['type']) : ''
    const topic = isRecord(entry) ? textOf(entry['topic']) : ''
    const known = type === 'EVENT' ? topic === '*' : ['CALLBACK', 'SYSTEM'].includes(type) && topic !== ''
    if (!known) throw systemError()
    return { type, topic }
  })
}

function systemError(): ApiRefusal {
  return new ApiRefusal(400, 'systemError', '系统错误')
}

/** How the gateway answers those who say nothing of what they accept. */
export function toXml(body: Json): string {
  const fields = Object.entries(body).map(([name, value]) => `<${name}>${escapeXml(String(value))}</${name}>`)
  return `<?xml version="1.0" encoding="UTF-8"?><OpenConnectionResponse>${fields.join('')}</OpenConnectionResponse>`
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
