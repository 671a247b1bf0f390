import type { Context } from 'hono'
import { deleteCookie, getSignedCookie, setSignedCookie } from 'hono/cookie'

import { type H5Deps, pathOfPages } from './deps.ts'
import type { H5Variables } from './visitor.ts'

/** `session`: who is logged in. `login`: which logins this browser has begun. */
type Kind = 'session' | 'login'

type Deps = Pick<H5Deps, 'publicUrl' | 'prefix' | 'signer'>
type Ctx = Context<H5Variables>

/** What all our cookies have in common: for the pages of one integration only, and no script's business. */
export function cookieOptions(deps: Omit<Deps, 'signer'>, c: Ctx) {
  return {
    path: pathOfPages(deps, c.get('integration').id),
    httpOnly: true,
    sameSite: 'Lax',
    secure: isHttps(deps),
  } as const
}

/** The cookie's value, if we made it and there is one of that name. */
export async function readOwnCookie(deps: Deps, c: Ctx, kind: Kind): Promise<string | undefined> {
  const { name } = ownCookie(deps, c, kind)
  // The second was put there by somebody else, and nobody can tell which one that is.
  if (countCookies(c, name) !== 1) return undefined
  return (await getSignedCookie(c, deps.signer.cookieSecret, name)) || undefined
}

export async function keepOwnCookie(deps: Deps, c: Ctx, kind: Kind, value: string, maxAgeS: number): Promise<void> {
  const { name, options } = ownCookie(deps, c, kind)
  await setSignedCookie(c, name, value, deps.signer.cookieSecret, { ...options, maxAge: maxAgeS })
}

export function dropOwnCookie(deps: Deps, c: Ctx, kind: Kind): void {
  const { name, options } = ownCookie(deps, c, kind)
  deleteCookie(c, name, options)
}

/**
 * Over https its name begins with `__Host-`: browsers take such a cookie from this very host alone, so that no other host
 * of the domain can plant one. It has no path then, and the name tells whose it is. Without https there is no such name.
 */
function ownCookie(deps: Deps, c: Ctx, kind: Kind) {
  const options = cookieOptions(deps, c)
  if (isHttps(deps)) return { name: `__Host-fd_${kind}_${c.get('integration').id}`, options: { ...options, path: '/' } }
  return { name: `fd_${kind}`, options: kind === 'login' ? { ...options, path: `${options.path}/login` } : options }
}

function isHttps({ publicUrl }: Pick<Deps, 'publicUrl'>): boolean {
  return publicUrl !== undefined && new URL(publicUrl).protocol === 'https:'
}

function countCookies(c: Ctx, name: string): number {
  const pairs = (c.req.header('cookie') ?? '').split(';')
  return pairs.filter((pair) => {
    const [written = ''] = pair.split('=', 1)
    const at = written.indexOf(name)
    return at >= 0 && BLANKS.test(written.slice(0, at)) && BLANKS.test(written.slice(at + name.length))
  }).length
}

/** Only these two are blanks of a cookie: a name with others before it is another one, which any host may plant. */
const BLANKS = /^[ \t]*$/
