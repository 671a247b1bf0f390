import type { Context, MiddlewareHandler } from 'hono'

import { AppError } from '../../errors.ts'
import type { Log } from '../../log.ts'
import { type AddressOf, networkOf } from '../client-address.ts'
import { WrongTokens } from './wrong-tokens.ts'

export type TokenDeps = {
  log: Log
  nowMs: () => number
  addressOf: AddressOf
  /** Whether this is a token of `token api` that was not revoked. */
  isApiToken: (token: string) => Promise<boolean>
}

/**
 * Lets in who presents an API token: `Authorization: Bearer TOKEN` or `x-flashduty-token: TOKEN`. Wrong ones are counted
 * per address; a right one is let in even then, since Flashduty may share a proxy's address with whoever is guessing.
 */
export function requireToken(deps: TokenDeps): MiddlewareHandler {
  const wrong = new WrongTokens()
  return async (c, next) => {
    if (await presentsToken(c, deps)) return next()
    const address = deps.addressOf(c)
    const { waitMs, isNews } = wrong.count(networkOf(address), deps.nowMs())
    if (isNews) deps.log.warn({ address, path: c.req.path, limited: waitMs > 0 }, 'token-refused')
    if (waitMs > 0) {
      c.header('Retry-After', String(Math.ceil(waitMs / 1_000)))
      return c.json({ error: 'TOO_MANY_WRONG_TOKENS' }, 429)
    }
    c.header('WWW-Authenticate', 'Bearer')
    return c.json({ error: 'TOKEN_MISSING_OR_WRONG' }, 401)
  }
}

/** Whether it comes with a right one. */
export async function presentsToken(c: Context, { isApiToken }: Pick<TokenDeps, 'isApiToken'>): Promise<boolean> {
  const token = readToken(c)
  return token !== undefined && isApiToken(token)
}

function readToken(c: Context): string | undefined {
  const bearer = /^Bearer +(\S+) *$/i.exec(c.req.header('authorization') ?? '')?.[1]
  return bearer ?? (c.req.header('x-flashduty-token')?.trim() || undefined)
}

/** Store down: whoever asked may ask again soon. @throws what is no such failure */
export function answerUnavailable(c: Context, log: Log, error: unknown): Response {
  if (!(error instanceof AppError) || error.failure.kind !== 'retryable') throw error
  log.error({ path: c.req.path, err: error }, 'http-unavailable')
  c.header('Retry-After', String(Math.ceil((error.failure.retryAfterMs ?? 1_000) / 1_000)))
  return c.json({ error: error.failure.code }, 503)
}
