import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'

import { eventually } from '../support/eventually.ts'
import { expectSilence } from '../support/journey.ts'
import { PAGE, useLoginScene, type Who } from '../support/login-scene.ts'
import type { Seen, VisitorBrowser } from '../support/visitor.ts'

const scene = useLoginScene()
const { browser, clientCode, logIn, greets, sessionCookie, addAnother } = scene

const userIdOf = (who: Who): string => scene.world.people[who].user.userId
const browserCode = (who: Who, corpId?: string): string =>
  scene.world.dingtalk.control.browserCode(scene.world.dingtalkApp.clientId, userIdOf(who), corpId)
const loginCookie = (id = scene.world.integrationId): string => `__Host-fd_login_${id}`
const json = (seen: Seen) => JSON.parse(seen.text) as { next?: string; text?: string; again?: boolean }

/** Goes to DingTalk's login page. @returns the state it was sent with, and where it is to come back to */
async function setOut(
  visitor: VisitorBrowser,
  returnTo = scene.pages + PAGE,
): Promise<{ state: string; callback: string }> {
  const sent = await visitor.get(`${scene.pages}/login/browser?return=${encodeURIComponent(returnTo)}`)
  expect(sent.status).toBe(302)
  const target = new URL(sent.location ?? '')
  const callback = new URL(target.searchParams.get('redirect_uri') ?? '')
  return { state: target.searchParams.get('state') ?? '', callback: callback.pathname }
}

describe('logging in from inside DingTalk', () => {
  test('a code makes a session, and the page that was asked for is shown from then on', async () => {
    const visitor = browser()
    const first = await visitor.get(`${scene.pages}${PAGE}?cid=cidDemo`)
    expect([first.status, first.cookies]).toEqual([200, []])
    expect(first.text).toContain('id="login"')
    const done = await visitor.logIn(scene.pages, clientCode('zhang'), `${scene.pages}${PAGE}?cid=cidDemo`)
    expect([done.status, json(done).next]).toEqual([200, `${scene.pages}${PAGE}?cid=cidDemo`])
    expect(await greets(visitor)).toBe('张三')
  })

  test('the login page says what to ask DingTalk’s client for, and nothing secret', async () => {
    const { text } = await browser().get(`${scene.pages}/`)
    for (const word of [
      scene.world.dingtalkApp.corpId,
      scene.world.dingtalkApp.clientId,
      `data-action="${scene.pages}/login"`,
    ]) {
      expect(text).toContain(word)
    }
    expect(text).not.toContain(scene.world.dingtalkApp.clientSecret)
  })

  test('identity is DingTalk’s answer: what the browser says of itself is nothing', async () => {
    const visitor = browser({ 'x-user-id': userIdOf('li'), 'x-forwarded-user': userIdOf('li') })
    const body = JSON.stringify({ code: clientCode('zhang'), userId: userIdOf('li'), userid: userIdOf('li') })
    await visitor.post(`${scene.pages}/login?userId=${userIdOf('li')}`, body, { 'content-type': 'application/json' })
    expect(await greets(visitor)).toBe('张三')
  })

  test.each<[string, () => string]>([
    ['used before', () => usedCode],
    ['of the other kind', () => browserCode('zhang')],
    ['made up', () => 'nonsense'],
  ])('a code that is %s is answered with words, and worth one more try', async (_what, code) => {
    const answer = await browser().logIn(scene.pages, code())
    expect(answer.status).toBe(401)
    expect(json(answer)).toEqual({ text: expect.stringContaining('授权已失效'), again: true })
    expect(answer.cookies).toEqual([])
  })
  let usedCode = ''
  beforeAll(async () => {
    usedCode = clientCode('zhang')
    await browser().logIn(scene.pages, usedCode)
  })

  test('a code is good for five minutes', async () => {
    const code = clientCode('zhang')
    scene.world.dingtalk.control.advance(301_000)
    expect((await browser().logIn(scene.pages, code)).status).toBe(401)
  })

  test('no other site can send a code: a form’s type is refused', async () => {
    const body = JSON.stringify({ code: clientCode('li') })
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
      const answer = await browser().post(`${scene.pages}/login`, body, { 'content-type': type })
      expect([answer.status, answer.cookies]).toEqual([400, []])
    }
  })

  test('DingTalk’s own trouble is told as such', async () => {
    const { control } = scene.world.dingtalk
    const missing = scene.world.dingtalkApp.scopes.filter((scope) => scope !== 'qyapi_base')
    const restore = () =>
      void control.updateApp(scene.world.dingtalkApp.clientId, { scopes: scene.world.dingtalkApp.scopes })
    onTestFinished(restore)
    control.updateApp(scene.world.dingtalkApp.clientId, { scopes: missing })
    const refused = await browser().logIn(scene.pages, clientCode('li'))
    restore()
    expect([refused.status, json(refused).again]).toEqual([503, false])
    expect(json(refused).text).toContain('权限')
    control.addFault({ api: 'user/getuserinfo', effect: { kind: 'reset' } })
    expect(json(await browser().logIn(scene.pages, clientCode('li'))).text).toContain('无法连接钉钉')
  })

  test('in English for whoever reads that', async () => {
    const visitor = browser({ 'accept-language': 'en-GB,en;q=0.9,zh;q=0.1' })
    expect((await visitor.get(`${scene.pages}/`)).text).toMatch(/<html lang="en-US">[\s\S]*Log in with DingTalk/)
    expect(json(await visitor.logIn(scene.pages, 'nonsense')).text).toContain('try again')
  })
})

describe('logging in from a browser', () => {
  test('through DingTalk’s login page and back to the page that was asked for', async () => {
    const visitor = browser()
    const sent = await visitor.get(`${scene.pages}/login/browser?return=${encodeURIComponent(scene.pages + PAGE)}`)
    const target = new URL(sent.location ?? '')
    expect(target.origin + target.pathname).toBe(`${scene.world.dingtalk.loginUrl}/oauth2/auth`)
    expect(Object.fromEntries(target.searchParams)).toEqual({
      redirect_uri: `https://oncall.example.com${scene.pages}/login/callback`,
      response_type: 'code',
      client_id: scene.world.dingtalkApp.clientId,
      scope: 'openid corpid',
      state: expect.stringMatching(/^[\w-]{32}$/),
      prompt: 'consent',
    })
    const choice = await (await fetch(target)).text()
    const link = /href="([^"]+)">以 李四 登录/.exec(choice)?.[1]?.replaceAll('&amp;', '&') ?? ''
    const back = await fetch(scene.world.dingtalk.loginUrl + link, { redirect: 'manual' })
    const callback = new URL(back.headers.get('location') ?? '')
    const done = await visitor.get(callback.pathname + callback.search)
    expect([done.status, done.location]).toEqual([303, scene.pages + PAGE])
    expect(await greets(visitor)).toBe('李四')
    expect(visitor.cookie(loginCookie())).toBeUndefined()
  })

  test('the state is bound to the browser, and good once', async () => {
    const visitor = browser()
    const { state, callback } = await setOut(visitor)
    const kept = visitor.cookie(loginCookie()) ?? ''
    // Somebody else's browser, as after a link that was foisted on it.
    const victim = browser()
    expect((await victim.get(`${callback}?authCode=${browserCode('li')}&state=${state}`)).status).toBe(400)
    await setOut(victim)
    const foreign = await victim.get(`${callback}?authCode=${browserCode('li')}&state=${state}`)
    expect([foreign.status, foreign.text.includes('不是在此浏览器发起')]).toEqual([400, true])
    expect(await greets(victim)).toBeUndefined()

    expect((await visitor.get(`${callback}?authCode=${browserCode('zhang')}&state=${state}`)).status).toBe(303)
    const again = browser()
    again.setCookie(loginCookie(), kept, '/')
    expect((await again.get(`${callback}?authCode=${browserCode('li')}&state=${state}`)).status).toBe(400)
    expect(await greets(again)).toBeUndefined()
  })

  test('the same address again leads the browser that logged in by it on, and no other', async () => {
    const visitor = browser()
    const { state, callback } = await setOut(visitor)
    const kept = visitor.cookie(loginCookie()) ?? ''
    const address = `${callback}?authCode=${browserCode('zhang')}&state=${state}`
    const first = await visitor.get(address)
    const session = visitor.cookie(sessionCookie())
    const second = await visitor.get(address)
    expect([second.status, second.location]).toEqual([303, first.location])
    expect(visitor.cookie(sessionCookie())).toBe(session)
    expect(await greets(visitor)).toBe('张三')
    const stranger = await logIn('li')
    stranger.setCookie(loginCookie(), kept, '/')
    expect((await stranger.get(address)).status).toBe(400)
    expect(await greets(stranger)).toBe('李四')
  })

  test('the state is good at the integration it was made for, and at no other', async () => {
    const { id, clientId } = await addAnother()
    await eventually('it runs', () =>
      scene.app.lines.some((line) => line.msg === 'integration-started' && line['integrationId'] === id),
    )
    const visitor = browser()
    const { state } = await setOut(visitor)
    const kept = visitor.cookie(loginCookie()) ?? ''
    // Their names keep them apart; whoever brings the cookie along by hand gets no further.
    visitor.setCookie(loginCookie(id), kept, '/')
    const code = scene.world.dingtalk.control.browserCode(clientId, userIdOf('zhang'))
    const foreign = await visitor.get(`/fd/h5/${id}/login/callback?authCode=${code}&state=${state}`)
    expect([foreign.status, foreign.text.includes('不是在此浏览器发起')]).toEqual([400, true])
    expect((await visitor.get(`/fd/h5/${id}/link`)).text).toContain('id="login"')
    // It is not the code's fault.
    const sent = await visitor.get(`/fd/h5/${id}/login/browser?return=`)
    const own = new URL(sent.location ?? '').searchParams.get('state') ?? ''
    expect((await visitor.get(`/fd/h5/${id}/login/callback?authCode=${code}&state=${own}`)).status).toBe(303)
    await scene.world.cli('integration', 'remove', id, '--yes')
  })

  test.each(['', 'x', '%00', 'a'.repeat(32)])('no state but the right one: %s', async (state) => {
    const visitor = browser()
    const { callback } = await setOut(visitor)
    expect((await visitor.get(`${callback}?authCode=${browserCode('li')}&state=${state}`)).status).toBe(400)
  })

  test.each<[string, string, () => string]>([
    ['from another corporation', '企业与此应用不一致', () => browserCode('li', 'dingother')],
    ['of the other kind', '授权已失效', () => clientCode('li')],
    ['made up', '授权已失效', () => 'nonsense'],
  ])('a code %s', async (_what, words, code) => {
    const visitor = browser()
    const { state, callback } = await setOut(visitor)
    const answer = await visitor.get(`${callback}?authCode=${code()}&state=${state}`)
    expect([answer.status, answer.text.includes(words)]).toEqual([401, true])
    expect(await greets(visitor)).toBeUndefined()
  })

  test('a cookie of ours for something else is no state', async () => {
    const visitor = await logIn('zhang')
    visitor.setCookie(loginCookie(), visitor.cookie(sessionCookie()) ?? '', '/')
    const answer = await visitor.get(`${scene.pages}/login/callback?authCode=${browserCode('zhang')}&state=x`)
    expect(answer.status).toBe(400)
  })

  test('an external contact is nobody’s colleague; who thinks better of it is told so', async () => {
    const { control } = scene.world.dingtalk
    const guest = control.createUser({ name: '外部客户', external: true })
    const code = control.browserCode(scene.world.dingtalkApp.clientId, guest.userId)
    const visitor = browser()
    const first = await setOut(visitor)
    expect((await visitor.get(`${first.callback}?code=${code}&state=${first.state}`)).text).toContain('外部联系人')
    const second = await setOut(visitor)
    const denied = await visitor.get(`${second.callback}?error=access_denied&state=${second.state}`)
    expect(denied.text).toContain('登录已取消')
  })

  test.each([
    'https://evil.example/',
    '//evil.example/',
    '/\\evil.example/',
    '\\\\evil.example',
    'javascript:alert(1)',
    '/fd/h5/other/',
    '/fd/readyz',
    './../../readyz',
    'http://here@evil.example/',
    '/%2F/evil.example',
    ' https://evil.example',
  ])('goes back nowhere else: %s', async (wanted) => {
    const home = `${scene.pages}/`
    const handed = await browser().logIn(scene.pages, clientCode('zhang'), wanted)
    expect(json(handed).next).toBe(home)
    const visitor = browser()
    const { state, callback } = await setOut(visitor, wanted)
    const done = await visitor.get(`${callback}?authCode=${browserCode('zhang')}&state=${state}`)
    expect(done.location).toBe(home)
    expect((await browser().get(`${scene.pages}/login?return=${encodeURIComponent(wanted)}`)).text).not.toContain(
      'evil',
    )
  })
})

describe('headers', () => {
  test.each(['/', '/link', '/login', '/login?out=1'])('of %s', async (path) => {
    for (const visitor of [browser(), await logIn('zhang')]) {
      const { headers, text } = await visitor.get(scene.pages + path)
      const policy = headers.get('content-security-policy') ?? ''
      const directives = new Map(policy.split('; ').map((part) => part.split(/ (.*)/s) as [string, string]))
      expect(directives.get('default-src')).toBe("'none'")
      expect(directives.get('script-src')).toBe("'self'")
      expect(directives.get('style-src')).toBe("'self'")
      expect(directives.get('form-action')).toBe("'self'")
      expect(directives.get('base-uri')).toBe("'none'")
      expect(directives.get('frame-ancestors')).toBe('https://*.dingtalk.com')
      expect(policy).not.toContain('unsafe')
      // Nothing inline.
      expect(text.match(/<style|<script(?! src=)| on\w+=| style=/g)).toBeNull()
      expect(headers.get('cache-control')).toBe('no-store')
      expect(headers.get('referrer-policy')).toBe('same-origin')
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('x-frame-options')).toBeNull()
    }
  })

  test('the script may be kept for good, since its address changes with it', async () => {
    const { text } = await browser().get(`${scene.pages}/`)
    const src = /<script src="([^"]+)"/.exec(text)?.[1] ?? ''
    expect(src).toMatch(/^\/fd\/assets\/login-[A-Z0-9]{8}\.js$/)
    for (const path of [src, src.slice('/fd'.length)]) {
      const script = await browser().get(path)
      expect([script.status, script.headers.get('content-type')]).toEqual([200, 'text/javascript; charset=utf-8'])
      expect(script.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
    }
    expect((await browser().get('/assets/login-AAAAAAAA.js')).status).toBe(404)
    expect((await browser().get('/assets/..%2fmain.js')).status).toBe(404)
  })
})

test('people who come while DingTalk does not answer are not made to wait once it does', async () => {
  const from = { 'x-forwarded-for': '192.0.2.50' }
  scene.world.dingtalk.control.addFault({ api: 'user/getuserinfo', times: 80, effect: { kind: 'reset' } })
  for (let batch = 0; batch < 4; batch++) {
    const tries = await Promise.all(Array.from({ length: 20 }, () => browser(from).logIn(scene.pages, 'anything')))
    expect([...new Set(tries.map(({ status }) => status))]).toEqual([503])
  }
  scene.world.dingtalk.control.clearFaults()
  expect((await browser(from).logIn(scene.pages, clientCode('zhang'))).status).toBe(200)
})

test('whoever guesses too often is told to wait, and nobody else', async () => {
  const guesser = { 'x-forwarded-for': '192.0.2.66' }
  const tries = await Promise.all(Array.from({ length: 61 }, () => browser(guesser).logIn(scene.pages, 'guess')))
  const refused = tries.filter(({ status }) => status === 429)
  expect(refused.length).toBeGreaterThan(0)
  expect(Number(refused[0]?.headers.get('retry-after'))).toBeGreaterThan(0)
  expect(json(refused[0] as Seen).text).toMatch(/\d+ 秒后重试/)
  const visitor = browser({ 'x-forwarded-for': '198.51.100.1, 192.0.2.66' })
  const { state, callback } = await setOut(visitor)
  const back = await visitor.get(`${callback}?authCode=guess&state=${state}`)
  expect([back.status, back.text.includes('秒后重试')]).toEqual([429, true])
  // Nobody else behind the same proxy waits for that.
  expect((await browser({ 'x-forwarded-for': '192.0.2.67' }).logIn(scene.pages, clientCode('zhang'))).status).toBe(200)
})

// No secret was written down either.
afterAll(() => {
  expectSilence(scene.world, scene.app.lines)
  const log = JSON.stringify(scene.app.lines)
  for (const secret of ['nonsense', scene.world.dingtalkApp.clientSecret]) expect(log).not.toContain(secret)
})
