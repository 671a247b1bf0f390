import type { CardFace } from '../../domain/card.ts'
import { hasHtml, htmlText } from '../../domain/html-text.ts'
import { fence } from '../../domain/literal.ts'
import { type Locale, say } from '../../domain/messages.ts'
import { beginningOf, isVisible, sendable } from '../../domain/text.ts'
import { withoutAddresses } from './addresses.ts'
import type { Body } from './body.ts'
import type { Fact } from './facts.ts'

/*
 * The face of a card whose content DingTalk refused. The page "interface-for-creating-a-card-instance" names 1 KB as the
 * length of a value, which DingTalk does not hold everybody to.
 */

/** UTF-8 bytes of one value. */
const MAX_BYTES = 1_000
/** Of the body, which people are mentioned above. */
const MAX_BODY_BYTES = 700
/** UTF-16 units of one fact. */
const MAX_FACT = 60
/** Bytes around a text inside a fence, and of the least text that is worth one. */
const FENCE_BYTES = 12
const LEAST_BYTES = 30
/** Of a description, as far as it is looked at. */
const MAX_READ_UNITS = 2_000

/** As many of the items, from the first on, as are written in so many bytes. */
export function fitting<T>(items: T[], write: (items: T[]) => string, bytes = MAX_BYTES): T[] {
  let count = items.length
  while (count > 0 && Buffer.byteLength(write(items.slice(0, count))) > bytes) count -= 1
  return items.slice(0, count)
}

/** Mere text, cut. */
export function reducedText(text: string): string {
  return Buffer.byteLength(text) <= MAX_BYTES ? text : `${beginningOf(text, unitsIn(MAX_BYTES) - 1)}…`
}

/** What is worth knowing in few words. */
export function reducedFacts(facts: Fact[]): Fact[] {
  return facts
    .filter(({ kind }) => kind !== 'prose')
    .map((fact) => ({ ...fact, value: beginningOf(fact.value, MAX_FACT) }))
}

/** The facts as they were drawn, as many as fit, and as much of the description as there is room for. */
export function reducedBody(face: CardFace, facts: string[], hasDetail: boolean): Body {
  const { incident, locale, minimal } = face
  const join = (parts: string[]): string => parts.join('\n\n')
  const see = say(locale, 'card.truncated', { see: say(locale, hasDetail ? 'see.detail' : 'see.console') })
  const lines = fitting(facts, join, MAX_BODY_BYTES - Buffer.byteLength(see))
  const whole = minimal ? '' : plainWords(incident.description, locale)
  const room = MAX_BODY_BYTES - Buffer.byteLength(join([...lines, see])) - FENCE_BYTES
  const text = room < LEAST_BYTES ? '' : beginningOf(whole, unitsIn(room))
  const left = [incident.impact, ...Object.values(incident.labels ?? {})].some((value) => value?.trim())
  const truncated = lines.length < facts.length || text.length < whole.length || left
  const parts = [...lines, ...(truncated ? [see] : []), ...(isVisible(text) ? [fence(text)] : [])]
  return { markdown: join(parts), truncated }
}

function plainWords(description: string, locale: Locale): string {
  const read = sendable(beginningOf(description, MAX_READ_UNITS)).replaceAll(/<br\s{0,8}\/?>/gi, '\n')
  return withoutAddresses(hasHtml(read) ? htmlText(read) : read, locale).trim()
}

/** Of these a text has at most three bytes for each unit. */
function unitsIn(bytes: number): number {
  return Math.floor(bytes / 3)
}
