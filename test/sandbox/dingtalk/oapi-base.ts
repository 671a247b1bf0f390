import type { FailedList } from './failed-list.ts'
import type { Json } from './fields.ts'
import type { Answer, Call } from './http-server.ts'
import { newOapiRequestId } from './ids.ts'
import type { TokenBook } from './tokens.ts'
import type { ApiName, App } from './types.ts'
import type { World } from './world.ts'

type Endpoint = { api: ApiName; method: string; path: string } & (
  | { scope: string; run: (app: App, call: Call) => Json }
  | { anonymous: (call: Call) => Json }
)

/** The oapi family, https://oapi.dingtalk.com: always HTTP 200, `errcode` tells (D:api-gettoken). */
export class OapiBase {
  #world: World
  #tokens: TokenBook
  #endpoints: Endpoint[]

  constructor(world: World, tokens: TokenBook, failed: FailedList) {
    this.#world = world
    this.#tokens = tokens
    this.#endpoints = [
      { api: 'gettoken', method: 'GET', path: '/gettoken', anonymous: (call) => this.#getToken(call) },
      {
        api: 'get_call_back_failed_result',
        method: 'GET',
        path: '/call_back/get_call_back_failed_result',
        scope: 'qyapi_base',
        run: (app) => failed.fetch(app.clientId),
      },
    ]
  }

  nameOf(call: Call): ApiName | 'unknown' {
    return this.#find(call)?.api ?? 'unknown'
  }

  answer(call: Call): Answer {
    return { status: 200, body: this.#run(call) }
  }

  #find(call: Call): Endpoint | undefined {
    return this.#endpoints.find(({ method, path }) => method === call.method && path === call.path)
  }

  #run(call: Call): Json {
    const endpoint = this.#find(call)
    if (!endpoint) return unknownMethod(call)
    if ('anonymous' in endpoint) return endpoint.anonymous(call)
    const token = call.query.get('access_token') ?? ''
    if (token === '') return wrapped('40000', 'access_token is blank')
    const app = this.#world.apps.get(this.#tokens.findOwner(token) ?? '')
    if (!app) return wrapped('40014', '不合法的access_token')
    if (!app.scopes.includes(endpoint.scope)) return wrapped('60011', `应用尚未开通所需的权限：[${endpoint.scope}]`)
    return endpoint.run(app, call)
  }

  #getToken(call: Call): Json {
    const appKey = call.query.get('appkey')
    if (!appKey) return { errcode: 40035, errmsg: '缺少参数 corpid or appkey' }
    const app = this.#world.apps.get(appKey)
    if (!app || app.clientSecret !== call.query.get('appsecret')) {
      return { errcode: 40096, errmsg: '不合法的appKey或appSecret' }
    }
    const { token, expiresInS } = this.#tokens.fetch(app.clientId, 'oapi')
    return { errcode: 0, access_token: token, errmsg: 'ok', expires_in: expiresInS }
  }
}

/** Faults found by the gateway of this family come wrapped (D 5.3). */
function wrapped(subCode: string, subMsg: string): Json {
  return {
    errcode: 88,
    sub_code: subCode,
    sub_msg: subMsg,
    errmsg: `ding talk error[subcode=${subCode},submsg=${subMsg}]`,
    request_id: newOapiRequestId(),
  }
}

function unknownMethod(call: Call): Json {
  const name = call.path.replaceAll('/', '.').replace(/^\./, '')
  const sub_msg = `不合法ApiName，ApiName = ${name}`
  return { errcode: 22, sub_msg, errmsg: `Invalid method[${name}]`, request_id: newOapiRequestId() }
}
