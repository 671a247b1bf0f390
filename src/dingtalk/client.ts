import type { Clock } from '../clock.ts'
import { fields, maybeText, someNumber, someText } from '../domain/lenient.ts'
import { AppError } from '../errors.ts'
import { type HttpAnswer, type SendHttp, withoutSecrets } from '../outbound.ts'
import { keepAccessToken, TokenRefused } from './access-token.ts'
import { classify } from './error-codes.ts'
import { readJson } from './read-json.ts'

export type DingTalkApp = { clientId: string; clientSecret: string }

/** Calls `api.dingtalk.com` as one app; keeps and renews its access token. */
export type DingTalkClient = {
  readonly clientId: string
  /**
   * @param path starts with `/v1.0/`
   * @param secrets what of the body must not come back in a failure's words
   * @returns the parsed body of a 2xx answer
   * @throws AppError classified by `error-codes.ts`; `detail` holds DingTalk's code and message
   */
  call(method: 'POST' | 'PUT', path: string, body: unknown, secrets?: string[]): Promise<unknown>
}

/** A call longer than this has an unknown outcome; leases must outlast it. */
export const CALL_TIMEOUT_MS = 8_000

const Token = fields({ accessToken: someText, expireIn: someNumber })
const ErrorBody = fields({ code: someText, message: maybeText })

export function createDingTalkClient(
  app: DingTalkApp,
  deps: { apiUrl: string; send: SendHttp; clock: Clock },
): DingTalkClient {
  const post = async (
    method: 'POST' | 'PUT',
    path: string,
    body: unknown,
    headers: Record<string, string>,
    secrets: string[] = [],
  ): Promise<unknown> => {
    const answer = await deps.send({ method, url: deps.apiUrl + path, headers, body, timeoutMs: CALL_TIMEOUT_MS })
    return readAnswer(answer, `${method} ${path}`, [app.clientSecret, ...Object.values(headers), ...secrets])
  }

  const accessToken = keepAccessToken({
    clock: deps.clock,
    async obtain() {
      const credentials = { appKey: app.clientId, appSecret: app.clientSecret }
      const parsed = Token.safeParse(await post('POST', '/v1.0/oauth2/accessToken', credentials, {}))
      if (!parsed.success) throw new AppError({ kind: 'retryable', code: 'IM_ERROR' }, 'the token answer has no token')
      return { token: parsed.data.accessToken, expiresInS: parsed.data.expireIn }
    },
  })

  return {
    clientId: app.clientId,
    call: (method, path, body, secrets) =>
      accessToken.use((token) => post(method, path, body, { 'x-acs-dingtalk-access-token': token }, secrets)),
  }
}

export function readAnswer(answer: HttpAnswer, what: string, secrets: string[]): unknown {
  const { status } = answer
  const body = readJson(answer, what)
  if (status >= 200 && status < 300) return body
  const error = ErrorBody.safeParse(body)
  const code = error.success ? error.data.code : ''
  const said = withoutSecrets(error.success ? `${code}: ${error.data.message ?? ''}` : '', secrets)
  const detail = error.success ? said.slice(0, 500) : `HTTP ${status}`
  const meaning = classify(status, code, error.success ? error.data.message : undefined)
  const message = `${what}: ${withoutSecrets(code, secrets) || `HTTP ${status}`}`
  if (meaning.kind === 'token') {
    throw new TokenRefused({ kind: 'blocked', code: 'APP_CREDENTIAL_INVALID' }, message, { detail })
  }
  throw new AppError(meaning, message, { detail })
}
