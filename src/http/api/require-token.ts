import type { Context, MiddlewareHandler } from 'hono'

import type { TokenScope } from '../../domain/token-scopes.ts'
import { AppError } from '../../errors.ts'
import type { Log } from '../../log.ts'
import { type AddressOf, networkOf } from '../client-address.ts'
import { WrongTries } from '../wrong-tries.ts'

export type TokenDeps = {
  log: Log
  nowMs: () => number
  addressOf: AddressOf
  /** What this token may be used for; undefined unless it is one of `token api` that was not revoked. */
  scopesOf: (token: string) => Promise<readonly TokenScope[] | undefined>
}

/**
 * Lets in who presents an API token of that scope: `Authorization: Bearer TOKEN` or `x-flashduty-token: TOKEN`. Wrong ones are
 * counted per address; a right one is let in even then, since Flashduty may share a proxy's address with whoever is
 * guessing. One without the scope is told so, which nobody learns who has none.
 */
export function requireToken(deps: TokenDeps, scope: TokenScope): MiddlewareHandler {
  const wrong = new WrongTries()
  const narrow = new WrongTries()
  return async (c, next) => {
    const scopes = await readScopes(c, deps)
    if (scopes?.includes(scope)) return next()
    const address = deps.addressOf(c)
    if (scopes !== undefined) {
      const { isNews } = narrow.count(networkOf(address), deps.nowMs())
      if (isNews) deps.log.warn({ address, path: c.req.path, scope, scopes }, 'token-scope-missing')
      const problem = `this token may not be used for that: make one with \`token api --scope ${scope}\``
      return c.json({ error: 'SCOPE_MISSING', scope, problem }, 403)
    }
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

/** What may be done with the token that it comes with; undefined without a right one. */
export async function readScopes(
  c: Context,
  { scopesOf }: Pick<TokenDeps, 'scopesOf'>,
): Promise<readonly TokenScope[] | undefined> {
  const token = readToken(c)
  return token === undefined ? undefined : scopesOf(token)
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
