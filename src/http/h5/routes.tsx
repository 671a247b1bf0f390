import { Hono, type MiddlewareHandler } from 'hono'
import { secureHeaders } from 'hono/secure-headers'

import { findIntegration } from '../../storage/integrations.ts'
import { addActRoutes } from './act-routes.ts'
import type { H5Deps } from './deps.ts'
import { DisabledIntegration, answerFailure, NoSuchIntegration, NoSuchPage } from './error-pages.tsx'
import { addLanguageRoute, localeOf } from './language.ts'
import { addLinkRoutes } from './link.ts'
import { addLoginRoutes } from './login.ts'
import { addPageRoutes } from './page-routes.tsx'
import { createPersonLimits } from './person-limits.tsx'
import { requireVisitor } from './require-visitor.ts'
import { answerTrouble, viewOf } from './shell.tsx'
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
        styleSrc: ["'self'"],
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
    c.set('locale', localeOf(c))
    c.set('prefix', deps.prefix)
    const integration = await findIntegration(deps.db.read, deps.box, c.req.param('id') ?? '')
    if (!integration) return answerTrouble(deps, c, 404, <NoSuchIntegration locale={c.get('locale')} />)
    c.set('integration', integration)
    await next()
  })
  addLoginRoutes(app, deps)
  app.use(requireVisitor(deps))
  const limits = createPersonLimits(deps)
  app.get('*', limits.views)
  // What is stored is shown all the same, and an act is answered with the reason.
  const onlyEnabled: MiddlewareHandler<H5Variables> = async (c, next) => {
    if (c.get('integration').enabled) return next()
    return answerTrouble(deps, c, 503, <DisabledIntegration view={viewOf(deps, c)} />)
  }
  for (const path of ['/link', '/link/*', '/unlink']) app.use(path, onlyEnabled)
  app.get('/link', limits.reads)
  for (const path of ['/incident/:incidentId/act', '/wanted', '/link/confirm', '/link/key']) {
    app.post(path, limits.acts)
  }
  addLinkRoutes(app, deps)
  addPageRoutes(app, { ...deps, beforeAsking: limits.beforeAsking })
  addActRoutes(app, deps)
  addLanguageRoute(app, deps)
  app.all('*', (c) => answerTrouble(deps, c, 404, <NoSuchPage view={viewOf(deps, c)} />))
  app.onError((error, c) => answerFailure(deps, error, c))
  return app
}
