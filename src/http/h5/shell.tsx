import type { Context } from 'hono'
import type { Child } from 'hono/jsx'
import type { ContentfulStatusCode } from 'hono/utils/http-status'

import { newId } from '../../domain/ids.ts'
import { phrase } from '../../domain/screen-messages.ts'
import { answerHtml } from './answer-html.ts'
import { PAGE_SCRIPT, STYLE } from './assets.ts'
import { type H5Deps, pathOfPages } from './deps.ts'
import { Frame } from './frame.tsx'
import { Retry } from './say.tsx'
import { AccountMenu } from './account-menu.tsx'
import type { View } from './view.ts'
import type { H5Variables } from './visitor.ts'

export function viewOf(deps: H5Deps, c: Context<H5Variables>): View {
  const visitor = c.get('visitor')
  return {
    locale: visitor.locale,
    pages: pathOfPages(deps, c.get('integration').id),
    visitor,
    enabled: c.get('integration').enabled,
    token: newId(),
    nowMs: deps.clock.nowMs(),
  }
}

type Look = {
  title: string
  status?: ContentfulStatusCode
  back?: string | undefined
  wide?: boolean
  following?: boolean
}

/** A page for somebody who is logged in: the frame, their menu, and what it is about. */
export function answerPage(deps: H5Deps, c: Context<H5Variables>, view: View, look: Look, content: Child): Response {
  const integration = c.get('integration')
  return answerHtml(
    c,
    <Frame
      title={look.title}
      name={integration.name}
      locale={view.locale}
      assets={assetsOf(deps)}
      back={look.back}
      wide={look.wide ?? false}
      following={look.following ?? false}
      menu={<AccountMenu view={view} />}
    >
      {view.enabled ? undefined : <SwitchedOff view={view} />}
      {content}
    </Frame>,
    look.status ?? 200,
  )
}

function SwitchedOff({ view: { locale } }: { view: View }) {
  return (
    <section class="note ask">
      <div>
        <strong>{phrase(locale, 'disabled.title')}</strong>
        <p>{phrase(locale, 'disabled.stored')}</p>
        <p class="buttons">
          <Retry locale={locale} />
        </p>
      </div>
    </section>
  )
}

/** For whoever could not be shown what they wanted, logged in or not. */
export function answerTrouble(
  deps: H5Deps,
  c: Context<H5Variables>,
  status: 404 | 500 | 503,
  content: Child,
): Response {
  const name = c.get('integration')?.name ?? phrase(c.get('locale'), 'product.name')
  return answerHtml(
    c,
    <Frame title={name} name={name} locale={c.get('locale')} assets={assetsOf(deps)}>
      {content}
    </Frame>,
    status,
  )
}

function assetsOf(deps: H5Deps) {
  return { style: STYLE.path(deps.prefix) ?? '', script: PAGE_SCRIPT.path(deps.prefix) }
}
