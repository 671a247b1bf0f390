import { phrase } from '../../domain/screen-messages.ts'
import { shortLine } from '../../domain/text.ts'
import { MAX_NAME } from './incident-words.ts'
import type { View } from './view.ts'
import { CSRF_FIELD } from './visitor.ts'

const letters = new Intl.Segmenter()

function initialOf(name: string): string {
  return letters.segment(name).containing(0)?.segment ?? '·'
}

/** The menu in the top right corner: who I am at Flashduty, switching and ending that, language, logging out. */
export function AccountMenu({ view }: { view: View }) {
  const { locale, pages, visitor } = view
  const { link } = visitor
  const name = shortLine(visitor.name, MAX_NAME)
  const other = locale === 'zh-CN' ? { lang: 'en-US', word: 'English' } : { lang: 'zh-CN', word: '中文' }
  return (
    <details class="menu">
      <summary aria-label={phrase(locale, 'menu.open')}>
        <span class="avatar" aria-hidden="true">
          {initialOf(name)}
        </span>
      </summary>
      <nav class="sheet" aria-label={phrase(locale, 'menu.open')}>
        <p class="me">
          <strong class="text">{name}</strong>
          <span class="text">
            {link
              ? phrase(locale, 'menu.linked', { member: shortLine(link.memberName, MAX_NAME) || String(link.memberId) })
              : phrase(locale, 'menu.unlinked')}
          </span>
        </p>
        <ul>
          <li>
            <a href={`${pages}/`}>{phrase(locale, 'menu.home')}</a>
          </li>
          <li>
            <a href={`${pages}/history`}>{phrase(locale, 'menu.history')}</a>
          </li>
          <li>
            <a href={`${pages}/link`}>{phrase(locale, link ? 'menu.switch' : 'link.now')}</a>
          </li>
          <li>
            <form method="post" action={`${pages}/language`}>
              <input type="hidden" name={CSRF_FIELD} value={visitor.csrf} />
              <button type="submit" name="lang" value={other.lang} lang={other.lang}>
                {other.word}
              </button>
            </form>
          </li>
          <li>
            <form method="post" action={`${pages}/logout`}>
              <input type="hidden" name={CSRF_FIELD} value={visitor.csrf} />
              <button class="quit" type="submit">
                {phrase(locale, 'menu.logout')}
              </button>
            </form>
          </li>
        </ul>
      </nav>
    </details>
  )
}
