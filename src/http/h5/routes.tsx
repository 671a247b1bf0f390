import { Hono } from 'hono'
import { NONCE, secureHeaders } from 'hono/secure-headers'

import { chooseLocale } from '../../domain/page-messages.ts'
import { findIntegration } from '../../storage/integrations.ts'
import { NotFoundPage } from '../integration-page.tsx'
import type { H5Deps } from './deps.ts'
import { addHomeRoutes } from './home.tsx'
import { addLinkRoutes } from './link.ts'
import { addLoginRoutes } from './login.ts'
import type { H5Variables } from './visitor.ts'

/** Everything below `/h5/:id`. */
export function createH5(deps: H5Deps): Hono<H5Variables> {
  const app = new Hono<H5Variables>()
  app.use(
    secureHeaders({
      // DingTalk's PC client shows the pages in a frame; nobody else may.
      xFrameOptions: false,
      // `no-referrer` would make browsers send forms without saying where they come from.
      referrerPolicy: 'same-origin',
      contentSecurityPolicy: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'", NONCE],
        imgSrc: ["'self'", 'data:'],
        connectSrc: ["'self'"],
        formAction: ["'self'"],
        baseUri: ["'none'"],
        frameAncestors: ['https://*.dingtalk.com'],
      },
    }),
  )
  app.use(async (c, next) => {
    c.header('Cache-Control', 'no-store')
    c.set('locale', chooseLocale(c.req.header('accept-language')))
    const integration = await findIntegration(deps.db.read, deps.box, c.req.param('id') ?? '')
    if (!integration) return c.html(<NotFoundPage />, 404)
    c.set('integration', integration)
    await next()
  })
  addLoginRoutes(app, deps)
  addLinkRoutes(app, deps)
  addHomeRoutes(app, deps)
  return app
}
