import { z } from 'zod'

import type { InboundEvent, InboundPress } from '../domain/inbound.ts'

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
  }),
  data: z.unknown().optional(),
})

export const TOPIC_CARD = '/v1.0/card/instances/callback'

/** A frame of DingTalk's gateway, typed; what cannot be read is a value, not a throw. */
export type StreamFrame =
  | { kind: 'ping'; messageId: string | undefined; data: string }
  | { kind: 'disconnect'; messageId: string | undefined; reason: string }
  | { kind: 'noise'; topic: string }
  | { kind: 'event'; messageId: string; event: InboundEvent }
  | { kind: 'press'; messageId: string; press: InboundPress }
  /** Expects a reply, but nobody here knows its topic or can read it. */
  | { kind: 'unknown'; messageId: string; topic: string; why: string }
  | { kind: 'malformed'; why: string }

export function parseFrame(raw: string): StreamFrame {
  let json: unknown
  try {
    json = JSON.parse(raw)
  } catch {
    return { kind: 'malformed', why: 'not JSON' }
  }
  const parsed = Frame.safeParse(json)
  if (!parsed.success) return { kind: 'malformed', why: `at ${parsed.error.issues[0]?.path.join('.') ?? ''}` }
  const { type, headers, data } = parsed.data
  if (type === 'SYSTEM') return readSystem(headers.topic, headers.messageId, data)
  if (headers.messageId === undefined) return { kind: 'malformed', why: 'no messageId' }
  const frame = { messageId: headers.messageId, topic: headers.topic }
  const body = readData(data)
  if (!body) return { kind: 'unknown', ...frame, why: 'data is not a JSON object' }
  if (type === 'EVENT') {
    const eventType = headers.eventType ?? stringOf(body['eventType'])
    const eventId = headers.eventId ?? stringOf(body['eventId'])
    if (!eventType || !eventId) return { kind: 'unknown', ...frame, why: 'an event without type or id' }
    const corpId = headers.eventCorpId ?? stringOf(body['corpId'])
    return { kind: 'event', messageId: frame.messageId, event: { eventType, eventId, corpId, fields: lowerKeys(body) } }
  }
  if (type === 'CALLBACK' && headers.topic === TOPIC_CARD) {
    const press = readPress(body)
    return press
      ? { kind: 'press', messageId: frame.messageId, press }
      : { kind: 'unknown', ...frame, why: 'a press without card, user or button' }
  }
  return { kind: 'unknown', ...frame, why: `no handler for ${type} ${headers.topic}`.slice(0, 200) }
}

function readSystem(topic: string, messageId: string | undefined, data: unknown): StreamFrame {
  if (topic === 'ping') return { kind: 'ping', messageId, data: typeof data === 'string' ? data : '{}' }
  if (topic === 'disconnect') {
    return { kind: 'disconnect', messageId, reason: stringOf(readData(data)?.['reason']) ?? 'not said' }
  }
  return { kind: 'noise', topic }
}

/**
 * `content` and `value` hold the same text; which of the two comes has changed over time. The pressed button is
 * `actionIds[0]`, or `params.id` with a template that passes parameters only (page "event-callback-card").
 */
function readPress(body: Record<string, unknown>): InboundPress | undefined {
  const outTrackId = stringOf(body['outTrackId'])
  const userId = stringOf(body['userId'])
  const content = readData(body['content']) ?? readData(body['value'])
  const inner = readData(content?.['cardPrivateData'])
  const actionIds: unknown = inner?.['actionIds']
  const params = readData(inner?.['params']) ?? readData(content?.['params'])
  const firstAction = Array.isArray(actionIds) ? stringOf(actionIds[0]) : undefined
  const buttonId = firstAction ?? stringOf(params?.['id'])
  if (!outTrackId || !userId || !buttonId) return undefined
  return { outTrackId, userId, buttonId, corpId: stringOf(body['corpId']) }
}

/** An object, or JSON text of one. */
function readData(data: unknown): Record<string, unknown> | undefined {
  let value = data
  if (typeof value === 'string') {
    try {
      value = JSON.parse(value)
    } catch {
      return undefined
    }
  }
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined
}

function stringOf(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value)
  return typeof value === 'string' && value !== '' ? value : undefined
}

function lowerKeys(body: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(body).map(([key, value]) => [key.toLowerCase(), value]))
}
