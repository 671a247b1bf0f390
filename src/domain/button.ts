/** What a person can ask for, on a card or on a page. */
export const ACTIONS = ['ack', 'unack', 'snooze', 'wake', 'resolve', 'reopen', 'custom', 'refresh'] as const
export type Action = (typeof ACTIONS)[number]

/** `minutes` goes with `snooze` only, `customId` (Flashduty's integration_id) with `custom` only. */
export type Act = { action: Action; minutes?: number; customId?: number }

/** A button's meaning and the incident revision it was drawn at. */
export type ButtonPress = Act & { revision: number }

/**
 * The button's id on the card: `ack~7~`, `snooze.120~7~`, `custom.5003~7~`. It ends with a sign, because in a loop DingTalk
 * may put the place of the item behind it (`ack~7~0`), which must not be read as a part of the revision.
 */
export function encodeButton({ action, minutes, customId, revision }: ButtonPress): string {
  const argument = minutes ?? customId
  return `${action}${argument === undefined ? '' : `.${argument}`}~${revision}~`
}

/**
 * undefined for anything that `encodeButton` cannot have made; `reopen` needs a reason, which no button can ask for. Cards
 * drawn by earlier versions are still pressed: their ids end with the revision.
 */
export function decodeButton(id: string): ButtonPress | undefined {
  const match = /^([a-z]+)(?:\.([1-9]\d{0,15}))?~(0|[1-9]\d{0,9})(?:~\d{0,4})?$/.exec(id)
  if (!match) return undefined
  const action = ACTIONS.find((known) => known === match[1])
  if (!action || action === 'reopen') return undefined
  const argument = match[2] === undefined ? undefined : Number(match[2])
  const revision = Number(match[3])
  if ((action === 'snooze' || action === 'custom') !== (argument !== undefined)) return undefined
  if (argument === undefined) return { action, revision }
  if (action === 'custom') return Number.isSafeInteger(argument) ? { action, customId: argument, revision } : undefined
  return argument <= 1440 ? { action, minutes: argument, revision } : undefined
}
