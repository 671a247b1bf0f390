import type { Context } from 'hono'
import { deleteCookie, getSignedCookie, setSignedCookie } from 'hono/cookie'

import { SESSION_MS } from '../../storage/sessions.ts'
import { type H5Deps, pathOfPages } from './deps.ts'
import type { H5Variables } from './visitor.ts'

const SESSION = 'fd_session'

/** What all our cookies have in common: for the pages of one integration only, and no script's business. */
export function cookieOptions(deps: H5Deps, c: Context<H5Variables>) {
  return {
    path: pathOfPages(deps, c.get('integration').id),
    httpOnly: true,
    sameSite: 'Lax',
    secure: deps.publicUrl?.startsWith('https:') ?? false,
  } as const
}

/** The secret in the visitor's cookie, if we made that cookie. */
export async function readSessionSecret(deps: H5Deps, c: Context<H5Variables>): Promise<string | undefined> {
  const secret = await getSignedCookie(c, deps.signer.cookieSecret, SESSION)
  return secret || undefined
}

/** @param leftMs how long the session lasts unless it is used */
export async function keepSessionCookie(
  deps: H5Deps,
  c: Context<H5Variables>,
  secret: string,
  leftMs: number = SESSION_MS,
): Promise<void> {
  const options = { ...cookieOptions(deps, c), maxAge: Math.floor(leftMs / 1_000) }
  await setSignedCookie(c, SESSION, secret, deps.signer.cookieSecret, options)
}

export function dropSessionCookie(deps: H5Deps, c: Context<H5Variables>): void {
  deleteCookie(c, SESSION, cookieOptions(deps, c))
}
