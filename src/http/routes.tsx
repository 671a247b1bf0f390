import { Hono } from 'hono'
import { secureHeaders } from 'hono/secure-headers'

import type { Log } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import { addDeliverRoute, answerNowhere, type DeliverDeps } from './api/deliver.ts'
import { addCardPushRoute, CARD_PATH } from './card-push.ts'
import type { Callbacks } from './callbacks.ts'
import { addRobotPushRoute, ROBOT_PATH } from './robot-push.ts'
import { addEventPushRoute, EVENT_PATH } from './event-push.ts'
import { ASSETS } from './h5/assets.ts'
import type { H5Deps } from './h5/deps.ts'
import { createH5 } from './h5/routes.tsx'
import { IntegrationPage, type IntegrationStatus, NotFoundPage } from './integration-page.tsx'
import { maySeeInside } from './insight.ts'
import { type Check, checkReadiness } from './readiness.ts'
import { closeUnread, refuseLarge } from './unread.ts'

export type RouteDeps = {
  log: Log
  api: Omit<DeliverDeps, 'log'>
  /** Path of PUBLIC_URL. */
  prefix: string
  checks: () => Check[]
  notes: () => Promise<string[]>
  metrics: Metrics
  /** Opens `/metrics` and the details of `/readyz`. */
  metricsToken: string | undefined
  callbacks: Callbacks
  h5: Omit<H5Deps, 'log' | 'prefix'>
  statusByCallbackKey: (callbackKey: string) => Promise<IntegrationStatus | undefined>
}

const CALLBACKS = [
  { path: EVENT_PATH, what: '事件订阅请求网址' },
  { path: CARD_PATH, what: '卡片回调地址' },
  { path: ROBOT_PATH, what: '机器人消息接收地址' },
]

/** The whole route table. */
export function createRoutes(deps: RouteDeps): Hono {
  const app = new Hono()
  app.use(secureHeaders({ xFrameOptions: false, overwrite: false }))
  app.use(closeUnread)
  const addresses = createAddresses(deps)
  app.route('/', addresses)
  // A proxy in front may take the prefix off or pass it on.
  if (deps.prefix !== '') app.route(deps.prefix, addresses)

  app.notFound((c) => answerNowhere(c, { ...deps.api, log: deps.log }, deps.prefix))
  app.onError((error, c) => {
    // Who asked may have gone amid their own request; nobody has to act on that.
    const gone = 'code' in error && error.code === 'ECONNRESET'
    deps.log[gone ? 'debug' : 'error']({ path: c.req.path, err: error }, 'http-failed')
    return c.json({ error: 'internal error' }, 500)
  })
  return app
}

function createAddresses(deps: RouteDeps): Hono {
  const app = new Hono()
  app.get('/healthz', (c) => c.json({ status: 'alive' }))
  app.get('/readyz', async (c) => {
    const readiness = await checkReadiness(deps.checks(), await deps.notes().catch(() => []))
    const status = readiness.ready ? 200 : 503
    if (maySeeInside(c, deps.metricsToken)) return c.json(readiness, status)
    return c.text(readiness.ready ? 'ok' : 'not ok', status)
  })
  app.get('/metrics', async (c) => {
    if (maySeeInside(c, deps.metricsToken)) {
      return c.text(await deps.metrics.text(), 200, { 'Content-Type': deps.metrics.contentType })
    }
    if (deps.metricsToken === undefined)
      return c.text('METRICS_TOKEN is not set: only asked from this host itself\n', 403)
    c.header('WWW-Authenticate', 'Bearer')
    return c.text('present METRICS_TOKEN as Authorization: Bearer\n', 401)
  })

  // Relative, because only the browser knows the prefix that a proxy took off.
  app.get('/h5/:id', (c) => c.redirect(`./${encodeURIComponent(c.req.param('id'))}/${new URL(c.req.url).search}`, 301))
  app.use('/h5/:id/*', refuseLarge)
  app.route('/h5/:id/', createH5({ ...deps.h5, log: deps.log, prefix: deps.prefix }))
  for (const asset of ASSETS) asset.serve(app)

  for (const { path, what } of CALLBACKS) {
    app.use(path, refuseLarge)
    app.get(path, async (c) => {
      const status = await deps.statusByCallbackKey(c.req.query('integration_key') ?? '')
      return status ? c.html(<IntegrationPage what={what} status={status} />) : c.html(<NotFoundPage />, 404)
    })
  }
  addEventPushRoute(app, { ...deps.callbacks, log: deps.log })
  addCardPushRoute(app, { ...deps.callbacks, log: deps.log })
  addRobotPushRoute(app, { ...deps.callbacks, log: deps.log })

  addDeliverRoute(app, { ...deps.api, log: deps.log })
  return app
}
