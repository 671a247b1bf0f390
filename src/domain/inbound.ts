import { parseLeniently } from './lenient-json.ts'
import { digest } from './ids.ts'

/** What DingTalk tells us, whichever door it came through. Platform names stop here. */

/** As it came, for the journal; the same again when it is read once more. */
export type Raw = { body: Record<string, unknown>; headers?: EventHeaders }

/** Where Stream says what HTTP says in the body. */
export type EventHeaders = {
  eventType?: string | undefined
  eventId?: string | undefined
  eventCorpId?: string | undefined
  eventBornTime?: string | undefined
}

export type InboundEvent = {
  /** Stable over redeliveries; the key of the dedupe store. */
  eventId: string
  eventType: string
  corpId: string | undefined
  /** DingTalk's clock, epoch ms; 0 when it does not say. */
  bornAt: number
  /** Business fields, keys in lower case. */
  fields: Record<string, unknown>
  raw: Raw
}

/** Which way something came in. */
export type Door = 'stream' | 'http'

/** Where a press named its button. */
export type NamedBy = 'params.id' | 'params.action' | 'actionIds' | 'params.text'

export type InboundPress = {
  outTrackId: string
  /** undefined where DingTalk does not say who it was. */
  userId: string | undefined
  corpId: string | undefined
  /** What may be the pressed button's id, most telling first; empty where nothing is. */
  ids: { by: NamedBy; id: string }[]
  /** The words on the button, where it says them. */
  text: string | undefined
  /** Whether the parameters stood beside `cardPrivateData` instead of inside. */
  beside: boolean
  /** The conversation the card was pressed in, where DingTalk says so. */
  spaceId: string | undefined
  /** undefined = it is read again from the journal. */
  door?: Door
  raw: Raw
}

/** What a person wrote to the robot: 1:1, or in a group with a mention. */
export type InboundMessage = {
  /** Stable over redeliveries. */
  msgId: string
  corpId: string | undefined
  /** Of a group its openConversationId; undefined in the robot's own chat with the person. */
  group: { openConversationId: string; title: string | undefined } | undefined
  /** undefined while the robot is not published. */
  userId: string | undefined
  robotCode: string | undefined
  text: string
  /** DingTalk's clock, epoch ms; 0 when it does not say. */
  sentAt: number
  raw: Raw
}

/** SUCCESS once the effect is stored, LATER when it could not be and DingTalk should push again. */
export type Ack = { status: 'SUCCESS' | 'LATER'; message: string }

/** What goes back to the presser, whose client shows it until the card's next update; nobody else sees it. */
export type PressAnswer = {
  cardParamMap: Record<string, string>
  /** To be called once the answer has been written, or could not be. */
  afterReply: (written: boolean) => void
}

/** How the time of a press stands. */
export type PressTime = {
  /** How long it had lain unread, at the most. */
  waitedMs: number
  /** To be called once it is stored: from then on it is carried out, whatever becomes of the answer. */
  onTaken: () => void
}

/** Where both doors lead. */
export type InboundHandlers = {
  takeEvent: (event: InboundEvent) => Promise<Ack>
  answerPress: (press: InboundPress, time: PressTime) => Promise<PressAnswer>
  takeMessage: (message: InboundMessage) => Promise<Ack>
}

/**
 * The event of either encoding: Stream has type, id and corporation in its headers, HTTP in the body beside the
 * business fields (as `EventType`, `eventId`, `CorpId`).
 */
export function readEvent(body: Record<string, unknown>, headers: EventHeaders = {}): InboundEvent | undefined {
  const fields = Object.fromEntries(Object.entries(body).map(([key, value]) => [key.toLowerCase(), value]))
  const eventType = headers.eventType ?? stringOf(fields['eventtype'])
  const eventId = headers.eventId ?? stringOf(fields['eventid'])
  if (!eventType || !eventId) return undefined
  return {
    eventType,
    eventId,
    corpId: headers.eventCorpId ?? stringOf(fields['corpid']),
    bornAt: timeOf(headers.eventBornTime ?? fields['eventtime']),
    fields,
    raw: { body, headers },
  }
}

/**
 * An event as it is pushed over HTTP: all in one object. Where it names no `eventId`, as those of the register-callback
 * era, its `BizId` stands in, else a hash of the whole.
 */
export function readPushedEvent(body: Record<string, unknown>): (InboundEvent & { hasOwnId: boolean }) | undefined {
  const own = readEvent(body)
  if (own) return { ...own, hasOwnId: true }
  const lower = new Map(Object.entries(body).map(([key, value]) => [key.toLowerCase(), value]))
  const eventType = stringOf(lower.get('eventtype')) ?? ''
  const bizId = stringOf(lower.get('bizid'))
  const eventId = `${eventType}:${
    bizId ??
    digest(
      32,
      JSON.stringify(
        Object.keys(body)
          .sort()
          .map((key) => [key, body[key]]),
      ),
    )
  }`
  const event = readEvent(body, { eventId })
  return event && { ...event, hasOwnId: false }
}

/** Of what a press may name; more letters than any button of ours has. */
const MAX_NAMED = 20
const MAX_BUTTON_ID = 64

/**
 * `content` and `value` hold the same text; which of the two comes has changed over time (page "event-callback-card").
 * What names the button depends on the template's layout: `actionIds` may hold the id of a layout node, and the parameters
 * may stand beside `cardPrivateData` (page "interactive-mode"; the rest as bots on real tenants have found it).
 * @returns undefined for what names no card
 */
export function readPress(body: Record<string, unknown>): InboundPress | undefined {
  const outTrackId = stringOf(body['outTrackId'])
  if (!outTrackId) return undefined
  const contents = [body['content'], body['value']].map(readObject).filter((content) => content !== undefined)
  const content = contents.find((one) => 'cardPrivateData' in one || 'params' in one) ?? contents[0]
  const inner = readObject(content?.['cardPrivateData'])
  const within = readObject(inner?.['params'])
  const beside = within === undefined || Object.keys(within).length === 0
  const params = (beside ? readObject(content?.['params']) : undefined) ?? within
  const named: [NamedBy, unknown][] = [
    ['params.id', params?.['id']],
    ['params.action', params?.['action']],
    ...[inner?.['actionIds']].flat().map((id): [NamedBy, unknown] => ['actionIds', id]),
  ]
  return {
    outTrackId,
    userId: stringOf(body['userId']),
    corpId: stringOf(body['corpId']),
    ids: named.slice(0, MAX_NAMED).flatMap(([by, value]) => {
      const id = stringOf(value)
      return id === undefined || id.length > MAX_BUTTON_ID ? [] : [{ by, id }]
    }),
    text: stringOf(params?.['text'])?.trim().slice(0, MAX_BUTTON_ID),
    beside: beside && params !== undefined && params !== within,
    spaceId: stringOf(body['spaceId']),
    raw: { body },
  }
}

/** Of a robot message; one that came after the month's pushes were used up has no text (D 1.13). */
export function readMessage(body: Record<string, unknown>): InboundMessage | undefined {
  const msgId = stringOf(body['msgId'])
  const conversationId = stringOf(body['conversationId'])
  if (!msgId || !conversationId) return undefined
  const isGroup = stringOf(body['conversationType']) === '2'
  return {
    msgId,
    corpId: stringOf(body['chatbotCorpId']) ?? stringOf(body['senderCorpId']),
    group: isGroup ? { openConversationId: conversationId, title: stringOf(body['conversationTitle']) } : undefined,
    userId: stringOf(body['senderStaffId']),
    robotCode: stringOf(body['robotCode']),
    text: stringOf(readObject(body['text'])?.['content'])?.trim() ?? '',
    sentAt: timeOf(body['createAt']),
    raw: { body },
  }
}

/** An object, or JSON text of one. */
export function readObject(data: unknown): Record<string, unknown> | undefined {
  let value = data
  if (typeof value === 'string') {
    value = parseLeniently(value)
  }
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined
}

/** Text that is not empty; a number is as good as its digits. */
export function stringOf(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value)
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** Epoch milliseconds, sent as a number or as digits; 0 when there are none. */
export function timeOf(value: unknown): number {
  // Number() throws on an object whose toString is none.
  const time = typeof value === 'string' || typeof value === 'number' ? Number(value) : 0
  return Number.isSafeInteger(time) && time > 0 ? time : 0
}
