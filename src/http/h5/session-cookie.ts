import type { Context } from 'hono'

import { SESSION_MS } from '../../storage/sessions.ts'
import type { H5Deps } from './deps.ts'
import { dropOwnCookie, keepOwnCookie, readOwnCookie } from './own-cookie.ts'
import type { H5Variables } from './visitor.ts'

/** The secret in the visitor's cookie, if we made that cookie. */
export async function readSessionSecret(deps: H5Deps, c: Context<H5Variables>): Promise<string | undefined> {
  return readOwnCookie(deps, c, 'session')
}

/** @param leftMs how long the session lasts unless it is used */
export async function keepSessionCookie(
  deps: H5Deps,
  c: Context<H5Variables>,
  secret: string,
  leftMs: number = SESSION_MS,
): Promise<void> {
  await keepOwnCookie(deps, c, 'session', secret, Math.floor(leftMs / 1_000))
}

export function dropSessionCookie(deps: H5Deps, c: Context<H5Variables>): void {
  dropOwnCookie(deps, c, 'session')
}
