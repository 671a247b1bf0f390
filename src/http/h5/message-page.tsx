import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'

import { tell } from '../../domain/page-messages.ts'
import { answerHtml } from './answer-html.ts'
import { STYLE } from './assets.ts'
import { Frame } from './frame.tsx'
import type { H5Variables } from './visitor.ts'

/** A page that says one thing; `back` is where its one link leads. */
export function answerMessage(
  c: Context<H5Variables>,
  message: { text: string; status: ContentfulStatusCode; back: string },
): Response {
  const locale = c.get('locale')
  const { name } = c.get('integration')
  const assets = { style: STYLE.path(c.get('prefix')) ?? '', script: undefined }
  return answerHtml(
    c,
    <Frame title={name} name={name} locale={locale} assets={assets}>
      <section class="panel empty">
        <span class="sign ask" aria-hidden="true"></span>
        <h1 role="alert">{message.text}</h1>
        <p class="buttons">
          <a class="button first" href={message.back}>
            {tell(locale, 'page.back')}
          </a>
        </p>
      </section>
    </Frame>,
    message.status,
  )
}
