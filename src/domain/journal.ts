import { decodeButton } from './button.ts'
import type { InboundEvent, InboundMessage, InboundPress, Raw } from './inbound.ts'
import { withoutSecretValues } from './secrets.ts'

/** One value that came in, ready to be kept. */
export type JournalEntry = {
  kind: 'event' | 'press' | 'message'
  type: string
  businessId: string
  groupId: string | null
  userId: string | null
  /** JSON text of a `Raw` without its secrets. */
  value: string
}

/** Longer values tell no more, and a journal full of them tells less. */
const MAX_VALUE = 16 * 1024

export function entryOfEvent(event: InboundEvent): JournalEntry {
  const { fields } = event
  return {
    kind: 'event',
    type: event.eventType,
    businessId: event.eventId,
    groupId: text(fields['openconversationid']),
    userId: text(fields['operator']) ?? text([fields['userid']].flat()[0]),
    value: valueOf(event.raw),
  }
}

/** @param groupId of the group it was pressed in, when that is known */
export function entryOfPress(press: InboundPress, groupId: string | null): JournalEntry {
  const { outTrackId, userId, ids, text } = press
  return {
    kind: 'press',
    type: ids.find(({ id }) => decodeButton(id))?.id ?? ids[0]?.id ?? text ?? '',
    businessId: outTrackId,
    groupId,
    userId: userId ?? null,
    value: valueOf(press.raw),
  }
}

/** What people write to the robot is their own affair: it is not kept. */
export function entryOfMessage(message: InboundMessage): JournalEntry {
  const { text: _text, content: _content, richText: _richText, ...body } = message.raw.body
  return {
    kind: 'message',
    type: text(body['msgtype']) ?? '',
    businessId: message.msgId,
    groupId: message.group?.openConversationId ?? null,
    userId: message.userId ?? null,
    value: valueOf({ ...message.raw, body }),
  }
}

function valueOf(raw: Raw): string {
  const value = JSON.stringify(withoutSecretValues(raw))
  return value.length <= MAX_VALUE ? value : JSON.stringify({ cut: value.slice(0, MAX_VALUE) })
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value.slice(0, 200) : null
}
