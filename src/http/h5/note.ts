import type { Act } from '../../domain/button.ts'
import { isSame } from '../../domain/callback-crypto.ts'
import { digest } from '../../domain/ids.ts'
import type { Locale } from '../../domain/messages.ts'
import { asReason } from '../../domain/reasons.ts'
import { type Beside, isForTheConsole, MAX_SAID, refusalText } from '../../domain/refusals.ts'
import { beginningOf } from '../../domain/text.ts'
import { phrase } from '../../domain/screen-messages.ts'
import { nameOfAct, readAct, spellAct } from './acts.ts'

/** What became of a form, told by the page that is shown after it. */
export type Note = {
  act: Act
  incidentId: string
  outcome: Outcome
  /** Of what is `working`: what became of it is known by this. */
  clickId?: string
}

/** `said`: what the platform said of it. */
export type Outcome = 'done' | 'working' | { reason: string; said?: string }

const WORD = /^[A-Za-z_]{1,64}$/

/**
 * The note as part of the address that the browser is sent to. It is signed with the visitor's own secret, so that a
 * link from somebody else cannot make a page claim that something was done.
 */
export function spellNote(csrf: string, { act, incidentId, outcome, clickId }: Note): string {
  const was = typeof outcome === 'object' ? outcome.reason : outcome
  const query = new URLSearchParams({ did: spellAct(act), of: incidentId, was })
  const said = typeof outcome === 'object' && isForTheConsole(asReason(was)) ? (outcome.said ?? '') : ''
  if (said !== '') query.set('said', beginningOf(said, MAX_SAID))
  if (clickId !== undefined) query.set('click', clickId)
  query.set('sig', signature(csrf, query))
  return query.toString()
}

/** undefined when there is none, or none of ours. */
export function readNote(csrf: string, query: URLSearchParams): Note | undefined {
  const act = readAct(query.get('did') ?? undefined)
  const was = query.get('was') ?? ''
  const said = query.get('said')
  if (!act || !WORD.test(was) || !isSame(query.get('sig') ?? '', signature(csrf, query))) return undefined
  const outcome = was === 'done' || was === 'working' ? was : { reason: was, ...(said === null ? {} : { said }) }
  const clickId = query.get('click')
  return { act, incidentId: query.get('of') ?? '', outcome, ...(clickId === null ? {} : { clickId }) }
}

function signature(csrf: string, query: URLSearchParams): string {
  return digest(26, csrf, ...['did', 'of', 'was', 'said', 'click'].map((name) => query.get(name) ?? ''))
}

/**
 * @param name of the incident, as far as the visitor may know it
 * @param beside the buttons below the sentence
 */
export function wordsOfNote({ act, outcome }: Note, name: string, locale: Locale, beside: Beside = {}): string {
  const action = [nameOfAct(act, locale), name].filter(Boolean).join(' ')
  if (outcome === 'done') return phrase(locale, 'note.done', { action })
  if (outcome === 'working') return phrase(locale, 'note.working', { action })
  return phrase(locale, 'note.failed', {
    action,
    why: refusalText(locale, asReason(outcome.reason), outcome.said, beside),
  })
}
