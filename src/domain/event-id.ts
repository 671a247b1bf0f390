/** Stands in no id of an event that is told apart by it. */
const JOINT = '~'

/** The id of what came under an event's id with another body. */
export function variantId(eventId: string, hash: string): string {
  return `${eventId}${JOINT}${hash.slice(0, 12)}`
}

/** Flashduty's own id of the event. */
export function plainEventId(eventId: string): string {
  return eventId.split(JOINT, 1)[0] ?? eventId
}

export function mayBeVariant(eventId: string): boolean {
  return eventId.includes(JOINT)
}
