import type { Answer, Call } from './http-server.ts'
import type { LoginBook } from './login-codes.ts'
import type { ApiName, App } from './types.ts'
import type { World } from './world.ts'

/**
 * Stand-in for https://login.dingtalk.com: the page a browser is sent to, which lets it log in as anybody and sends it
 * back with a code (D:obtain-identity-credentials).
 */
export class LoginPage {
  #world: World
  #logins: LoginBook

  constructor(world: World, logins: LoginBook) {
    this.#world = world
    this.#logins = logins
  }

  nameOf(call: Call): ApiName | 'unknown' {
    if (call.method !== 'GET') return 'unknown'
    return call.path === '/oauth2/auth' || call.path === '/oauth2/choose' ? 'oauth2/auth' : 'unknown'
  }

  answer(call: Call): Answer {
    if (this.nameOf(call) === 'unknown') return page(404, '<p>404</p>')
    const problem = this.#problemOf(call.query)
    if (problem !== undefined) return page(400, `<p id="problem">${escapeHtml(problem)}</p>`)
    return call.path === '/oauth2/auth' ? this.#choice(call.query) : this.#sendBack(call.query)
  }

  #problemOf(query: URLSearchParams): string | undefined {
    if (!this.#world.apps.has(query.get('client_id') ?? '')) return 'client_id 不存在'
    if (query.get('response_type') !== 'code') return 'response_type 只支持 code'
    if (!/^https?:\/\//.test(query.get('redirect_uri') ?? '')) return 'redirect_uri 不合法'
    const scope = (query.get('scope') ?? '').split(' ')
    return scope.includes('openid') ? undefined : 'scope 需包含 openid'
  }

  #choice(query: URLSearchParams): Answer {
    const link = (text: string, fields: Record<string, string>): string => {
      const target = new URLSearchParams({ ...Object.fromEntries(query), ...fields }).toString()
      return `<li><a href="/oauth2/choose?${escapeHtml(target)}">${escapeHtml(text)}</a></li>`
    }
    const people = [...this.#world.users.values()].map(({ userId, name }) => link(`以 ${name} 登录`, { as: userId }))
    const elsewhere = [...this.#world.users.values()]
      .slice(0, 1)
      .map(({ userId, name }) => link(`以其他企业的 ${name} 登录`, { as: userId, at: 'dingothercorp' }))
    return page(200, `<h1>钉钉登录</h1><ul>${[...people, ...elsewhere, link('取消', {})].join('')}</ul>`)
  }

  #sendBack(query: URLSearchParams): Answer {
    const app = this.#world.getApp(query.get('client_id') ?? '')
    const target = new URL(query.get('redirect_uri') ?? '')
    const answer = this.#codeFor(app, query)
    for (const [name, value] of Object.entries(answer)) target.searchParams.set(name, value)
    const state = query.get('state')
    if (state !== null) target.searchParams.set('state', state)
    return { status: 302, body: '', contentType: 'text/html', headers: { location: target.href } }
  }

  #codeFor(app: App, query: URLSearchParams): Record<string, string> {
    const userId = query.get('as')
    if (userId === null) return { error: 'access_denied' }
    const corpId = (query.get('scope') ?? '').split(' ').includes('corpid') ? (query.get('at') ?? app.corpId) : ''
    const { clientId } = app
    return { authCode: this.#logins.issue({ kind: 'browser', clientId, userId, corpId }) }
  }
}

function page(status: number, body: string): Answer {
  const html = `<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>钉钉登录</title>${body}</html>`
  return { status, body: html, contentType: 'text/html; charset=utf-8' }
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
