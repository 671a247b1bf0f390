/** What a button on a card asks for; `minutes` only with `snooze`. */
export const ACTIONS = ['ack', 'unack', 'snooze', 'wake', 'resolve'] as const
export type Action = (typeof ACTIONS)[number]

/** A button's meaning and the incident revision it was drawn at. */
export type ButtonPress = { action: Action; minutes?: number; revision: number }

/** The button's id on the card: `ack~7`, `snooze.120~7`. */
export function encodeButton({ action, minutes, revision }: ButtonPress): string {
  return `${action}${minutes === undefined ? '' : `.${minutes}`}~${revision}`
}

/** undefined for anything that `encodeButton` cannot have made. */
export function decodeButton(id: string): ButtonPress | undefined {
  const match = /^([a-z]+)(?:\.([1-9]\d{0,3}))?~(0|[1-9]\d{0,9})$/.exec(id)
  if (!match) return undefined
  const action = ACTIONS.find((known) => known === match[1])
  if (!action) return undefined
  const minutes = match[2] === undefined ? undefined : Number(match[2])
  if ((action === 'snooze') !== (minutes !== undefined)) return undefined
  if (minutes !== undefined && minutes > 1440) return undefined
  return { action, ...(minutes === undefined ? {} : { minutes }), revision: Number(match[3]) }
}
