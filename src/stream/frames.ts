import { z } from 'zod'

import { parseLeniently } from '../domain/lenient-json.ts'
import {
  type InboundEvent,
  type InboundMessage,
  type InboundPress,
  readEvent,
  readMessage,
  readObject,
  readPress,
  stringOf,
} from '../domain/inbound.ts'

/** DingTalk sends header values as text, but documents some as numbers. */
const text = z.union([z.string(), z.number()]).transform(String)
/** What is not needed must not cost the frame, whatever it holds. */
const header = text.optional().catch(undefined)

const Frame = z.looseObject({
  type: z.string(),
  headers: z.looseObject({
    topic: z.string(),
    messageId: header,
    eventType: header,
    eventId: header,
    eventCorpId: header,
    eventBornTime: header,
  }),
  data: z.unknown().optional(),
})

export const TOPIC_CARD = '/v1.0/card/instances/callback'
export const TOPIC_ROBOT = '/v1.0/im/bot/messages/get'

/** A frame of DingTalk's gateway, typed; what cannot be read is a value, not a throw. */
export type StreamFrame =
  | { kind: 'ping'; messageId: string | undefined; data: string }
  | { kind: 'disconnect'; messageId: string | undefined; reason: string }
  | { kind: 'noise'; topic: string }
  | { kind: 'event'; messageId: string; event: InboundEvent }
  | { kind: 'press'; messageId: string; press: InboundPress }
  | { kind: 'message'; messageId: string; message: InboundMessage }
  /** Expects a reply, but nobody here knows its topic or can read it. */
  | { kind: 'unknown'; messageId: string; topic: string; why: string }
  | { kind: 'malformed'; why: string }

export function parseFrame(raw: string): StreamFrame {
  const json = parseLeniently(raw)
  if (json === undefined) return { kind: 'malformed', why: 'not JSON' }
  const parsed = Frame.safeParse(json)
  if (!parsed.success) return { kind: 'malformed', why: `at ${parsed.error.issues[0]?.path.join('.') ?? ''}` }
  const { type, headers, data } = parsed.data
  if (type === 'SYSTEM') return readSystem(headers.topic, headers.messageId, data)
  if (headers.messageId === undefined) return { kind: 'malformed', why: 'no messageId' }
  const frame = { messageId: headers.messageId, topic: headers.topic }
  const body = readObject(data)
  if (!body) return { kind: 'unknown', ...frame, why: 'data is not a JSON object' }
  if (type === 'EVENT') {
    const { eventType, eventId, eventCorpId, eventBornTime } = headers
    const event = readEvent(body, { eventType, eventId, eventCorpId, eventBornTime })
    return event
      ? { kind: 'event', messageId: frame.messageId, event }
      : { kind: 'unknown', ...frame, why: 'an event without type or id' }
  }
  if (type === 'CALLBACK' && headers.topic === TOPIC_CARD) {
    const press = readPress(body)
    return press
      ? { kind: 'press', messageId: frame.messageId, press }
      : { kind: 'unknown', ...frame, why: 'a press without a card' }
  }
  if (type === 'CALLBACK' && headers.topic === TOPIC_ROBOT) {
    const message = readMessage(body)
    return message
      ? { kind: 'message', messageId: frame.messageId, message }
      : { kind: 'unknown', ...frame, why: 'a message without id or conversation' }
  }
  return { kind: 'unknown', ...frame, why: `no handler for ${type} ${headers.topic}`.slice(0, 200) }
}

function readSystem(topic: string, messageId: string | undefined, data: unknown): StreamFrame {
  if (topic === 'ping') return { kind: 'ping', messageId, data: typeof data === 'string' ? data : '{}' }
  if (topic === 'disconnect') {
    return { kind: 'disconnect', messageId, reason: stringOf(readObject(data)?.['reason']) ?? 'not said' }
  }
  return { kind: 'noise', topic }
}
