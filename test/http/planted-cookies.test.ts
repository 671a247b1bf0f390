import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { bootImpatient, expectSilence, type ImpatientApp } from '../support/journey.ts'
import { VisitorClock } from '../support/visitor-clock.ts'
import { type Seen, VisitorBrowser } from '../support/visitor.ts'
import { createWorld, type World } from '../support/world.ts'

/**
 * Somebody who holds a sibling host (`evil.example.com` beside `oncall.example.com`) may put cookies for the whole domain
 * into a colleague's browser, and send them links. Neither logs that browser in as anybody but its owner.
 */

const MINUTE_MS = 60_000

let world: World
let app: ImpatientApp
let pages: string
const clock = new VisitorClock()

const browser = () => new VisitorBrowser(app.url)
const codeOf = (who: keyof World['people'], kind: 'clientCode' | 'browserCode' = 'browserCode'): string =>
  world.dingtalk.control[kind](world.dingtalkApp.clientId, world.people[who].user.userId)

async function greets(visitor: VisitorBrowser): Promise<string | undefined> {
  return /你好，([^<]*)</.exec((await visitor.get(`${pages}/link`)).text)?.[1]
}

/** Goes to DingTalk's login page. @returns the state it was sent with */
async function setOut(visitor: VisitorBrowser, back = `${pages}/link`): Promise<string> {
  const sent = await visitor.get(`${pages}/login/browser?return=${encodeURIComponent(back)}`)
  expect(sent.status).toBe(302)
  return new URL(sent.location ?? '').searchParams.get('state') ?? ''
}

function comeBack(visitor: VisitorBrowser, state: string, who: keyof World['people']): Promise<Seen> {
  return visitor.get(`${pages}/login/callback?authCode=${codeOf(who)}&state=${state}`)
}

async function open(publicUrl: string): Promise<void> {
  world = await createWorld({ env: { PUBLIC_URL: publicUrl } })
  app = await bootImpatient(world, { clock })
  pages = `/fd/h5/${world.integrationId}`
}

async function close(): Promise<void> {
  expectSilence(world, app.lines)
  await app.stop()
  await world.close()
}

describe('over https', () => {
  beforeAll(() => open('https://oncall.example.com/fd'))
  afterAll(close)

  const LOGIN = () => `__Host-fd_login_${world.integrationId}`
  const SESSION = () => `__Host-fd_session_${world.integrationId}`

  test('cookies have the names that browsers take from this very host alone', async () => {
    const visitor = browser()
    const { cookies: begun } = await visitor.get(`${pages}/login/browser`)
    const { cookies: loggedIn } = await visitor.logIn(pages, codeOf('zhang', 'clientCode'))
    for (const [cookie, name] of [
      [begun[0], LOGIN()],
      [loggedIn[0], SESSION()],
    ]) {
      const attributes = cookie?.split('; ') ?? []
      expect(attributes[0]?.split('=')[0]).toBe(name)
      expect(attributes).toEqual(expect.arrayContaining(['Path=/', 'Secure', 'HttpOnly', 'SameSite=Lax']))
      expect(cookie).not.toMatch(/domain=/i)
    }
  })

  test('a login that began elsewhere is not carried on, with its cookie planted under any other name', async () => {
    const attacker = browser()
    const state = await setOut(attacker)
    const begun = attacker.cookie(LOGIN()) ?? ''
    for (const name of ['fd_login', `fd_login_${world.integrationId}`, LOGIN().toLowerCase(), '__Host-fd_login']) {
      for (const path of ['/', pages, `${pages}/login`]) {
        const victim = browser()
        victim.setCookie(name, begun, path)
        expect((await comeBack(victim, state, 'wang')).status).toBe(400)
        expect(await greets(victim)).toBeUndefined()
      }
    }
    // Nothing was wrong with it but where it was tried.
    expect((await comeBack(attacker, state, 'wang')).status).toBe(303)
  })

  test('nobody is logged in by a session that was planted', async () => {
    const attacker = browser()
    await attacker.logIn(pages, codeOf('wang', 'clientCode'))
    const session = attacker.cookie(SESSION()) ?? ''
    for (const name of ['fd_session', `fd_session_${world.integrationId}`, '__Host-fd_session']) {
      const victim = browser()
      for (const path of ['/', pages]) victim.setCookie(name, session, path)
      expect(await greets(victim)).toBeUndefined()
      await victim.logIn(pages, codeOf('zhang', 'clientCode'))
      expect(await greets(victim)).toBe('张三')
    }
  })

  test('of two of the same name neither counts', async () => {
    const [attacker, victim] = [browser(), browser()]
    const [stateOfAttacker, state] = [await setOut(attacker), await setOut(victim)]
    const both = [attacker, victim].map((one) => `${LOGIN()}=${one.cookie(LOGIN())}`)
    for (const cookie of [both.join('; '), both.toReversed().join(';')]) {
      for (const given of [stateOfAttacker, state]) {
        const path = `${pages}/login/callback?authCode=${codeOf('wang')}&state=${given}`
        const answer = await browser().get(path, { cookie })
        expect([answer.status, answer.cookies]).toEqual([400, []])
      }
    }
    await attacker.logIn(pages, codeOf('wang', 'clientCode'))
    await victim.logIn(pages, codeOf('zhang', 'clientCode'))
    const sessions = [attacker, victim].map((one) => `${SESSION()}=${one.cookie(SESSION())}`)
    for (const cookie of [sessions.join('; '), sessions.toReversed().join('; ')]) {
      expect((await browser().get(`${pages}/link`, { cookie })).text).toContain('id="login"')
    }
  })

  test('one whose name begins with a blank that is none is another, and disturbs nobody', async () => {
    const [attacker, victim] = [browser(), browser()]
    await attacker.logIn(pages, codeOf('wang', 'clientCode'))
    await victim.logIn(pages, codeOf('zhang', 'clientCode'))
    for (const blank of ['\u00A0', '\u0085']) {
      const planted = `${blank}${SESSION()}=${attacker.cookie(SESSION())}`
      expect((await browser().get(`${pages}/link`, { cookie: planted })).text).toContain('id="login"')
      const cookie = `${planted}; ${SESSION()}=${victim.cookie(SESSION())}`
      expect((await browser().get(`${pages}/link`, { cookie })).text).toContain('你好，张三')
    }
  })

  test('a session’s cookie is no begun login, and a begun login no session', async () => {
    const visitor = browser()
    await setOut(visitor)
    visitor.setCookie(SESSION(), visitor.cookie(LOGIN()) ?? '', '/')
    expect(await greets(visitor)).toBeUndefined()
  })

  test('logins that were begun in several tabs are all carried on, in any order', async () => {
    const visitor = browser()
    const first = await setOut(visitor, `${pages}/history`)
    const second = await setOut(visitor, `${pages}/link`)
    const third = await setOut(visitor, `${pages}/pc`)
    expect((await comeBack(visitor, second, 'zhang')).location).toBe(`${pages}/link`)
    expect((await comeBack(visitor, second, 'zhang')).status).toBe(400)
    expect((await comeBack(visitor, first, 'zhang')).location).toBe(`${pages}/history`)
    expect((await comeBack(visitor, third, 'zhang')).location).toBe(`${pages}/pc`)
    expect(visitor.cookie(LOGIN())).toBeUndefined()
  })

  test('a link with another state spends none of them', async () => {
    const visitor = browser()
    const state = await setOut(visitor)
    const attacker = browser()
    expect((await comeBack(visitor, await setOut(attacker), 'wang')).status).toBe(400)
    expect((await comeBack(visitor, '', 'wang')).status).toBe(400)
    expect((await comeBack(visitor, state, 'zhang')).status).toBe(303)
    expect(await greets(visitor)).toBe('张三')
  })

  test('only the last five are kept, and no cookie is larger than a browser keeps', async () => {
    const visitor = browser()
    const states: string[] = []
    for (let count = 0; count < 6; count++) states.push(await setOut(visitor))
    expect((await comeBack(visitor, states[0] ?? '', 'zhang')).status).toBe(400)
    expect((await comeBack(visitor, states[1] ?? '', 'zhang')).status).toBe(303)

    const crowded = browser()
    let state = ''
    for (let count = 0; count < 4; count++) {
      state = await setOut(crowded, `${pages}/group?cid=${'x'.repeat(1_500)}`)
      expect(`${LOGIN()}=${crowded.cookie(LOGIN())}`.length).toBeLessThan(4_000)
    }
    expect((await comeBack(crowded, state, 'zhang')).location).toMatch(/cid=x{1500}$/)
    const odd = await setOut(crowded, `${pages}/group?cid=${'|'.repeat(1_500)}`)
    expect((await comeBack(crowded, odd, 'zhang')).location).toBe(`${pages}/`)
  })

  test('after ten minutes it is too late, though other tabs keep the cookie', async () => {
    const visitor = browser()
    const early = await setOut(visitor)
    clock.advance(9 * MINUTE_MS)
    const late = await setOut(visitor)
    clock.advance(MINUTE_MS)
    expect((await comeBack(visitor, early, 'zhang')).status).toBe(400)
    expect((await comeBack(visitor, late, 'zhang')).status).toBe(303)
  })
})

describe('without https', () => {
  beforeAll(() => open('http://oncall.example.com/fd'))
  afterAll(close)

  test('cookies have plain names and are kept to the pages by their path; of two of a name neither counts', async () => {
    const visitor = browser()
    const { cookies: begun } = await visitor.get(`${pages}/login/browser`)
    expect(begun[0]).toMatch(new RegExp(`^fd_login=[^;]*; Max-Age=600; Path=${pages}/login; HttpOnly; SameSite=Lax$`))
    const { cookies: loggedIn } = await visitor.logIn(pages, codeOf('zhang', 'clientCode'))
    expect(loggedIn[0]).toMatch(new RegExp(`^fd_session=[^;]*; Max-Age=43200; Path=${pages}; HttpOnly; SameSite=Lax$`))
    expect(await greets(visitor)).toBe('张三')

    const attacker = browser()
    await attacker.logIn(pages, codeOf('wang', 'clientCode'))
    visitor.setCookie('fd_session', attacker.cookie('fd_session') ?? '', `${pages}/link`)
    expect(await greets(visitor)).toBeUndefined()
  })
})
