import type { Clock } from '../clock.ts'
import { AppError } from '../errors.ts'

/** Tokens live 2 h; renewed this long before, since an expired one costs a call. */
const RENEW_BEFORE_MS = 10 * 60_000

/** The access token was not accepted. Nothing was done; seen outside only when a fresh one is refused too. */
export class TokenRefused extends AppError {}

export type AccessToken = {
  /** Makes the call with a good token; once more, with a fresh one, when it throws TokenRefused. */
  use<T>(call: (token: string) => Promise<T>): Promise<T>
}

/** Keeps one app's token for one of DingTalk's two API families and renews it; fetched once for all who wait for it. */
export function keepAccessToken(deps: {
  clock: Clock
  obtain: () => Promise<{ token: string; expiresInS: number }>
}): AccessToken {
  let kept: { token: string; renewAtMs: number } | undefined
  let fetching: Promise<string> | undefined

  const renew = async (): Promise<string> => {
    try {
      const { token, expiresInS } = await deps.obtain()
      kept = { token, renewAtMs: deps.clock.nowMs() + expiresInS * 1000 - RENEW_BEFORE_MS }
      return token
    } catch (error) {
      // Fetching a token changes nothing, so nothing can be unknown about it.
      if (error instanceof AppError && error.failure.kind === 'unknown-outcome') {
        throw new AppError({ kind: 'retryable', code: error.failure.code }, error.message, { cause: error })
      }
      throw error
    }
  }

  const get = (): Promise<string> => {
    if (kept && deps.clock.nowMs() < kept.renewAtMs) return Promise.resolve(kept.token)
    return (fetching ??= renew().finally(() => (fetching = undefined)))
  }

  return {
    async use(call) {
      const used = await get()
      try {
        return await call(used)
      } catch (error) {
        if (!(error instanceof TokenRefused)) throw error
        if (kept?.token === used) kept = undefined
        return call(await get())
      }
    },
  }
}
