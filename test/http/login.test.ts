import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest'

import type { User } from '../sandbox/dingtalk/types.ts'
import { eventually } from '../support/eventually.ts'
import { Gate } from '../support/gate.ts'
import { endPagePatience, expectSilence, openScene, type Scene } from '../support/journey.ts'
import { VisitorClock } from '../support/visitor-clock.ts'
import { csrfOf, type Seen, VisitorBrowser } from '../support/visitor.ts'
import type { World } from '../support/world.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
/** A page that is nobody else's to change: it greets whoever is logged in. */
const PAGE = '/link'

let scene: Scene
let world: World
/** Path of the pages, with the prefix of PUBLIC_URL. */
let pages: string
const clock = new VisitorClock()

beforeAll(async () => {
  scene = await openScene({ dingtalk: { qpsPerApi: 0 }, overrides: { clock } })
  world = scene.world
  pages = `/fd/h5/${world.integrationId}`
})
afterEach(() => world.dingtalk.control.clearFaults())
afterAll(() => scene?.close())

type Who = keyof World['people']

const control = () => world.dingtalk.control

/** The person leaves, and nobody tells the daemon. */
function leaveUnnoticed({ userId }: User): void {
  const { clientId } = world.dingtalkApp
  control().updateApp(clientId, { eventMode: 'HTTP' })
  control().removeUser(userId)
  control().updateApp(clientId, { eventMode: 'STREAM' })
}

const browser = (headers?: Record<string, string>) => new VisitorBrowser(scene.app.url, headers)
const userIdOf = (who: Who): string => world.people[who].user.userId
const clientCode = (who: Who): string => world.dingtalk.control.clientCode(world.dingtalkApp.clientId, userIdOf(who))
const browserCode = (who: Who, corpId?: string): string =>
  world.dingtalk.control.browserCode(world.dingtalkApp.clientId, userIdOf(who), corpId)
const sessionCookie = (id = world.integrationId): string => `__Host-fd_session_${id}`
const loginCookie = (id = world.integrationId): string => `__Host-fd_login_${id}`
const json = (seen: Seen) => JSON.parse(seen.text) as { next?: string; text?: string; again?: boolean }

async function logIn(who: Who): Promise<VisitorBrowser> {
  const visitor = browser()
  expect((await visitor.logIn(pages, clientCode(who))).status).toBe(200)
  return visitor
}

async function greets(visitor: VisitorBrowser): Promise<string | undefined> {
  return /你好，([^<]*)</.exec((await visitor.get(pages + PAGE)).text)?.[1]
}

/** A second integration of the daemon, with an app of its own. */
async function addAnother(): Promise<{ id: string; clientId: string }> {
  const other = world.dingtalk.control.createApp()
  const form = { name: '另一个', 'corp-id': other.corpId, 'agent-id': other.agentId, 'client-id': other.clientId }
  const secrets = { 'client-secret': other.clientSecret, 'aes-key': 'b'.repeat(43), token: 'demoToken02' }
  const fields = Object.entries({ ...form, ...secrets }).flatMap(([name, value]) => [`--${name}`, value])
  const added = await world.cli('integration', 'add', '--json', ...fields)
  const { id } = JSON.parse(added.out) as { id: string }
  return { id, clientId: other.clientId }
}

/** Goes to DingTalk's login page. @returns the state it was sent with, and where it is to come back to */
async function setOut(visitor: VisitorBrowser, returnTo = pages + PAGE): Promise<{ state: string; callback: string }> {
  const sent = await visitor.get(`${pages}/login/browser?return=${encodeURIComponent(returnTo)}`)
  expect(sent.status).toBe(302)
  const target = new URL(sent.location ?? '')
  const callback = new URL(target.searchParams.get('redirect_uri') ?? '')
  return { state: target.searchParams.get('state') ?? '', callback: callback.pathname }
}

describe('logging in from inside DingTalk', () => {
  test('a code makes a session, and the page that was asked for is shown from then on', async () => {
    const visitor = browser()
    const first = await visitor.get(`${pages}${PAGE}?cid=cidDemo`)
    expect([first.status, first.cookies]).toEqual([200, []])
    expect(first.text).toContain('id="login"')
    const done = await visitor.logIn(pages, clientCode('zhang'), `${pages}${PAGE}?cid=cidDemo`)
    expect([done.status, json(done).next]).toEqual([200, `${pages}${PAGE}?cid=cidDemo`])
    expect(await greets(visitor)).toBe('张三')
  })

  test('the login page says what to ask DingTalk’s client for, and nothing secret', async () => {
    const { text } = await browser().get(`${pages}/`)
    for (const word of [world.dingtalkApp.corpId, world.dingtalkApp.clientId, `data-action="${pages}/login"`]) {
      expect(text).toContain(word)
    }
    expect(text).not.toContain(world.dingtalkApp.clientSecret)
  })

  test('identity is DingTalk’s answer: what the browser says of itself is nothing', async () => {
    const visitor = browser({ 'x-user-id': userIdOf('li'), 'x-forwarded-user': userIdOf('li') })
    const body = JSON.stringify({ code: clientCode('zhang'), userId: userIdOf('li'), userid: userIdOf('li') })
    await visitor.post(`${pages}/login?userId=${userIdOf('li')}`, body, { 'content-type': 'application/json' })
    expect(await greets(visitor)).toBe('张三')
  })

  test.each<[string, () => string]>([
    ['used before', () => usedCode],
    ['of the other kind', () => browserCode('zhang')],
    ['made up', () => 'nonsense'],
  ])('a code that is %s is answered with words, and worth one more try', async (_what, code) => {
    const answer = await browser().logIn(pages, code())
    expect(answer.status).toBe(401)
    expect(json(answer)).toEqual({ text: expect.stringContaining('授权已失效'), again: true })
    expect(answer.cookies).toEqual([])
  })
  let usedCode = ''
  beforeAll(async () => {
    usedCode = clientCode('zhang')
    await browser().logIn(pages, usedCode)
  })

  test('a code is good for five minutes', async () => {
    const code = clientCode('zhang')
    world.dingtalk.control.advance(301_000)
    expect((await browser().logIn(pages, code)).status).toBe(401)
  })

  test('no other site can send a code: a form’s type is refused', async () => {
    const body = JSON.stringify({ code: clientCode('li') })
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
      const answer = await browser().post(`${pages}/login`, body, { 'content-type': type })
      expect([answer.status, answer.cookies]).toEqual([400, []])
    }
  })

  test('DingTalk’s own trouble is told as such', async () => {
    const { control } = world.dingtalk
    const missing = world.dingtalkApp.scopes.filter((scope) => scope !== 'qyapi_base')
    const restore = () => void control.updateApp(world.dingtalkApp.clientId, { scopes: world.dingtalkApp.scopes })
    onTestFinished(restore)
    control.updateApp(world.dingtalkApp.clientId, { scopes: missing })
    const refused = await browser().logIn(pages, clientCode('li'))
    restore()
    expect([refused.status, json(refused).again]).toEqual([503, false])
    expect(json(refused).text).toContain('权限')
    control.addFault({ api: 'user/getuserinfo', effect: { kind: 'reset' } })
    expect(json(await browser().logIn(pages, clientCode('li'))).text).toContain('无法连接钉钉')
  })

  test('in English for whoever reads that', async () => {
    const visitor = browser({ 'accept-language': 'en-GB,en;q=0.9,zh;q=0.1' })
    expect((await visitor.get(`${pages}/`)).text).toMatch(/<html lang="en-US">[\s\S]*Log in with DingTalk/)
    expect(json(await visitor.logIn(pages, 'nonsense')).text).toContain('try again')
  })
})

describe('logging in from a browser', () => {
  test('through DingTalk’s login page and back to the page that was asked for', async () => {
    const visitor = browser()
    const sent = await visitor.get(`${pages}/login/browser?return=${encodeURIComponent(pages + PAGE)}`)
    const target = new URL(sent.location ?? '')
    expect(target.origin + target.pathname).toBe(`${world.dingtalk.loginUrl}/oauth2/auth`)
    expect(Object.fromEntries(target.searchParams)).toEqual({
      redirect_uri: `https://oncall.example.com${pages}/login/callback`,
      response_type: 'code',
      client_id: world.dingtalkApp.clientId,
      scope: 'openid corpid',
      state: expect.stringMatching(/^[\w-]{32}$/),
      prompt: 'consent',
    })
    const choice = await (await fetch(target)).text()
    const link = /href="([^"]+)">以 李四 登录/.exec(choice)?.[1]?.replaceAll('&amp;', '&') ?? ''
    const back = await fetch(world.dingtalk.loginUrl + link, { redirect: 'manual' })
    const callback = new URL(back.headers.get('location') ?? '')
    const done = await visitor.get(callback.pathname + callback.search)
    expect([done.status, done.location]).toEqual([303, pages + PAGE])
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
    const code = world.dingtalk.control.browserCode(clientId, userIdOf('zhang'))
    const foreign = await visitor.get(`/fd/h5/${id}/login/callback?authCode=${code}&state=${state}`)
    expect([foreign.status, foreign.text.includes('不是在此浏览器发起')]).toEqual([400, true])
    expect((await visitor.get(`/fd/h5/${id}/link`)).text).toContain('id="login"')
    // It is not the code's fault.
    const sent = await visitor.get(`/fd/h5/${id}/login/browser?return=`)
    const own = new URL(sent.location ?? '').searchParams.get('state') ?? ''
    expect((await visitor.get(`/fd/h5/${id}/login/callback?authCode=${code}&state=${own}`)).status).toBe(303)
    await world.cli('integration', 'remove', id, '--yes')
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
    const answer = await visitor.get(`${pages}/login/callback?authCode=${browserCode('zhang')}&state=x`)
    expect(answer.status).toBe(400)
  })

  test('an external contact is nobody’s colleague; who thinks better of it is told so', async () => {
    const { control } = world.dingtalk
    const guest = control.createUser({ name: '外部客户', external: true })
    const code = control.browserCode(world.dingtalkApp.clientId, guest.userId)
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
    const home = `${pages}/`
    const handed = await browser().logIn(pages, clientCode('zhang'), wanted)
    expect(json(handed).next).toBe(home)
    const visitor = browser()
    const { state, callback } = await setOut(visitor, wanted)
    const done = await visitor.get(`${callback}?authCode=${browserCode('zhang')}&state=${state}`)
    expect(done.location).toBe(home)
    expect((await browser().get(`${pages}/login?return=${encodeURIComponent(wanted)}`)).text).not.toContain('evil')
  })
})

describe('a session', () => {
  test('its cookie is for no script, no other site and no other host, and only over https', async () => {
    const { cookies } = await browser().logIn(pages, clientCode('zhang'))
    expect(cookies).toHaveLength(1)
    const [pair, ...attributes] = (cookies[0] ?? '').split('; ')
    expect(pair?.replace(sessionCookie(), 'NAME')).toMatch(/^NAME=[\w-]{32}\.[\w%-]+$/)
    const maxAge = `Max-Age=${(12 * HOUR_MS) / 1_000}`
    expect(attributes.sort()).toEqual([maxAge, 'HttpOnly', 'Path=/', 'SameSite=Lax', 'Secure'].sort())
  })

  test('a cookie that we did not make is none, however much of it is right', async () => {
    const visitor = await logIn('zhang')
    const good = visitor.cookie(sessionCookie()) ?? ''
    const [secret = '', signature = ''] = good.split('.')
    for (const bad of [secret, `${secret}.`, `${secret}.${signature.slice(0, -8)}`, `${secret}x.${signature}`, 'x.y']) {
      const other = browser()
      other.setCookie(sessionCookie(), bad, '/')
      expect(await greets(other)).toBeUndefined()
    }
    expect(await greets(visitor)).toBe('张三')
  })

  test('a login makes a new one and ends the one that was there: nobody can foist theirs on somebody', async () => {
    const attacker = await logIn('wang')
    const known = attacker.cookie(sessionCookie()) ?? ''
    const victim = browser()
    victim.setCookie(sessionCookie(), known, '/')
    await victim.logIn(pages, clientCode('zhang'))
    expect(victim.cookie(sessionCookie())).not.toBe(known)
    expect(await greets(victim)).toBe('张三')
    expect(await greets(attacker)).toBeUndefined()
  })

  test('is over twelve hours after its last use, and not before', async () => {
    const visitor = await logIn('zhang')
    clock.advance(11 * HOUR_MS)
    const seen = await visitor.get(pages + PAGE)
    expect(seen.text).toContain('你好，张三')
    expect(seen.cookies[0]).toContain('Max-Age=43200')
    expect((await visitor.get(pages + PAGE)).cookies).toEqual([])
    clock.advance(11 * HOUR_MS)
    expect(await greets(visitor)).toBe('张三')
    clock.advance(12 * HOUR_MS + 1)
    expect(await greets(visitor)).toBeUndefined()
  })

  test('is over seven days after its login, however often it is used', async () => {
    const visitor = await logIn('zhang')
    for (let hours = 0; hours < 160; hours += 10) {
      clock.advance(10 * HOUR_MS)
      expect(await greets(visitor)).toBe('张三')
    }
    // After 160 hours of 168: the cookie lasts no longer than the session.
    const another = await logIn('zhang')
    clock.advance(1 * HOUR_MS)
    expect((await visitor.get(pages + PAGE)).cookies).toEqual([])
    expect((await another.get(pages + PAGE)).cookies[0]).toContain('Max-Age=43200')
    clock.advance(7 * HOUR_MS - MINUTE_MS)
    expect(await greets(visitor)).toBe('张三')
    clock.advance(MINUTE_MS)
    expect(await greets(visitor)).toBeUndefined()
    expect(await greets(another)).toBe('张三')
  })

  test('moved on near its end it gets what is left, and so does its cookie', async () => {
    const visitor = await logIn('li')
    for (let hours = 0; hours < 150; hours += 10) {
      clock.advance(10 * HOUR_MS)
      expect(await greets(visitor)).toBe('李四')
    }
    clock.advance(9 * HOUR_MS)
    const [cookie] = (await visitor.get(pages + PAGE)).cookies
    expect(Number(/Max-Age=(\d+)/.exec(cookie ?? '')?.[1])).toBeCloseTo(9 * 3_600, -2)
  })

  describe('that is renewed', () => {
    const colleague = () => world.dingtalk.control.createUser({ name: '同事' })
    const logInAs = async ({ userId }: User): Promise<VisitorBrowser> => {
      const visitor = browser()
      const code = world.dingtalk.control.clientCode(world.dingtalkApp.clientId, userId)
      expect((await visitor.logIn(pages, code)).status).toBe(200)
      return visitor
    }
    /** No page that asks DingTalk by itself. */
    const look = (visitor: VisitorBrowser) => visitor.get(`${pages}/history`)
    const isShown = ({ text }: Seen) => !text.includes('id="login"')
    const asked = ({ userId }: User) =>
      world.dingtalk.journal.requests('user/get').filter(({ body }) => JSON.stringify(body).includes(userId)).length
    const answer = (body: object) => ({ api: 'user/get', effect: { kind: 'answer', status: 200, body } }) as const

    test('DingTalk is asked whether the person is still there: once, however many requests come', async () => {
      const user = colleague()
      const visitor = await logInAs(user)
      expect([isShown(await look(visitor)), asked(user)]).toEqual([true, 0])
      clock.advance(11 * MINUTE_MS)
      const seen = await Promise.all(Array.from({ length: 8 }, () => look(visitor)))
      expect(seen.every(isShown)).toBe(true)
      expect(asked(user)).toBe(1)
      clock.advance(9 * MINUTE_MS)
      await look(visitor)
      expect(asked(user)).toBe(1)
    })

    test('whoever has left loses it everywhere, though nobody told of it; their link is suspended', async () => {
      const user = colleague()
      const link = ['--dingtalk-user', user.userId, '--member', '90210']
      expect((await world.cli('links', 'add', ...link)).code).toBe(0)
      const [phone, pc] = [await logInAs(user), await logInAs(user)]
      leaveUnnoticed(user)
      expect(isShown(await look(phone))).toBe(true)
      clock.advance(11 * MINUTE_MS)
      const seen = await look(phone)
      expect([seen.status, isShown(seen)]).toEqual([401, false])
      expect(seen.text).toContain('不是此企业的成员')
      expect(isShown(await look(phone))).toBe(false)
      expect(isShown(await look(pc))).toBe(false)
      const links = JSON.parse((await world.cli('links', 'list', '--json')).out) as { member: number; left: string }[]
      expect(links.find(({ member }) => member === 90_210)?.left).not.toBe('')
    })

    test.each<[string, () => unknown]>([
      ['DingTalk is out of order', () => control().addFault({ ...answer({ errcode: -1, errmsg: 'busy' }), times: 99 })],
      [
        'the permission is missing',
        () => control().addFault({ ...answer({ errcode: 60011, errmsg: 'scope' }), times: 99 }),
      ],
      [
        'the account is not in use',
        () => control().addFault({ ...answer({ errcode: 0, result: { name: '同事', active: false } }), times: 99 }),
      ],
      [
        'the person is out of the app’s sight',
        () => control().addFault({ ...answer({ errcode: 50002, errmsg: '' }), times: 99 }),
      ],
    ])('where %s it is not renewed, lives to its end, and nobody is kept waiting', async (_why, fail) => {
      const user = colleague()
      const visitor = await logInAs(user)
      fail()
      clock.advance(6 * HOUR_MS)
      const before = asked(user)
      const seen = await look(visitor)
      expect([isShown(seen), seen.cookies]).toEqual([true, []])
      await look(visitor)
      // Once for the renewal; the client itself may try again after a refused token.
      expect(asked(user) - before).toBe(1)
      clock.advance(6 * HOUR_MS - MINUTE_MS)
      expect(isShown(await look(visitor))).toBe(true)
      clock.advance(2 * MINUTE_MS)
      expect(isShown(await look(visitor))).toBe(false)
    })

    test('while DingTalk says nothing the page is shown; what it says later counts from the next page on', async () => {
      const user = colleague()
      const visitor = await logInAs(user)
      const gate = new Gate()
      control().addFault({ api: 'user/get', effect: gate.effect })
      clock.advance(11 * MINUTE_MS)
      const looking = look(visitor)
      await endPagePatience(scene.app, 'DingTalk is asked', () => gate.arrived === 1)
      const seen = await looking
      expect([isShown(seen), seen.cookies]).toEqual([true, []])
      gate.open()
      const later = await eventually('it is renewed', async () => {
        const next = await look(visitor)
        return next.cookies.length > 0 && next
      })
      expect(later.cookies[0]).toContain('Max-Age=43200')
      expect(asked(user)).toBe(1)
    })
  })

  test('is one integration’s and no other’s', async () => {
    const { id } = await addAnother()
    const visitor = await logIn('zhang')
    visitor.setCookie(sessionCookie(id), visitor.cookie(sessionCookie()) ?? '', '/')
    expect((await visitor.get(`/fd/h5/${id}/link`)).text).toContain('id="login"')
    await world.cli('integration', 'remove', id, '--yes')
  })

  test('logging out ends it for good, and the login page does not log in again by itself', async () => {
    const visitor = await logIn('wang')
    const stolen = visitor.cookie(sessionCookie()) ?? ''
    const home = await visitor.get(pages + PAGE)
    const out = await visitor.submit(`${pages}/logout`, { csrf: csrfOf(home) })
    expect([out.status, out.location]).toEqual([303, `${pages}/login?out=1`])
    expect(visitor.cookie(sessionCookie())).toBeUndefined()
    const thief = browser()
    thief.setCookie(sessionCookie(), stolen, '/')
    expect(await greets(thief)).toBeUndefined()
    const page = await visitor.get(out.location ?? '')
    expect(page.text).toContain('你已退出登录')
    expect(page.text).toContain('data-auto="no"')
  })
})

describe('forms', () => {
  const FORMS = ['/logout', '/language', '/wanted', '/unlink', '/link/key', '/link/confirm', '/link/switch']

  test.each(FORMS)('%s does nothing without the visitor’s own token', async (path) => {
    const visitor = await logIn('zhang')
    const mine = csrfOf(await visitor.get(pages + PAGE))
    const theirs = csrfOf(await (await logIn('li')).get(pages + PAGE))
    for (const csrf of ['', 'x', theirs, mine.slice(0, -1), `${mine}A`, mine.toLowerCase()]) {
      const answer = await visitor.submit(pages + path, { csrf, key: world.people.wang.member.app_key })
      expect([answer.status, answer.text.includes('页面已过期')]).toEqual([403, true])
    }
    const bare = await visitor.post(pages + path, JSON.stringify({ csrf: mine }), {
      'content-type': 'application/json',
    })
    expect(bare.status).toBe(403)
    expect(await greets(visitor)).toBe('张三')
  })

  test.each(FORMS)('%s is answered with the login page when the session is over', async (path) => {
    const answer = await browser().submit(pages + path, { csrf: 'x' })
    expect([answer.status, answer.text.includes('登录已过期')]).toEqual([401, true])
  })
})

describe('headers', () => {
  test.each(['/', '/link', '/login', '/login?out=1'])('of %s', async (path) => {
    for (const visitor of [browser(), await logIn('zhang')]) {
      const { headers, text } = await visitor.get(pages + path)
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
    const { text } = await browser().get(`${pages}/`)
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
  world.dingtalk.control.addFault({ api: 'user/getuserinfo', times: 80, effect: { kind: 'reset' } })
  for (let batch = 0; batch < 4; batch++) {
    const tries = await Promise.all(Array.from({ length: 20 }, () => browser(from).logIn(pages, 'anything')))
    expect([...new Set(tries.map(({ status }) => status))]).toEqual([503])
  }
  world.dingtalk.control.clearFaults()
  expect((await browser(from).logIn(pages, clientCode('zhang'))).status).toBe(200)
})

test('whoever guesses too often is told to wait, and nobody else', async () => {
  const guesser = { 'x-forwarded-for': '192.0.2.66' }
  const tries = await Promise.all(Array.from({ length: 61 }, () => browser(guesser).logIn(pages, 'guess')))
  const refused = tries.filter(({ status }) => status === 429)
  expect(refused.length).toBeGreaterThan(0)
  expect(Number(refused[0]?.headers.get('retry-after'))).toBeGreaterThan(0)
  expect(json(refused[0] as Seen).text).toMatch(/\d+ 秒后重试/)
  const visitor = browser({ 'x-forwarded-for': '198.51.100.1, 192.0.2.66' })
  const { state, callback } = await setOut(visitor)
  const back = await visitor.get(`${callback}?authCode=guess&state=${state}`)
  expect([back.status, back.text.includes('秒后重试')]).toEqual([429, true])
  // Nobody else behind the same proxy waits for that.
  expect((await browser({ 'x-forwarded-for': '192.0.2.67' }).logIn(pages, clientCode('zhang'))).status).toBe(200)
})

// No secret was written down either.
afterAll(() => {
  expectSilence(world, scene.app.lines)
  const log = JSON.stringify(scene.app.lines)
  for (const secret of ['nonsense', world.dingtalkApp.clientSecret]) expect(log).not.toContain(secret)
})
