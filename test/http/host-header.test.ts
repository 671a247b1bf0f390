import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { bootImpatient, expectSilence, type ImpatientApp } from '../support/journey.ts'
import { headOf, openRaw } from '../support/raw-http.ts'
import { VisitorBrowser } from '../support/visitor.ts'
import { createWorld, type World } from '../support/world.ts'

/** Where a request says that it went is whatever its sender likes: no address is built from it. */

let world: World
let app: ImpatientApp
let id: string

async function open(env: Record<string, string>): Promise<void> {
  world = await createWorld({ env })
  app = await bootImpatient(world)
  id = world.integrationId
}
async function close(): Promise<void> {
  expectSilence(world, app.lines)
  await app.stop()
  await world.close()
}

const EVIL = 'evil.example'
const CLAIMS: [name: string, target: (path: string) => string, headers: Record<string, string>][] = [
  ['Host', (path) => path, { host: EVIL }],
  ['Host with a port', (path) => path, { host: `${EVIL}:443` }],
  ['X-Forwarded-Host', (path) => path, { 'x-forwarded-host': EVIL, 'x-forwarded-proto': 'https' }],
  ['Forwarded', (path) => path, { forwarded: `host=${EVIL};proto=https` }],
  ['X-Original-Host, X-Host', (path) => path, { 'x-original-host': EVIL, 'x-host': EVIL, 'x-forwarded-server': EVIL }],
  ['the whole address', (path) => `http://${EVIL}${path}`, {}],
  ['the whole address and Host', (path) => `https://${EVIL}${path}`, { host: EVIL }],
]
const PAGES = ['', '/', '/pc', '/login', '/login?return=/', '/login/browser', '/login/callback?code=x&state=y', '/link']

/** All that comes back, its head included. */
async function ask(method: string, target: string, headers: Record<string, string>): Promise<string> {
  const raw = await openRaw(app.url)
  raw.socket.write(headOf(method, target, { ...headers, connection: 'close' }))
  return raw.ended
}

async function expectNothingOfIt(claim: (typeof CLAIMS)[number]): Promise<void> {
  const [, target, headers] = claim
  const paths = [...PAGES.map((page) => `/h5/${id}${page}`), '/h5/nobody/', '/h5/nobody', '/nowhere', '/readyz']
  for (const path of paths) {
    const heard = await ask('GET', target(path), headers)
    expect(heard).toMatch(/^HTTP\/1\.1 [2345]/)
    expect([path, heard.includes(EVIL)]).toEqual([path, false])
  }
}

describe('without PUBLIC_URL', () => {
  beforeAll(() => open({ PUBLIC_URL: '' }))
  afterAll(close)

  test.each(CLAIMS)('%s leads nowhere', async (...claim) => {
    await expectNothingOfIt(claim)
  })

  test('logging in from a browser says what is missing, and offers no way that leads nowhere', async () => {
    for (const path of ['/login/browser', `/login/browser?return=/h5/${id}/pc`]) {
      const seen = await new VisitorBrowser(app.url).get(`/h5/${id}${path}`)
      expect([seen.status, seen.location, seen.cookies]).toEqual([503, null, []])
      expect(seen.text).toContain('联系管理员设置 PUBLIC_URL')
    }
    for (const [language, words] of [
      ['zh-CN', '联系管理员设置 PUBLIC_URL'],
      ['en-US', 'ask the administrator to set PUBLIC_URL'],
    ] as const) {
      const { status, text } = await new VisitorBrowser(app.url, { 'accept-language': language }).get(`/h5/${id}/`)
      expect([status, text.includes(words)]).toEqual([200, true])
      expect(text).not.toContain('/login/browser')
    }
  })

  test('logging in from inside DingTalk works, and so do the pages', async () => {
    const visitor = new VisitorBrowser(app.url, { 'user-agent': 'DingTalk/7.6.0' })
    expect((await visitor.get(`/h5/${id}/`)).text).toContain('正在通过钉钉登录')
    const code = world.dingtalk.control.clientCode(world.dingtalkApp.clientId, world.people.zhang.user.userId)
    const done = await visitor.logIn(`/h5/${id}`, code)
    expect(JSON.parse(done.text)).toEqual({ next: `/h5/${id}/` })
    expect((await visitor.get(`/h5/${id}/link`)).text).toContain('你好，张三')
  })
})

describe('with PUBLIC_URL', () => {
  beforeAll(() => open({}))
  afterAll(close)

  test.each(CLAIMS)('%s changes nothing', async (...claim) => {
    await expectNothingOfIt(claim)
    const [, target, headers] = claim
    const sent = await ask('GET', target(`/h5/${id}/login/browser`), headers)
    const location = /^location: (.*)$/im.exec(sent)?.[1]?.trim() ?? ''
    expect(new URL(location).searchParams.get('redirect_uri')).toBe(
      `https://oncall.example.com/fd/h5/${id}/login/callback`,
    )
  })
})
