import type { Json } from './fields.ts'
import type { Answer, Call } from './http-server.ts'
import { newOapiRequestId } from './ids.ts'
import type { TokenBook } from './tokens.ts'
import type { ApiName } from './types.ts'
import type { World } from './world.ts'

/** The oapi family, https://oapi.dingtalk.com: always HTTP 200, `errcode` tells (D:api-gettoken). */
export class OapiBase {
  #world: World
  #tokens: TokenBook

  constructor(world: World, tokens: TokenBook) {
    this.#world = world
    this.#tokens = tokens
  }

  nameOf(call: Call): ApiName | 'unknown' {
    return call.method === 'GET' && call.path === '/gettoken' ? 'gettoken' : 'unknown'
  }

  answer(call: Call): Answer {
    const body = this.nameOf(call) === 'gettoken' ? this.#getToken(call) : unknownMethod(call)
    return { status: 200, body }
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

function unknownMethod(call: Call): Json {
  const name = call.path.replaceAll('/', '.').replace(/^\./, '')
  const sub_msg = `不合法ApiName，ApiName = ${name}`
  return { errcode: 22, sub_msg, errmsg: `Invalid method[${name}]`, request_id: newOapiRequestId() }
}
