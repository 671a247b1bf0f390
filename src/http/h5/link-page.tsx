import type { Context } from 'hono'
import type { Child } from 'hono/jsx'
import type { ContentfulStatusCode } from 'hono/utils/http-status'

import { maskEmail, maskName } from '../../domain/link-rules.ts'
import type { Locale } from '../../domain/messages.ts'
import { tell, tellFailure } from '../../domain/page-messages.ts'
import { type H5Deps, pathOfPages } from './deps.ts'
import { type Guess, guessMember } from './guess-member.ts'
import { H5Page } from './layout.tsx'
import { returnTo } from './return-to.ts'
import { CSRF_FIELD, type H5Variables, type Visitor } from './visitor.ts'

type Look = {
  status?: ContentfulStatusCode
  notice?: string
  trouble?: string
  /** Where to go once linked. */
  back?: string | undefined
}

/** The page for linking: who DingTalk and Flashduty think one is, and the way to prove it oneself. */
export async function answerLinkPage(deps: H5Deps, c: Context<H5Variables>, look: Look): Promise<Response> {
  const visitor = c.get('visitor')
  const integration = c.get('integration')
  const { locale, link } = visitor
  const pages = pathOfPages(deps, integration.id)
  const back = returnTo(look.back, pages)
  const found = await guessMember(deps, integration, visitor)
  // Who is linked already is told of nobody but a better match.
  const isNews = found.kind === 'one' && found.member.memberId !== link?.memberId
  const guess = link && !isNews ? undefined : found
  const title = tell(locale, 'link.title')
  const hidden = <HiddenFields visitor={visitor} back={back} />
  return c.html(
    <H5Page title={`${integration.name} · ${title}`} locale={locale} nonce={c.get('secureHeadersNonce')}>
      <h1>{title}</h1>
      <p>{tell(locale, 'home.hello', { name: visitor.name })}</p>
      {look.trouble === undefined ? undefined : (
        <p class="trouble" role="alert">
          {look.trouble}
        </p>
      )}
      {look.notice === undefined ? undefined : <p role="status">{look.notice}</p>}
      {link ? (
        <>
          <p>{tell(locale, 'link.now', { member: link.memberName })}</p>
          <p class="hint">{tell(locale, 'link.switching')}</p>
        </>
      ) : (
        <p class="hint">{tell(locale, 'link.why')}</p>
      )}
      {guess === undefined ? undefined : <GuessPart guess={guess} locale={locale} pages={pages} hidden={hidden} />}
      <h2>{tell(locale, 'link.key')}</h2>
      <form method="post" action={`${pages}/link/key`}>
        {hidden}
        <label for="key">{tell(locale, 'link.key.label')}</label>
        <input
          id="key"
          name="key"
          type="password"
          required
          maxlength={200}
          autocomplete="off"
          spellcheck={false}
          aria-describedby="key-where"
        />
        <p class="hint" id="key-where">
          {tell(locale, 'link.key.where')}
        </p>
        <button>{tell(locale, 'link.key.go')}</button>
      </form>
      {link ? (
        <form method="post" action={`${pages}/unlink`}>
          {hidden}
          <button class="quiet">{tell(locale, 'link.undo')}</button>
        </form>
      ) : undefined}
      <p>
        <a href={back}>{tell(locale, 'page.back')}</a>
      </p>
    </H5Page>,
    look.status ?? 200,
  )
}

function HiddenFields({ visitor, back }: { visitor: Visitor; back: string }) {
  return (
    <>
      <input type="hidden" name={CSRF_FIELD} value={visitor.csrf} />
      <input type="hidden" name="return" value={back} />
    </>
  )
}

function GuessPart(props: { guess: Guess; locale: Locale; pages: string; hidden: Child }) {
  const { guess, locale, pages, hidden } = props
  if (guess.kind === 'unavailable') {
    const why = tellFailure(locale, 'link.why', guess.code)
    return <p role="status">{tell(locale, 'link.unavailable', { why })}</p>
  }
  if (guess.kind !== 'one') return <p role="status">{tell(locale, `link.${guess.kind}`)}</p>
  const { member, by } = guess
  const seen = [maskName(member.memberName), member.email === '' ? '' : maskEmail(member.email), member.phone]
  return (
    <section aria-labelledby="guess">
      <h2 id="guess">{tell(locale, 'link.guess')}</h2>
      <p id="guessed">{seen.filter(Boolean).join(' · ')}</p>
      <p class="hint">{tell(locale, `link.guess.${by}`)}</p>
      <form method="post" action={`${pages}/link/confirm`}>
        {hidden}
        <input type="hidden" name="member" value={String(member.memberId)} />
        <button>{tell(locale, 'link.guess.yes')}</button>
      </form>
    </section>
  )
}
