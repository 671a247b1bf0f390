import { ApiRefusal, refuse } from './errors.ts'
import type { Json } from './fields.ts'
import { textOf } from './fields.ts'
import type { LoginBook } from './login-codes.ts'
import { OapiRefusal } from './oapi-errors.ts'
import type { App, User } from './types.ts'
import type { World } from './world.ts'

/** Who somebody is: the calls behind a login, and the directory. */
export class PeopleApi {
  #world: World
  #logins: LoginBook

  constructor(world: World, logins: LoginBook) {
    this.#world = world
    this.#logins = logins
  }

  /** D:obtain-the-userid-of-a-user-by-using-the-log-free */
  getUserInfo(app: App, body: Json): Json {
    const code = textOf(body['code'])
    if (code === '') throw new OapiRefusal(41026, '缺少code参数')
    const login = this.#logins.redeem('client', app.clientId, code)
    if (!login) throw new OapiRefusal(40078, '不存在的临时授权码')
    const user = this.#getUser(login.userId)
    return {
      userid: user.userId,
      unionid: user.unionId,
      associated_unionid: `${user.unionId}A`,
      device_id: 'dev0001',
      name: user.name,
      sys: false,
      sys_level: 0,
    }
  }

  /** D:query-user-details. What people may hide, and what needs a permission of its own, is left out then. */
  getUser(app: App, body: Json): Json {
    const userId = textOf(body['userid'])
    if (userId === '') throw new OapiRefusal(40035, '缺少参数 userid')
    const user = this.#getUser(userId)
    if (!this.#world.isVisible(app, userId)) throw new OapiRefusal(50002, '请求的员工userid不在授权范围内')
    return {
      userid: user.userId,
      unionid: user.unionId,
      name: user.name,
      active: true,
      admin: false,
      boss: false,
      dept_id_list: [1],
      ...(app.scopes.includes('fieldMobile') && user.mobile !== '' ? { mobile: user.mobile, state_code: '86' } : {}),
      ...(app.scopes.includes('fieldEmail') ? { email: user.email, org_email: user.orgEmail } : {}),
    }
  }

  /** D:query-a-user-by-the-union-id */
  getByUnionId(_app: App, body: Json): Json {
    const user = this.#world.findUser(textOf(body['unionid']), 2)
    if (!user) throw new OapiRefusal(60121, '找不到该用户')
    return { contact_type: user.external ? 1 : 0, userid: user.userId }
  }

  /** D:obtain-user-token */
  userAccessToken(body: Json): Json {
    const app = this.#world.apps.get(textOf(body['clientId']))
    if (!app || app.clientSecret !== body['clientSecret'])
      refuse('invalidClientIdOrSecret', '无效的clientId或者clientSecret')
    if (body['grantType'] !== 'authorization_code') refuse('invalidParameter.grantType.notSupport')
    const login = this.#logins.redeem('browser', app.clientId, textOf(body['code']))
    if (!login) refuse('invalidParameter.authCode.notFound', '不存在的授权码')
    const { token, expiresInS } = this.#logins.issueUserToken(login)
    return { accessToken: token, refreshToken: `${token}r`, expireIn: expiresInS, corpId: login.corpId }
  }

  /** D:dingtalk-retrieve-user-information, asked with a user's own token. */
  me(userToken: string): Json {
    const login = this.#logins.findUserToken(userToken)
    if (!login) throw new ApiRefusal(400, 'InvalidAuthentication', '不合法的access_token')
    const app = this.#world.getApp(login.clientId)
    if (!app.scopes.includes('Contact.User.Read')) {
      throw new ApiRefusal(
        403,
        'Forbidden.AccessDenied.AccessTokenPermissionDenied',
        '应用尚未开通所需的权限：[Contact.User.Read]',
        { accessdenieddetail: { requiredScopes: ['Contact.User.Read'] } },
      )
    }
    const user = this.#world.users.get(login.userId)
    if (!user) refuse('userId.notExisted')
    return { nick: user.name, unionId: user.unionId, openId: `open${user.unionId}`, stateCode: '86', visitor: false }
  }

  #getUser(userId: string): User {
    const user = this.#world.users.get(userId)
    if (!user) throw new OapiRefusal(60121, '找不到该用户')
    return user
  }
}
