import { existsSync, readdirSync, readFileSync } from 'node:fs'

import type { Hono } from 'hono'

/** A file that `npm run build` bundles from `src/browser`; its address changes with what is in it. */
export type Asset = {
  /** As browsers know it; undefined when it was not built. */
  path(prefix: string): string | undefined
  /** Adds the route that serves it. */
  serve(app: Hono): void
}

/** From the sources as from what is built of them. */
const FOLDER = new URL('../../../dist/assets/', import.meta.url)
const YEAR_S = 365 * 24 * 3600

function loadScript(name: string): Asset {
  const built = new RegExp(`^${name}-[A-Z0-9]+\\.js$`)
  // Without it the pages still lead to DingTalk's own login page.
  const file = existsSync(FOLDER) ? readdirSync(FOLDER).find((one) => built.test(one)) : undefined
  const text = file === undefined ? '' : readFileSync(new URL(file, FOLDER), 'utf8')
  return {
    path: (prefix) => (file === undefined ? undefined : `${prefix}/assets/${file}`),
    serve(app) {
      if (file === undefined) return
      app.get(`/assets/${file}`, (c) =>
        c.body(text, 200, {
          'Content-Type': 'text/javascript; charset=utf-8',
          'Cache-Control': `public, max-age=${YEAR_S}, immutable`,
        }),
      )
    },
  }
}

/** Asks DingTalk's client who is there. */
export const LOGIN_SCRIPT = loadScript('login')
