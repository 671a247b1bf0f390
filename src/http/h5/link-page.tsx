import type { Context } from 'hono'
import type { Child } from 'hono/jsx'
import type { ContentfulStatusCode } from 'hono/utils/http-status'

import { maskEmail, maskName } from '../../domain/link-rules.ts'
import type { Locale } from '../../domain/messages.ts'
import { tell, tellFailure } from '../../domain/page-messages.ts'
import { type H5Deps, pathOfPages } from './deps.ts'
import { type Guess, guessMember } from './guess-member.ts'
import { answerLoginPage } from './login-page.tsx'
import { returnTo } from './return-to.ts'
import { answerPage, viewOf } from './shell.tsx'
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
  if (found.kind === 'left')
    return answerLoginPage(deps, c, { status: 401, notice: 'login.IM_USER_NOT_FOUND', auto: false, back })
  // Who is linked already is told of nobody but a better match.
  const isNews = found.kind === 'one' && found.member.memberId !== link?.memberId
  const guess = link && !isNews ? undefined : found
  const title = tell(locale, 'link.title')
  const hidden = <HiddenFields visitor={visitor} back={back} />
  return answerPage(
    deps,
    c,
    viewOf(deps, c),
    { title, back, ...(look.status === undefined ? {} : { status: look.status }) },
    <>
      <div class="head">
        <h1>{title}</h1>
      </div>
      <p class="asof">{tell(locale, 'home.hello', { name: visitor.name })}</p>
      {look.trouble === undefined ? undefined : (
        <p class="note failed" role="alert">
          {look.trouble}
        </p>
      )}
      {look.notice === undefined ? undefined : (
        <p class="note done" role="status">
          {look.notice}
        </p>
      )}
      <section class="panel">
        {link ? (
          <>
            <p>
              <strong>{tell(locale, 'link.now', { member: link.memberName })}</strong>
            </p>
            <p class="soft">{tell(locale, 'link.switching')}</p>
            <form method="post" action={`${pages}/unlink`}>
              {hidden}
              <p class="buttons">
                <button class="button">{tell(locale, 'link.undo')}</button>
              </p>
            </form>
          </>
        ) : (
          <p class="soft">{tell(locale, 'link.why')}</p>
        )}
        {guess === undefined || guess.kind === 'one' ? undefined : <p role="status">{guessWords(guess, locale)}</p>}
      </section>
      {guess?.kind === 'one' ? <GuessPart guess={guess} locale={locale} pages={pages} hidden={hidden} /> : undefined}
      <section class="panel">
        <h2>{tell(locale, 'link.key')}</h2>
        <form method="post" action={`${pages}/link/key`}>
          {hidden}
          <label for="key">{tell(locale, 'link.key.label')}</label>
          <input
            class="field line"
            id="key"
            name="key"
            type="password"
            required
            maxlength={200}
            autocomplete="off"
            spellcheck={false}
            aria-describedby="key-where"
          />
          <p class="soft" id="key-where">
            {tell(locale, 'link.key.where')}
          </p>
          <p class="soft">{tell(locale, 'link.key.taken')}</p>
          <p class="buttons">
            <button class="button first">{tell(locale, 'link.key.go')}</button>
          </p>
        </form>
      </section>
    </>,
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

type Found = Extract<Guess, { kind: 'one' }>
type NotFound = Exclude<Guess, { kind: 'one' | 'left' }>

function guessWords(guess: NotFound, locale: Locale): string {
  if (guess.kind !== 'unavailable') return tell(locale, `link.${guess.kind}`)
  return tell(locale, 'link.unavailable', { why: tellFailure(locale, 'link.why', guess.code) })
}

function GuessPart({ guess, locale, pages, hidden }: { guess: Found; locale: Locale; pages: string; hidden: Child }) {
  const { member, by } = guess
  const seen = [maskName(member.memberName), member.email === '' ? '' : maskEmail(member.email), member.phone]
  return (
    <section class="panel" aria-labelledby="guess">
      <h2 id="guess">{tell(locale, 'link.guess')}</h2>
      <p class="text">
        <strong>{seen.filter(Boolean).join(' · ')}</strong>
      </p>
      <p class="soft">{tell(locale, `link.guess.${by}`)}</p>
      <form method="post" action={`${pages}/link/confirm`}>
        {hidden}
        <input type="hidden" name="member" value={String(member.memberId)} />
        <p class="buttons">
          <button class="button first">{tell(locale, 'link.guess.yes')}</button>
        </p>
      </form>
    </section>
  )
}
