import { afterAll, describe, expect, test } from 'vitest'

import type { User } from '../sandbox/dingtalk/types.ts'
import { eventually } from '../support/eventually.ts'
import { Gate } from '../support/gate.ts'
import { endPagePatience, expectSilence } from '../support/journey.ts'
import { PAGE, useLoginScene } from '../support/login-scene.ts'
import { csrfOf, type Seen, type VisitorBrowser } from '../support/visitor.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000

const scene = useLoginScene()
const { clock, browser, clientCode, logIn, greets, sessionCookie, addAnother } = scene

const control = () => scene.world.dingtalk.control

/** The person leaves, and nobody tells the daemon. */
function leaveUnnoticed({ userId }: User): void {
  const { clientId } = scene.world.dingtalkApp
  control().updateApp(clientId, { eventMode: 'HTTP' })
  control().removeUser(userId)
  control().updateApp(clientId, { eventMode: 'STREAM' })
}

describe('a session', () => {
  test('its cookie is for no script, no other site and no other host, and only over https', async () => {
    const { cookies } = await browser().logIn(scene.pages, clientCode('zhang'))
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
    await victim.logIn(scene.pages, clientCode('zhang'))
    expect(victim.cookie(sessionCookie())).not.toBe(known)
    expect(await greets(victim)).toBe('张三')
    expect(await greets(attacker)).toBeUndefined()
  })

  test('is over twelve hours after its last use, and not before', async () => {
    const visitor = await logIn('zhang')
    clock.advance(11 * HOUR_MS)
    const seen = await visitor.get(scene.pages + PAGE)
    expect(seen.text).toContain('你好，张三')
    expect(seen.cookies[0]).toContain('Max-Age=43200')
    expect((await visitor.get(scene.pages + PAGE)).cookies).toEqual([])
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
    expect((await visitor.get(scene.pages + PAGE)).cookies).toEqual([])
    expect((await another.get(scene.pages + PAGE)).cookies[0]).toContain('Max-Age=43200')
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
    const [cookie] = (await visitor.get(scene.pages + PAGE)).cookies
    expect(Number(/Max-Age=(\d+)/.exec(cookie ?? '')?.[1])).toBeCloseTo(9 * 3_600, -2)
  })

  describe('that is renewed', () => {
    const colleague = () => scene.world.dingtalk.control.createUser({ name: '同事' })
    const logInAs = async ({ userId }: User): Promise<VisitorBrowser> => {
      const visitor = browser()
      const code = scene.world.dingtalk.control.clientCode(scene.world.dingtalkApp.clientId, userId)
      expect((await visitor.logIn(scene.pages, code)).status).toBe(200)
      return visitor
    }
    /** No page that asks DingTalk by itself. */
    const look = (visitor: VisitorBrowser) => visitor.get(`${scene.pages}/history`)
    const isShown = ({ text }: Seen) => !text.includes('id="login"')
    const asked = ({ userId }: User) =>
      scene.world.dingtalk.journal.requests('user/get').filter(({ body }) => JSON.stringify(body).includes(userId))
        .length
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
      expect((await scene.world.cli('links', 'add', ...link)).code).toBe(0)
      const [phone, pc] = [await logInAs(user), await logInAs(user)]
      leaveUnnoticed(user)
      expect(isShown(await look(phone))).toBe(true)
      clock.advance(11 * MINUTE_MS)
      const seen = await look(phone)
      expect([seen.status, isShown(seen)]).toEqual([401, false])
      expect(seen.text).toContain('不是此企业的成员')
      expect(isShown(await look(phone))).toBe(false)
      expect(isShown(await look(pc))).toBe(false)
      const links = JSON.parse((await scene.world.cli('links', 'list', '--json')).out) as {
        member: number
        left: string
      }[]
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
    await scene.world.cli('integration', 'remove', id, '--yes')
  })

  test('logging out ends it for good, and the login page does not log in again by itself', async () => {
    const visitor = await logIn('wang')
    const stolen = visitor.cookie(sessionCookie()) ?? ''
    const home = await visitor.get(scene.pages + PAGE)
    const out = await visitor.submit(`${scene.pages}/logout`, { csrf: csrfOf(home) })
    expect([out.status, out.location]).toEqual([303, `${scene.pages}/login?out=1`])
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
    const mine = csrfOf(await visitor.get(scene.pages + PAGE))
    const theirs = csrfOf(await (await logIn('li')).get(scene.pages + PAGE))
    for (const csrf of ['', 'x', theirs, mine.slice(0, -1), `${mine}A`, mine.toLowerCase()]) {
      const answer = await visitor.submit(scene.pages + path, { csrf, key: scene.world.people.wang.member.app_key })
      expect([answer.status, answer.text.includes('页面已过期')]).toEqual([403, true])
    }
    const bare = await visitor.post(scene.pages + path, JSON.stringify({ csrf: mine }), {
      'content-type': 'application/json',
    })
    expect(bare.status).toBe(403)
    expect(await greets(visitor)).toBe('张三')
  })

  test.each(FORMS)('%s is answered with the login page when the session is over', async (path) => {
    const answer = await browser().submit(scene.pages + path, { csrf: 'x' })
    expect([answer.status, answer.text.includes('登录已过期')]).toEqual([401, true])
  })
})

// No secret was written down either.
afterAll(() => expectSilence(scene.world, scene.app.lines))
