import type { InboundEvent } from '../domain/inbound.ts'

/** A text field of the event; DingTalk spells keys in several cases, so `fields` holds them in lower case. */
export function textOf(event: InboundEvent, key: string): string | undefined {
  const value = event.fields[key.toLowerCase()]
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** A time in epoch milliseconds, sent as a number or as digits; 0 when there is none. */
export function timeOf(event: InboundEvent, key: string): number {
  const field = event.fields[key.toLowerCase()]
  // Number() throws on an object whose toString is none.
  const value = typeof field === 'string' || typeof field === 'number' ? Number(field) : 0
  return Number.isSafeInteger(value) && value > 0 ? value : 0
}
