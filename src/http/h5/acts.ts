import { type Act, type Action, ACTIONS } from '../../domain/button.ts'
import { standingOf } from '../../domain/card.ts'
import { DEFAULT_SNOOZE_MINUTES } from '../../domain/read-delivery.ts'
import { type Locale, say, span } from '../../domain/messages.ts'
import { shortLine } from '../../domain/text.ts'
import type { Offer } from '../../storage/audiences.ts'
import type { StoredIncident } from '../../storage/incidents.ts'

/** What a button says beside what it does. */
export type ActButton = Act & { label: string }

/** Letters of a custom action's name. */
const MAX_LABEL = 60

const USUAL_OFFER: Offer = { snoozeMinutes: DEFAULT_SNOOZE_MINUTES, customActions: [] }

/** Pure: what can be done about an incident in its state, most wanted first; those of `more` are wanted less often. */
export function actsOn(
  stored: Pick<StoredIncident, 'incident' | 'snoozeOver'>,
  offer: Offer | undefined,
  locale: Locale,
): { first: ActButton[]; more: ActButton[] } {
  const { snoozeMinutes, customActions } = offer ?? USUAL_OFFER
  const act = (action: Action): ActButton => ({ action, label: nameOfAct({ action }, locale) })
  const snoozes = snoozeMinutes.map((minutes) => ({
    action: 'snooze' as const,
    minutes,
    label: nameOfAct({ action: 'snooze', minutes }, locale),
  }))
  const customs = customActions.map(({ integrationId, name }) => ({
    action: 'custom' as const,
    customId: integrationId,
    label: shortLine(name, MAX_LABEL),
  }))
  switch (standingOf(stored)) {
    case 'triggered':
      return { first: [act('ack'), act('resolve')], more: [...customs, act('refresh')] }
    case 'snoozed':
      return { first: [act('wake'), act('resolve')], more: [...customs, act('refresh')] }
    case 'processing':
      return {
        first: [...snoozes.slice(0, 1), act('resolve')],
        more: [...snoozes.slice(1), act('unack'), ...customs, act('refresh')],
      }
    case 'closed':
    case 'recovered':
      return { first: [], more: [] }
  }
}

export function nameOfAct({ action, minutes }: Act, locale: Locale): string {
  return say(locale, `button.${action}`, { span: minutes === undefined ? '' : span(locale, minutes) }).trim()
}

export function spellAct({ action, minutes, customId }: Act): string {
  return [action, minutes ?? customId].filter((part) => part !== undefined).join('.')
}

/** undefined for anything that `spellAct` cannot have made. */
export function readAct(text: unknown): Act | undefined {
  const match = /^([a-z]+)(?:\.([1-9]\d{0,14}))?$/.exec(typeof text === 'string' ? text : '')
  const action = ACTIONS.find((known) => known === match?.[1])
  if (!action) return undefined
  const number = match?.[2] === undefined ? undefined : Number(match[2])
  if (action === 'snooze') return number !== undefined && number <= 1440 ? { action, minutes: number } : undefined
  if (action === 'custom') return number === undefined ? undefined : { action, customId: number }
  return number === undefined ? { action } : undefined
}
