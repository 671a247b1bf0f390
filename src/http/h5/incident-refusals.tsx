import { numberOf } from '../../domain/naming.ts'
import { reasonWords } from '../../domain/reasons.ts'
import { phrase } from '../../domain/screen-messages.ts'
import type { StoredIncident } from '../../storage/incidents.ts'
import { standingWord, toneOf } from './incident-words.ts'
import type { Hidden } from './load-incident.ts'
import { Retry, Say } from './say.tsx'
import { SeverityTag } from './severity-tag.tsx'
import { incidentAddress, linkAddress, type View } from './view.ts'
import { webPage } from './web-page.ts'

export function UnknownIncident({ view }: { view: View }) {
  const { locale } = view
  return (
    <Say title={phrase(locale, 'incident.gone')} hint={phrase(locale, 'incident.gone.hint')}>
      <a class="button first" href={`${view.pages}/`}>
        {phrase(locale, 'menu.home')}
      </a>
    </Say>
  )
}

/** Number, severity and state are no secret; title, people and content are. */
export function HiddenIncident({ view, stored, why }: { view: View; stored: StoredIncident; why: Hidden }) {
  const { locale } = view
  const console = webPage(stored.incident.detail_url)
  return (
    <>
      <article class={`incident ${toneOf(stored)}`}>
        <p class="tags">
          <SeverityTag stored={stored} locale={locale} />
          <span class="tag">{standingWord(stored, locale)}</span>
        </p>
        {numberOf(stored.incident) === '' ? undefined : <p class="num">{numberOf(stored.incident)}</p>}
      </article>
      <Say title={phrase(locale, 'incident.hidden')} hint={hintOf(view, why)}>
        {why === 'link' || why === 'key' ? (
          <a class="button first" href={linkAddress(view, incidentAddress(view, stored.incidentId))}>
            {phrase(locale, why === 'link' ? 'link.now' : 'link.key.now')}
          </a>
        ) : undefined}
        {isUnsure(why) ? <Retry locale={locale} first /> : undefined}
        {console === undefined ? undefined : (
          <a class="button" href={console} target="_blank" rel="noopener noreferrer nofollow">
            {phrase(locale, 'incident.console')}
          </a>
        )}
      </Say>
    </>
  )
}

function hintOf({ locale }: View, why: Hidden): string {
  if (why === 'link' || why === 'key') return phrase(locale, `incident.hidden.${why}`)
  if ('group' in why) return phrase(locale, 'incident.hidden.group', { why: reasonWords(why.group, locale) })
  if ('denied' in why) return phrase(locale, 'incident.hidden.denied', { why: reasonWords(why.denied, locale) })
  return phrase(locale, 'incident.hidden.unsure', { why: reasonWords(why.unsure, locale) })
}

/** Asked again, it may be told. */
function isUnsure(why: Hidden): boolean {
  return typeof why === 'object' && !('denied' in why)
}
