import { ApiRefusal } from './errors.ts'
import type { FailedList } from './failed-list.ts'
import { isRecord, type Json, parseJson } from './fields.ts'
import type { Answer, Call } from './http-server.ts'
import { newOapiRequestId } from './ids.ts'
import type { CallRate } from './limits.ts'
import { GatewayRefusal, OapiRefusal } from './oapi-errors.ts'
import type { PeopleApi } from './people-api.ts'
import type { SessionBook } from './sessions.ts'
import type { TokenBook } from './tokens.ts'
import type { ApiName, App } from './types.ts'
import type { World } from './world.ts'

type Endpoint = { api: ApiName; path: string; scope: string } & (
  | { method: 'POST'; run: (app: App, body: Json) => Json }
  /** An old one, whose answer lies at the top. */
  | { method: 'GET'; runWhole: (app: App) => Json }
)

type Deps = {
  world: World
  tokens: TokenBook
  rate: CallRate
  people: PeopleApi
  failed: FailedList
  sessions: SessionBook
}

/** The oapi family, https://oapi.dingtalk.com: always HTTP 200, `errcode` tells (D:api-gettoken). */
export class OapiBase {
  #deps: Deps
  #endpoints: Endpoint[]

  constructor(deps: Deps) {
    this.#deps = deps
    const { people, failed } = deps
    this.#endpoints = [
      {
        method: 'GET',
        api: 'get_call_back_failed_result',
        path: '/call_back/get_call_back_failed_result',
        scope: 'qyapi_base',
        runWhole: (app) => failed.fetch(app.clientId),
      },
      {
        method: 'POST',
        api: 'user/getuserinfo',
        path: '/topapi/v2/user/getuserinfo',
        scope: 'qyapi_base',
        run: (app, body) => people.getUserInfo(app, body),
      },
      {
        method: 'POST',
        api: 'user/get',
        path: '/topapi/v2/user/get',
        scope: 'qyapi_get_member',
        run: (app, body) => people.getUser(app, body),
      },
      {
        method: 'POST',
        api: 'user/getbyunionid',
        path: '/topapi/user/getbyunionid',
        scope: 'qyapi_get_member',
        run: (app, body) => people.getByUnionId(app, body),
      },
    ]
  }

  nameOf(call: Call): ApiName | 'unknown' {
    if (call.method === 'GET' && call.path === '/gettoken') return 'gettoken'
    if (this.#deps.sessions.isMeant(call)) return 'sendBySession'
    return this.#find(call)?.api ?? 'unknown'
  }

  answer(call: Call): Answer {
    if (this.nameOf(call) === 'gettoken') return { status: 200, body: this.#getToken(call) }
    if (this.#deps.sessions.isMeant(call)) return this.#deps.sessions.send(call)
    const endpoint = this.#find(call)
    return { status: 200, body: endpoint ? this.#run(endpoint, call) : unknownMethod(call) }
  }

  #find(call: Call): Endpoint | undefined {
    return this.#endpoints.find(({ method, path }) => method === call.method && path === call.path)
  }

  #run(endpoint: Endpoint, call: Call): Json {
    try {
      const app = this.#authenticate(call)
      this.#admit(app, endpoint.api)
      if (!app.scopes.includes(endpoint.scope)) {
        throw new GatewayRefusal('60011', `应用尚未开通所需的权限：[${endpoint.scope}]`)
      }
      if ('runWhole' in endpoint) return endpoint.runWhole(app)
      const parsed = call.raw === '' ? { ok: true as const, value: {} } : parseJson(call.raw)
      if (!parsed.ok || !isRecord(parsed.value)) throw new OapiRefusal(43008, '参数需要json类型')
      return { errcode: 0, errmsg: 'ok', result: endpoint.run(app, parsed.value), request_id: newOapiRequestId() }
    } catch (error) {
      if (error instanceof OapiRefusal) {
        return { errcode: error.errcode, errmsg: error.message, request_id: newOapiRequestId() }
      }
      if (!(error instanceof GatewayRefusal)) throw error
      const { subCode, message } = error
      return {
        errcode: 88,
        sub_code: subCode,
        sub_msg: message,
        errmsg: `ding talk error[subcode=${subCode},submsg=${message}]`,
        request_id: newOapiRequestId(),
      }
    }
  }

  #authenticate(call: Call): App {
    const token = call.query.get('access_token') ?? ''
    if (token === '') throw new GatewayRefusal('40000', 'access_token is blank')
    const clientId = this.#deps.tokens.findOwner(token)
    if (clientId === undefined) throw new GatewayRefusal('40014', '不合法的access_token')
    return this.#deps.world.getApp(clientId)
  }

  #admit(app: App, api: string): void {
    try {
      this.#deps.rate.admit(app.clientId, api)
    } catch (error) {
      if (!(error instanceof ApiRefusal)) throw error
      throw new GatewayRefusal('90018', error.message)
    }
  }

  #getToken(call: Call): Json {
    const appKey = call.query.get('appkey')
    if (!appKey) return { errcode: 40035, errmsg: '缺少参数 corpid or appkey' }
    const app = this.#deps.world.apps.get(appKey)
    if (!app || app.clientSecret !== call.query.get('appsecret')) {
      return { errcode: 40096, errmsg: '不合法的appKey或appSecret' }
    }
    const { token, expiresInS } = this.#deps.tokens.fetch(app.clientId, 'oapi')
    return { errcode: 0, access_token: token, errmsg: 'ok', expires_in: expiresInS }
  }
}

function unknownMethod(call: Call): Json {
  const name = call.path.replaceAll('/', '.').replace(/^\./, '')
  const sub_msg = `不合法ApiName，ApiName = ${name}`
  return { errcode: 22, sub_msg, errmsg: `Invalid method[${name}]`, request_id: newOapiRequestId() }
}
