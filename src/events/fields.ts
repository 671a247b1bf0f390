import { type InboundEvent, timeOf as readTime } from '../domain/inbound.ts'

/** A text field of the event; DingTalk spells keys in several cases, so `fields` holds them in lower case. */
export function textOf(event: InboundEvent, key: string): string | undefined {
  const value = event.fields[key.toLowerCase()]
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** A list of texts, or one that stands alone. */
export function textsOf(event: InboundEvent, key: string): string[] {
  const value = event.fields[key.toLowerCase()]
  const all: unknown[] = Array.isArray(value) ? value : [value]
  return all.filter((one): one is string => typeof one === 'string' && one !== '')
}

/** A time field in epoch milliseconds; 0 when there is none. */
export function timeOf(event: InboundEvent, key: string): number {
  return readTime(event.fields[key.toLowerCase()])
}
