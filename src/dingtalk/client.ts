import { z } from 'zod'

import type { Clock } from '../clock.ts'
import { AppError } from '../errors.ts'
import { type HttpAnswer, type SendHttp, withoutSecrets } from '../outbound.ts'
import { classify } from './error-codes.ts'

export type DingTalkApp = { clientId: string; clientSecret: string }

/** Calls `api.dingtalk.com` as one app; keeps and renews its access token. */
export type DingTalkClient = {
  readonly clientId: string
  /**
   * @param path starts with `/v1.0/`
   * @returns the parsed body of a 2xx answer
   * @throws AppError classified by `error-codes.ts`; `detail` holds DingTalk's code and message
   */
  call(method: 'POST' | 'PUT', path: string, body: unknown): Promise<unknown>
}

/** A call longer than this has an unknown outcome; leases must outlast it. */
export const CALL_TIMEOUT_MS = 8_000
/** Tokens live 2 h; renewed this long before, since an expired one costs a call. */
const RENEW_BEFORE_MS = 10 * 60_000

const Token = z.looseObject({ accessToken: z.string().min(1), expireIn: z.number() })
const ErrorBody = z.looseObject({ code: z.coerce.string(), message: z.string().default('') })

export function createDingTalkClient(
  app: DingTalkApp,
  deps: { apiUrl: string; send: SendHttp; clock: Clock },
): DingTalkClient {
  let token: { value: string; renewAtMs: number } | undefined
  let fetching: Promise<string> | undefined

  const post = async (
    method: 'POST' | 'PUT',
    path: string,
    body: unknown,
    headers: Record<string, string>,
  ): Promise<unknown> => {
    const answer = await deps.send({ method, url: deps.apiUrl + path, headers, body, timeoutMs: CALL_TIMEOUT_MS })
    return readAnswer(answer, `${method} ${path}`, [app.clientSecret, ...Object.values(headers)])
  }

  const fetchToken = async (): Promise<string> => {
    let answer: unknown
    try {
      answer = await post('POST', '/v1.0/oauth2/accessToken', { appKey: app.clientId, appSecret: app.clientSecret }, {})
    } catch (error) {
      // Fetching a token changes nothing, so nothing can be unknown about it.
      if (error instanceof AppError && error.failure.kind === 'unknown-outcome') {
        throw new AppError({ kind: 'retryable', code: error.failure.code }, error.message, { cause: error })
      }
      throw error
    }
    const parsed = Token.safeParse(answer)
    if (!parsed.success) throw new AppError({ kind: 'retryable', code: 'IM_ERROR' }, 'the token answer has no token')
    token = {
      value: parsed.data.accessToken,
      renewAtMs: deps.clock.nowMs() + parsed.data.expireIn * 1000 - RENEW_BEFORE_MS,
    }
    return token.value
  }

  const getToken = (): Promise<string> => {
    if (token && deps.clock.nowMs() < token.renewAtMs) return Promise.resolve(token.value)
    return (fetching ??= fetchToken().finally(() => (fetching = undefined)))
  }

  return {
    clientId: app.clientId,
    async call(method, path, body) {
      const used = await getToken()
      try {
        return await post(method, path, body, { 'x-acs-dingtalk-access-token': used })
      } catch (error) {
        if (!(error instanceof TokenRefused)) throw error
        if (token?.value === used) token = undefined
        return post(method, path, body, { 'x-acs-dingtalk-access-token': await getToken() })
      }
    },
  }
}

/** The access token was not accepted. Nothing was done; seen outside only when a fresh one is refused too. */
class TokenRefused extends AppError {}

/** How DingTalk's firewall answers an address that called too often: with a page, or with this; nothing was done. */
const Banned = z.looseObject({ status: z.coerce.number().pipe(z.literal(1111)), punish: z.string() })

function banned(what: string, detail: string): AppError {
  const failure = { kind: 'throttled', code: 'IM_RATE_LIMITED', retryAfterMs: 300_000 } as const
  return new AppError(failure, `${what}: this address is banned for minutes`, { detail })
}

function readAnswer({ status, contentType, text }: HttpAnswer, what: string, secrets: string[]): unknown {
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    if (status >= 200 && status < 300) {
      throw new AppError({ kind: 'unknown-outcome', code: 'IM_ERROR' }, `${what}: the answer is not JSON`)
    }
    if (/html/i.test(contentType) && status < 500) throw banned(what, `HTTP ${status}, HTML page`)
    body = {}
  }
  if (Banned.safeParse(body).success) throw banned(what, `HTTP ${status}, status 1111`)
  if (status >= 200 && status < 300) return body
  const error = ErrorBody.safeParse(body)
  const code = error.success ? error.data.code : ''
  const said = withoutSecrets(error.success ? `${code}: ${error.data.message}` : '', secrets)
  const detail = error.success ? said.slice(0, 500) : `HTTP ${status}`
  const meaning = classify(status, code)
  const message = `${what}: ${withoutSecrets(code, secrets) || `HTTP ${status}`}`
  if (meaning.kind === 'token') {
    throw new TokenRefused({ kind: 'blocked', code: 'APP_CREDENTIAL_INVALID' }, message, { detail })
  }
  throw new AppError(meaning, message, { detail })
}
