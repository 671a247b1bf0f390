import type { Context, Hono } from 'hono'
import { getCookie, setCookie } from 'hono/cookie'

import type { Locale } from '../../domain/messages.ts'
import { chooseLocale } from '../../domain/page-messages.ts'
import { type H5Deps, pathOfPages } from './deps.ts'
import { checkCsrf } from './require-visitor.ts'
import { cookieOptions } from './own-cookie.ts'
import type { H5Variables } from './visitor.ts'

const COOKIE = 'fd_lang'
const LASTING = /^\/(pc|group|history|link|incident\/[\w-]+)$/
const YEAR_S = 365 * 24 * 3600

/** The language that was chosen on a page, else the browser's. */
export function localeOf(c: Context): Locale {
  const chosen = getCookie(c, COOKIE)
  return chosen === 'zh-CN' || chosen === 'en-US' ? chosen : chooseLocale(c.req.header('accept-language'))
}

export function addLanguageRoute(app: Hono<H5Variables>, deps: H5Deps): void {
  app.post('/language', checkCsrf, (c) => {
    const { lang } = c.get('form')
    setCookie(c, COOKIE, lang === 'en-US' ? 'en-US' : 'zh-CN', { ...cookieOptions(deps, c), maxAge: YEAR_S })
    const pages = pathOfPages(deps, c.get('integration').id)
    return c.redirect(pageLeft(c.req.header('referer'), pages) ?? `${pages}/`, 303)
  })
}

/** The page whose menu was used, where it is one that can be opened again. */
function pageLeft(referer: string | undefined, pages: string): string | undefined {
  if (referer === undefined || !URL.canParse(referer)) return undefined
  const { pathname, search } = new URL(referer)
  const page = pathname.startsWith(`${pages}/`) ? pathname.slice(pages.length) : ''
  return LASTING.test(page) ? pathname + search : undefined
}
