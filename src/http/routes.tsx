import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { secureHeaders } from 'hono/secure-headers'

import type { Log } from '../log.ts'
import { IntegrationPage, type IntegrationStatus, NotFoundPage } from './integration-page.tsx'
import { type Check, checkReadiness } from './readiness.ts'

export type RouteDeps = {
  log: Log
  /** Path of PUBLIC_URL. */
  prefix: string
  checks: () => Check[]
  statusById: (id: string) => Promise<IntegrationStatus | undefined>
  statusByCallbackKey: (callbackKey: string) => Promise<IntegrationStatus | undefined>
}

const PAGES = { '/': '应用首页地址', '/pc': 'PC 端首页地址', '/group': '酷应用网页地址' } as const

const CALLBACKS = [
  { path: '/event/push/dingtalk', what: '事件订阅请求网址', refusal: 'HTTP event subscription' },
  { path: '/card/push/dingtalk', what: '卡片回调地址', refusal: 'the HTTP card callback' },
]

/** The whole route table. */
export function createRoutes(deps: RouteDeps): Hono {
  const app = new Hono()
  app.use(secureHeaders({ xFrameOptions: false }))
  app.use(bodyLimit({ maxSize: 1024 * 1024, onError: (c) => c.json({ error: 'the body is too large' }, 413) }))
  const addresses = createAddresses(deps)
  app.route('/', addresses)
  // A proxy in front may take the prefix off or pass it on.
  if (deps.prefix !== '') app.route(deps.prefix, addresses)

  app.notFound((c) => c.json({ error: 'no such address' }, 404))
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
    const readiness = await checkReadiness(deps.checks())
    return c.json(readiness, readiness.ready ? 200 : 503)
  })

  for (const [path, what] of Object.entries(PAGES)) {
    app.get(`/h5/:id${path}`, async (c) => {
      const status = await deps.statusById(c.req.param('id') ?? '')
      return status ? c.html(<IntegrationPage what={what} status={status} />) : c.html(<NotFoundPage />, 404)
    })
  }
  // Relative, because only the browser knows the prefix that a proxy took off.
  app.get('/h5/:id', (c) => c.redirect(`./${encodeURIComponent(c.req.param('id'))}/${new URL(c.req.url).search}`, 301))

  for (const { path, what, refusal } of CALLBACKS) {
    app.get(path, async (c) => {
      const status = await deps.statusByCallbackKey(c.req.query('integration_key') ?? '')
      return status ? c.html(<IntegrationPage what={what} status={status} />) : c.html(<NotFoundPage />, 404)
    })
    // Refused outright: DingTalk's console then says at save time that this address does not work yet.
    app.post(path, (c) =>
      c.json({ error: `${refusal} is not available in this version: choose Stream mode (Stream 模式推送)` }, 501),
    )
  }
  return app
}
