import type { MonthlyBooks } from './books.ts'
import type { CardApi } from './card-api.ts'
import type { CardRoutes } from './card-callback.ts'
import { ApiRefusal } from './errors.ts'
import type { Json } from './fields.ts'
import { isRecord, parseJson, textOf } from './fields.ts'
import { queryMembers, queryRobots, querySceneGroup } from './group-api.ts'
import type { Answer, Call } from './http-server.ts'
import type { CallRate } from './limits.ts'
import type { PeopleApi } from './people-api.ts'
import type { RobotApi } from './robot-api.ts'
import type { StreamOpen } from './stream-open.ts'
import { toXml } from './stream-open.ts'
import type { TokenBook } from './tokens.ts'
import type { ApiName, App } from './types.ts'
import type { World } from './world.ts'

const TOKEN_HEADER = 'x-acs-dingtalk-access-token'

/** Tokens and tickets cost nothing of the month (D:basic-interfaces-such-as-log-off-and-address-book). */
const FREE = new Set<ApiName>(['accessToken', 'connections/open', 'jsapiTickets'])

type Endpoint = { api: ApiName; method: string; path: string } & (
  | { scope: string; bodyless?: true; run: (app: App, body: Json) => Json }
  | { anonymous: (body: Json, call: Call) => Json }
  /** Asked with the token of a person, not of an app. */
  | { userToken: (token: string) => Json }
)

type Deps = {
  world: World
  tokens: TokenBook
  rate: CallRate
  books: MonthlyBooks
  cards: CardApi
  cardRoutes: CardRoutes
  robots: RobotApi
  people: PeopleApi
  streamOpen: StreamOpen
}

/** The api family: what https://api.dingtalk.com answers. */
export class ApiBase {
  #deps: Deps
  #endpoints: Endpoint[]

  constructor(deps: Deps) {
    this.#deps = deps
    const { world, cards, cardRoutes, robots, people, streamOpen } = deps
    const card = { path: '/v1.0/card/instances', scope: 'Card.Instance.Write' }
    const robot = { method: 'POST', scope: 'qyapi_robot_sendmsg' }
    this.#endpoints = [
      {
        api: 'accessToken',
        method: 'POST',
        path: '/v1.0/oauth2/accessToken',
        anonymous: (body) => this.#accessToken(body),
      },
      {
        api: 'connections/open',
        method: 'POST',
        path: '/v1.0/gateway/connections/open',
        anonymous: (body, call) => streamOpen.open(body, call.headers['host'] ?? ''),
      },
      {
        api: 'userAccessToken',
        method: 'POST',
        path: '/v1.0/oauth2/userAccessToken',
        anonymous: (body) => people.userAccessToken(body),
      },
      {
        api: 'contact/users/me',
        method: 'GET',
        path: '/v1.0/contact/users/me',
        userToken: (token) => people.me(token),
      },
      {
        api: 'jsapiTickets',
        method: 'POST',
        path: '/v1.0/oauth2/jsapiTickets',
        scope: 'qyapi_base',
        bodyless: true,
        run: (app) => this.#jsapiTicket(app),
      },
      { ...card, api: 'createCard', method: 'POST', run: (app, body) => cards.create(app, body) },
      { ...card, api: 'updateCard', method: 'PUT', run: (app, body) => cards.update(app, body) },
      {
        ...card,
        api: 'createAndDeliver',
        method: 'POST',
        path: '/v1.0/card/instances/createAndDeliver',
        run: (app, body) => cards.createAndDeliver(app, body),
      },
      {
        api: 'card/streaming',
        method: 'PUT',
        path: '/v1.0/card/streaming',
        scope: 'Card.Streaming.Write',
        run: (app, body) => cards.stream(app, body),
      },
      {
        ...card,
        api: 'deliver',
        method: 'POST',
        path: '/v1.0/card/instances/deliver',
        run: (app, body) => cards.deliver(app, body),
      },
      {
        ...card,
        api: 'callbacks/register',
        method: 'POST',
        path: '/v1.0/card/callbacks/register',
        run: (app, body) => cardRoutes.register(app, body),
      },
      {
        ...robot,
        api: 'groupMessages/send',
        path: '/v1.0/robot/groupMessages/send',
        run: (app, body) => robots.sendToGroup(app, body),
      },
      {
        ...robot,
        api: 'oToMessages/batchSend',
        path: '/v1.0/robot/oToMessages/batchSend',
        run: (app, body) => robots.sendToUsers(app, body),
      },
      {
        api: 'sceneGroups/query',
        method: 'POST',
        path: '/v1.0/im/sceneGroups/query',
        scope: 'qyapi_chat_manage',
        run: (app, body) => querySceneGroup(world, app, body),
      },
      {
        api: 'members/batchQuery',
        method: 'POST',
        path: '/v1.0/im/sceneGroups/members/batchQuery',
        scope: 'qyapi_chat_manage',
        run: (app, body) => queryMembers(world, app, body),
      },
      {
        api: 'robots/query',
        method: 'POST',
        path: '/v1.0/robot/groups/robots/query',
        scope: 'qyapi_chat_manage',
        run: (app, body) => queryRobots(world, app, body),
      },
    ]
  }

  nameOf(call: Call): ApiName | 'unknown' {
    return this.#find(call)?.api ?? 'unknown'
  }

  answer(call: Call): Answer {
    const endpoint = this.#find(call)
    if (!endpoint) return unknownPath(call)
    const answer = this.#run(endpoint, call)
    if (endpoint.api !== 'connections/open' || 'accept' in call.headers) return answer
    return { ...answer, body: toXml(answer.body as Json), contentType: 'application/xml;charset=utf-8' }
  }

  #find(call: Call): Endpoint | undefined {
    return this.#endpoints.find(({ method, path }) => method === call.method && path === call.path)
  }

  #run(endpoint: Endpoint, call: Call): Answer {
    try {
      if ('anonymous' in endpoint) return { status: 200, body: endpoint.anonymous(readBody(call), call) }
      if ('userToken' in endpoint) return { status: 200, body: endpoint.userToken(readToken(call)) }
      const app = this.#authenticate(call)
      this.#deps.rate.admit(app.clientId, endpoint.api)
      if (!FREE.has(endpoint.api)) this.#deps.books.admitCall()
      if (!app.scopes.includes(endpoint.scope)) throw scopeMissing(endpoint.scope)
      return { status: 200, body: endpoint.run(app, endpoint.bodyless ? {} : readBody(call)) }
    } catch (error) {
      if (!(error instanceof ApiRefusal)) throw error
      return { status: error.status, body: error.envelope() }
    }
  }

  #authenticate(call: Call): App {
    const clientId = this.#deps.tokens.findOwner(readToken(call))
    if (clientId === undefined) throw new ApiRefusal(400, 'InvalidAuthentication', '不合法的access_token')
    return this.#deps.world.getApp(clientId)
  }

  /** D:create-a-jsapi-ticket: the same one while it lives. */
  #jsapiTicket(app: App): Json {
    const { token, expiresInS } = this.#deps.tokens.fetch(app.clientId, 'jsapi')
    return { jsapiTicket: token, expireIn: expiresInS }
  }

  #accessToken(body: Json): Json {
    const app = this.#deps.world.apps.get(textOf(body['appKey']))
    if (!app || app.clientSecret !== body['appSecret']) {
      throw new ApiRefusal(400, 'invalidClientIdOrSecret', '无效的clientId或者clientSecret')
    }
    const { token, expiresInS } = this.#deps.tokens.fetch(app.clientId, 'api')
    return { accessToken: token, expireIn: expiresInS }
  }
}

function readToken(call: Call): string {
  const token = call.headers[TOKEN_HEADER] ?? ''
  if (token !== '') return token
  throw new ApiRefusal(400, 'AuthenticationFailed.MissingParameter', `缺少参数：${TOKEN_HEADER}`)
}

/** The body must be a JSON object under a JSON content type (seen in the field at the token API). */
function readBody(call: Call): Json {
  const parsed = parseJson(call.raw)
  const isJson = (call.headers['content-type'] ?? '').toLowerCase().startsWith('application/json')
  if (isJson && parsed.ok && isRecord(parsed.value)) return parsed.value
  throw new ApiRefusal(400, 'Missingbody', 'body is mandatory for this action')
}

function scopeMissing(scope: string): ApiRefusal {
  return new ApiRefusal(
    403,
    'Forbidden.AccessDenied.AccessTokenPermissionDenied',
    `应用尚未开通所需的权限：[${scope}]`,
    {
      accessdenieddetail: { requiredScopes: [scope] },
    },
  )
}

/** Paths without a version get the answer of the older gateway. */
function unknownPath(call: Call): Answer {
  if (!/^\/v\d+\.\d+\//.test(call.path)) return { status: 200, body: { errcode: 404, errmsg: '请求的URI地址不存在' } }
  return { status: 404, body: new ApiRefusal(404, 'error.notFound', '请求的URI地址不存在').envelope() }
}
