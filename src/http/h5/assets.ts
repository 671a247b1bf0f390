import { existsSync, readdirSync, readFileSync } from 'node:fs'

import type { Hono } from 'hono'

import { digest } from '../../domain/ids.ts'
import { pack, takesGzip } from './answer-html.ts'
import { STYLESHEET } from './stylesheet.ts'

/** A file whose address changes with what is in it. */
export type Asset = {
  /** As browsers know it; undefined when it was not built. */
  path(prefix: string): string | undefined
  /** Adds the route that serves it. */
  serve(app: Hono): void
}

/** From the sources as from what is built of them. */
const FOLDER = new URL('../../../dist/assets/', import.meta.url)
const YEAR_S = 365 * 24 * 3600

/** Bundled by `npm run build` from `src/browser`. Without it the pages work too: each has links and plain forms. */
function loadScript(name: string): Asset {
  const built = new RegExp(`^${name}-[A-Z0-9]+\\.js$`)
  const file = existsSync(FOLDER) ? readdirSync(FOLDER).find((one) => built.test(one)) : undefined
  const text = file === undefined ? '' : readFileSync(new URL(file, FOLDER), 'utf8')
  return asset(file, text, 'text/javascript; charset=utf-8')
}

function asset(file: string | undefined, text: string, type: string): Asset {
  const packed = pack(text)
  return {
    path: (prefix) => (file === undefined ? undefined : `${prefix}/assets/${file}`),
    serve(app) {
      if (file === undefined) return
      const lasting = { 'Cache-Control': `public, max-age=${YEAR_S}, immutable`, Vary: 'Accept-Encoding' }
      const headers = { ...lasting, 'Content-Type': type }
      app.get(`/assets/${file}`, (c) =>
        takesGzip(c) ? c.body(packed, 200, { ...headers, 'Content-Encoding': 'gzip' }) : c.body(text, 200, headers),
      )
    },
  }
}

/** Asks DingTalk's client who is there. */
export const LOGIN_SCRIPT = loadScript('login')

/** Of the pages behind the login. */
export const PAGE_SCRIPT = loadScript('page')

export const STYLE = asset(`style-${digest(10, STYLESHEET)}.css`, STYLESHEET, 'text/css; charset=utf-8')

export const ASSETS = [LOGIN_SCRIPT, PAGE_SCRIPT, STYLE]
