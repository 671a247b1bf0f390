import type { Incident } from './incident.ts'
import { type Locale, say } from './messages.ts'
import { fullName, type Named } from './naming.ts'
import { OWN_ADDRESS, shortLine, UNITS_PER_TITLE_LETTER } from './text.ts'
import { dateTime } from './time.ts'

/*
 * What the robot says in words. A sentence is one line: whatever comes from outside stays inside it, and can neither go
 * on in the robot's voice nor call anybody.
 */

/** Letters. */
const MAX_SENTENCE = 600
const MAX_NAME = 40
const MAX_TITLE_IN_STORM = 200
const MAX_TITLE_OF_LATE = 60

export function stormNotice(locale: Locale, incident: Named & Pick<Incident, 'alert_cnt'>): string {
  const title = fullName(incident, locale, MAX_TITLE_IN_STORM)
  return asSaid(say(locale, 'notice.storm', { title, count: incident.alert_cnt }))
}

/** Of a press that did not count, told after its answer. @param incident its id where no more is known of it */
export function lateNotice(locale: Locale, incident: Named | string, action: string, why: string): string {
  const named = typeof incident === 'string' ? { num: '', title: incident } : incident
  return asSaid(say(locale, 'press.late', { incident: fullName(named, locale, MAX_TITLE_OF_LATE), action, why }))
}

/** To whoever had the member, that somebody else is linked to it now. @param taken `way`: by an APP Key of the member, or by the administrator */
export function takenNotice(
  locale: Locale,
  { member, who, way, atMs }: { member: string; who: string; way: 'key' | 'admin'; atMs: number },
): string {
  const named = { member: shortLine(member, MAX_NAME), who: shortLine(who, MAX_NAME) }
  return asSaid(say(locale, `taken.${way}`, { ...named, time: dateTime(Math.floor(atMs / 1_000), undefined) }))
}

/**
 * A sentence as it may go out: also one that was stored by an earlier version. Letter by letter, but for addresses that
 * DingTalk would act on.
 */
export function asSaid(sentence: string): string {
  return shortLine(sentence, MAX_SENTENCE, UNITS_PER_TITLE_LETTER).replaceAll(OWN_ADDRESS, '：')
}
