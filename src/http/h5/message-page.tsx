import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'

import { tell } from '../../domain/page-messages.ts'
import { H5Page } from './layout.tsx'
import type { H5Variables } from './visitor.ts'

/** A page that says one thing; `back` is where its one link leads. */
export function answerMessage(
  c: Context<H5Variables>,
  message: { text: string; status: ContentfulStatusCode; back?: string },
): Response | Promise<Response> {
  const locale = c.get('locale')
  return c.html(
    <H5Page title={c.get('integration').name} locale={locale} nonce={c.get('secureHeadersNonce')}>
      <h1>{c.get('integration').name}</h1>
      <p role="alert">{message.text}</p>
      {message.back === undefined ? undefined : (
        <p>
          <a class="button" href={message.back}>
            {tell(locale, 'page.back')}
          </a>
        </p>
      )}
    </H5Page>,
    message.status,
  )
}
