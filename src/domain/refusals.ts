import { isMessageKey, type Locale, say } from './messages.ts'
import type { Reason } from './reasons.ts'
import { shortLine } from './text.ts'

/** Letters: of a platform's own words no more are shown. */
export const MAX_SAID = 120
/** Units: as far as it is looked at. */
const MAX_SAID_READ = 2_000

/** Which buttons stand beside the sentence, so that it names no others; `goesOn` = linking offers the same act again. */
export type Beside = { detail?: boolean; link?: boolean; goesOn?: boolean }

/** What the presser is told when a press did not count: why, and what to do. `detail`: what the platform said. */
export function refusalText(locale: Locale, reason: Reason, detail?: string, beside: Beside = {}): string {
  const key = `press.${reason}`
  return say(locale, isMessageKey(key) ? key : 'press.UNKNOWN', {
    said: inBrackets(detail),
    see: say(locale, beside.detail ? 'see.detail' : 'see.console'),
    link: say(locale, beside.link ? 'see.link' : 'see.app'),
    goesOn: beside.goesOn ? say(locale, 'see.continue') : '',
  })
}

/** What an operator is told when Flashduty does not tell of webhooks that were missed: why, and what to do. */
export function historyRefusal(locale: Locale, code: string, detail: string | undefined): string {
  const key = `history.${code}`
  return say(locale, isMessageKey(key) ? key : 'history.UNKNOWN', { said: inBrackets(detail) })
}

/** The platform's own sentence, bounded and cleaned; the code before it is for records. */
function inBrackets(detail: string | undefined): string {
  const [, , sentence = ''] = /^([\w-]+: )?([^]*)$/.exec((detail ?? '').slice(0, MAX_SAID_READ)) ?? []
  const said = shortLine(sentence, MAX_SAID)
  return said === '' ? '' : `（${said}）`
}

/** Reasons that linking (anew) does away with. */
export function isMendedByLinking(reason: Reason): boolean {
  return reason === 'NOT_LINKED' || reason === 'KEY_MISSING' || reason === 'KEY_INVALID'
}

/** Reasons that another account of the person's may not meet. */
export function isMendedBySwitching(reason: Reason): boolean {
  return reason === 'NO_PERMISSION' || reason === 'MEMBER_DISABLED'
}

/** Reasons after which the console is the place to go. */
export function isForTheConsole(reason: Reason): boolean {
  return FOR_THE_CONSOLE.has(reason)
}

const FOR_THE_CONSOLE = new Set<Reason>([
  'ACTION_REJECTED',
  'SECOND_FACTOR',
  'ACCOUNT_LOCKED',
  'CUSTOM_ACTION_FAILED',
  'OUTCOME_UNKNOWN',
  'ACTION_UNANSWERED',
])
