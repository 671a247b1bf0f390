import type { Incident } from './incident.ts'
import { type Locale, say } from './messages.ts'
import { shortLine, UNITS_PER_TITLE_LETTER } from './text.ts'

/* What people call an incident: by its title, and where nothing of that can be seen by its number and channel. */

/** Letters. */
const MAX_NUMBER = 20
const MAX_CHANNEL = 200

export type Named = Pick<Incident, 'num' | 'title'> & Partial<Pick<Incident, 'channel_name'>>

/** `#0A1B2C`; empty for an incident that has no number. */
export function numberOf({ num }: Pick<Incident, 'num'>): string {
  const number = shortLine(num, MAX_NUMBER)
  return number === '' ? '' : `#${number}`
}

/** The title on one line of at most so many letters; empty when nothing of it can be seen. */
export function titleOf({ title }: Pick<Incident, 'title'>, length: number): string {
  return shortLine(title, length, UNITS_PER_TITLE_LETTER)
}

/** What stands beside the number: the title, or the channel; empty where the number has to do. */
export function wordsBesideNumber(incident: Named, locale: Locale, length: number): string {
  const words = titleOf(incident, length) || shortLine(incident.channel_name ?? '', MAX_CHANNEL)
  return words || (numberOf(incident) === '' ? say(locale, 'card.untitled') : '')
}

/** Number and title on one line. */
export function fullName(incident: Named, locale: Locale, length: number): string {
  return [numberOf(incident), wordsBesideNumber(incident, locale, length)].filter(Boolean).join(' ')
}

/** One of the two: the title, or the number of an incident whose title cannot be seen. */
export function titleOrNumber(incident: Named, locale: Locale, length: number): string {
  return titleOf(incident, length) || numberOf(incident) || say(locale, 'card.untitled')
}
