import type { Context, Hono } from 'hono'

import { tell } from '../../domain/page-messages.ts'
import { type H5Deps, pathOfPages } from './deps.ts'
import { H5Page } from './layout.tsx'
import { requireVisitor } from './require-visitor.ts'
import { CSRF_FIELD, type H5Variables } from './visitor.ts'

/** The pages people land on. */
export function addHomeRoutes(app: Hono<H5Variables>, deps: H5Deps): void {
  for (const path of ['/', '/pc', '/group']) app.get(path, requireVisitor(deps), (c) => answerHome(deps, c))
}

function answerHome(deps: H5Deps, c: Context<H5Variables>): Response | Promise<Response> {
  const { name, locale, link, csrf } = c.get('visitor')
  const integration = c.get('integration')
  return c.html(
    <H5Page title={integration.name} locale={locale} nonce={c.get('secureHeadersNonce')}>
      <h1>{integration.name}</h1>
      <p>{tell(locale, 'home.hello', { name })}</p>
      {link ? <p>{tell(locale, 'home.linked', { member: link.memberName })}</p> : undefined}
      <p>
        <a class="button" href={`${pathOfPages(deps, integration.id)}/link`}>
          {tell(locale, link ? 'home.switch' : 'home.link')}
        </a>
      </p>
      <form method="post" action={`${pathOfPages(deps, integration.id)}/logout`}>
        <input type="hidden" name={CSRF_FIELD} value={csrf} />
        <button class="quiet">{tell(locale, 'page.logout')}</button>
      </form>
    </H5Page>,
  )
}
