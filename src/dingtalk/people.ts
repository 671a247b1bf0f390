import type { z } from 'zod'

import { fields, maybeFlag, maybeText, someNumber, someText } from '../domain/lenient.ts'
import { AppError } from '../errors.ts'
import type { SendHttp } from '../outbound.ts'
import { CALL_TIMEOUT_MS, type DingTalkApp, readAnswer } from './client.ts'
import type { OapiClient } from './oapi-client.ts'

/** Who somebody is, from DingTalk's own answer: a `userId` is somebody else's in another corporation. */
export type Identity = { corpId: string; userId: string; unionId: string | undefined; name: string }

/**
 * What the corporation's directory knows of a person; empty without the permission to read it.
 * `active`: false only where DingTalk says that the account is not in use
 */
export type Contact = { name: string; mobile: string | undefined; orgEmail: string | undefined; active: boolean }

export type DingTalkPeople = {
  /**
   * Whose code it is, of those that a page inside DingTalk asks its client for.
   * @throws AppError `permanent LOGIN_CODE_INVALID`: used, expired, or of another kind
   */
  readByClientCode(code: string): Promise<Identity>
  /**
   * Whose code it is, of those that DingTalk's login page sends a browser back with.
   * @throws AppError as above; `permanent OTHER_CORPORATION` or `EXTERNAL_CONTACT`: no colleague
   */
  readByBrowserCode(code: string): Promise<Identity>
  /** @throws AppError `permanent IM_USER_NOT_FOUND` when there is no such person (any more) */
  readContact(userId: string): Promise<Contact>
}

/**
 * DingTalk takes 20 calls a second of an app. A login's call that is one too many is made again in its place, so that whoever
 * has a right code does not pay for a flood of wrong ones; a code is not spent by a call that was throttled.
 */
const THROTTLED = { tries: 5, longestMs: 2_000 }

const optionalText = maybeText.transform((text) => text?.trim() || undefined)
const name = maybeText.transform((text) => text ?? '')

/** Page "obtain-the-userid-of-a-user-by-using-the-log-free". */
const ClientLogin = fields({ userid: someText, unionid: optionalText, name })
/** Page "obtain-user-token". */
const UserToken = fields({ accessToken: someText, corpId: name })
/** Page "dingtalk-retrieve-user-information". */
const Me = fields({ unionId: someText, nick: name })
/** Page "query-a-user-by-the-union-id"; numbers may come as texts. */
const ByUnionId = fields({ contact_type: someNumber, userid: someText })
/** Page "query-user-details". `email` is left out: people write it themselves. */
const Detail = fields({ name, mobile: optionalText, org_email: optionalText, active: maybeFlag })

export function createPeople(
  app: DingTalkApp & { corpId: string },
  deps: { apiUrl: string; send: SendHttp; oapi: OapiClient },
): DingTalkPeople {
  const ask = async (method: 'GET' | 'POST', path: string, given: { body?: unknown; token?: string }) => {
    const headers = given.token === undefined ? {} : { 'x-acs-dingtalk-access-token': given.token }
    const body = given.body === undefined ? {} : { body: given.body }
    const answer = await deps.send({ method, url: deps.apiUrl + path, headers, timeoutMs: CALL_TIMEOUT_MS, ...body })
    return readAnswer(answer, `${method} ${path}`, [app.clientSecret, ...Object.values(headers)])
  }
  const askOapi = (path: string, body: object) => untilTaken(() => deps.oapi.call('POST', path, body))

  const exchange = async (code: string): Promise<z.infer<typeof UserToken>> => {
    const { clientId, clientSecret } = app
    const body = { clientId, clientSecret, code, grantType: 'authorization_code' }
    const asked = untilTaken(() => ask('POST', '/v1.0/oauth2/userAccessToken', { body }))
    const answer = await asked.catch((error: unknown) => {
      // What a bad code is answered with is not published; whatever is refused for good is taken for that.
      if (!(error instanceof AppError) || error.failure.kind !== 'permanent') throw error
      throw new AppError({ kind: 'permanent', code: 'LOGIN_CODE_INVALID' }, error.message, { cause: error })
    })
    return read(UserToken, answer, 'the user token')
  }

  return {
    async readByClientCode(code) {
      const { result } = await askOapi('/topapi/v2/user/getuserinfo', { code })
      const { userid: userId, unionid: unionId, name } = read(ClientLogin, result, 'the login')
      return { corpId: app.corpId, userId, unionId, name }
    },
    async readByBrowserCode(code) {
      const { accessToken, corpId } = await exchange(code)
      if (corpId !== app.corpId) {
        throw new AppError({ kind: 'permanent', code: 'OTHER_CORPORATION' }, 'a login from another corporation')
      }
      const self = await untilTaken(() => ask('GET', '/v1.0/contact/users/me', { token: accessToken }))
      const me = read(Me, self, 'who logged in')
      const { result } = await askOapi('/topapi/user/getbyunionid', { unionid: me.unionId })
      const { contact_type: contactType, userid: userId } = read(ByUnionId, result, 'the person')
      if (contactType !== 0) {
        throw new AppError({ kind: 'permanent', code: 'EXTERNAL_CONTACT' }, 'a login of an external contact')
      }
      return { corpId, userId, unionId: me.unionId, name: me.nick }
    },
    async readContact(userId) {
      const { result } = await deps.oapi.call('POST', '/topapi/v2/user/get', { userid: userId, language: 'zh_CN' })
      const { name, mobile, org_email: orgEmail, active } = read(Detail, result, 'the person')
      return { name, mobile, orgEmail, active: active !== false }
    },
  }
}

async function untilTaken<T>(call: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await call()
    } catch (error) {
      if (!(error instanceof AppError) || error.failure.kind !== 'throttled') throw error
      const { retryAfterMs } = error.failure
      if (tries === THROTTLED.tries || retryAfterMs > THROTTLED.longestMs) throw error
      await new Promise((resolve) => setTimeout(resolve, retryAfterMs))
    }
  }
}

function read<T extends z.ZodType>(schema: T, value: unknown, what: string): z.infer<T> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const field = parsed.error.issues[0]?.path.join('.') ?? '(body)'
  throw new AppError({ kind: 'retryable', code: 'IM_ERROR' }, `DingTalk's answer about ${what} lacks ${field}`)
}
