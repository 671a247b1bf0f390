import type { Clock } from '../clock.ts'
import { fields, maybeText, someNumber, someText } from '../domain/lenient.ts'
import { AppError } from '../errors.ts'
import { type HttpAnswer, type SendHttp, withoutSecrets } from '../outbound.ts'
import { keepAccessToken, TokenRefused } from './access-token.ts'
import { CALL_TIMEOUT_MS, type DingTalkApp } from './client.ts'
import { classifyOapi } from './error-codes.ts'
import { readJson } from './read-json.ts'

/** Calls `oapi.dingtalk.com`, the older half of the Open API, as one app; keeps and renews a token of its own. */
export type OapiClient = {
  /**
   * @param path may have a query; the token is added to it
   * @param body sent as JSON when given
   * @returns the parsed body of an answer with `errcode` 0
   * @throws AppError classified by `error-codes.ts`; `detail` holds DingTalk's code and message
   */
  call(method: 'GET' | 'POST', path: string, body?: unknown): Promise<Record<string, unknown>>
}

const Envelope = fields({ errcode: someText, errmsg: maybeText, sub_code: maybeText, sub_msg: maybeText })
const Token = fields({ access_token: someText, expires_in: someNumber })

export function createOapiClient(
  app: DingTalkApp,
  deps: { oapiUrl: string; send: SendHttp; clock: Clock },
): OapiClient {
  /** Keys and tokens travel in the query here, so messages name the path alone. */
  const call = async (
    method: 'GET' | 'POST',
    path: string,
    query: Record<string, string>,
    body: unknown,
  ): Promise<Record<string, unknown>> => {
    const url = new URL(deps.oapiUrl + path)
    for (const [key, value] of Object.entries(query)) url.searchParams.set(key, value)
    const what = `${method} ${path.replace(/\?.*$/, '')}`
    const answer = await deps.send({
      method,
      url: url.href,
      timeoutMs: CALL_TIMEOUT_MS,
      ...(body === undefined ? {} : { body }),
    })
    return readAnswer(answer, what, [app.clientSecret, ...Object.values(query)])
  }

  const accessToken = keepAccessToken({
    clock: deps.clock,
    async obtain() {
      const credentials = { appkey: app.clientId, appsecret: app.clientSecret }
      const parsed = Token.safeParse(await call('GET', '/gettoken', credentials, undefined))
      if (!parsed.success) throw new AppError({ kind: 'retryable', code: 'IM_ERROR' }, 'the token answer has no token')
      return { token: parsed.data.access_token, expiresInS: parsed.data.expires_in }
    },
  })

  return {
    call: (method, path, body) => accessToken.use((token) => call(method, path, { access_token: token }, body)),
  }
}

/** `errcode` tells, whatever the HTTP status; the gateway wraps the code that matters into its own 88. */
function readAnswer(answer: HttpAnswer, what: string, secrets: string[]): Record<string, unknown> {
  const envelope = Envelope.safeParse(readJson(answer, what))
  if (!envelope.success) {
    // After a 5xx, or a success that says nothing, nobody knows whether the call was done.
    const refused = answer.status >= 400 && answer.status < 500
    const failure = refused
      ? ({ kind: 'permanent', code: 'IM_ERROR', unlisted: true } as const)
      : ({ kind: 'unknown-outcome', code: 'IM_ERROR' } as const)
    throw new AppError(failure, `${what}: HTTP ${answer.status}`, { detail: `HTTP ${answer.status}` })
  }
  const { errcode, errmsg, sub_code: subCode, sub_msg: subMsg } = envelope.data
  if (errcode === '0') return envelope.data
  const code = errcode === '88' && subCode !== undefined ? subCode : errcode
  const detail = withoutSecrets(`${code}: ${subMsg ?? errmsg ?? ''}`, secrets).slice(0, 500)
  const meaning = classifyOapi(code)
  const message = `${what}: ${withoutSecrets(code, secrets).slice(0, 100)}`
  if (meaning.kind === 'token') {
    throw new TokenRefused({ kind: 'blocked', code: 'APP_CREDENTIAL_INVALID' }, message, { detail })
  }
  throw new AppError(meaning, message, { detail })
}
