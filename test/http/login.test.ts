import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { openScene, type Scene } from '../support/journey.ts'
import { csrfOf, type Seen, VisitorBrowser } from '../support/visitor.ts'
import type { World } from '../support/world.ts'

let scene: Scene
let world: World
/** Path of the pages, with the prefix of PUBLIC_URL. */
let pages: string

beforeAll(async () => {
  scene = await openScene()
  world = scene.world
  pages = `/fd/h5/${world.integrationId}`
})
afterAll(() => scene?.close())

const browser = (headers?: Record<string, string>) => new VisitorBrowser(scene.app.url, headers)
const codeOf = (who: 'zhang' | 'li' | 'wang'): string =>
  world.dingtalk.control.clientCode(world.dingtalkApp.clientId, world.people[who].user.userId)
const json = (seen: Seen) => JSON.parse(seen.text) as { next?: string; text?: string; again?: boolean }

describe('logging in from inside DingTalk', () => {
  test('a code makes a session, and the page that was asked for is shown from then on', async () => {
    const visitor = browser()
    const first = await visitor.get(`${pages}/pc?from=bench`)
    expect(first.status).toBe(200)
    expect(first.text).toContain('id="login"')
    const done = await visitor.logIn(pages, codeOf('zhang'), `${pages}/pc?from=bench`)
    expect([done.status, json(done).next]).toEqual([200, `${pages}/pc?from=bench`])
    const home = await visitor.get(`${pages}/pc?from=bench`)
    expect(home.text).toContain('你好，张三')
    expect(home.text).not.toContain('id="login"')
  })
})

describe('logging in from a browser', () => {
  test('through DingTalk’s login page and back to the page that was asked for', async () => {
    const visitor = browser()
    const sent = await visitor.get(`${pages}/login/browser?return=${encodeURIComponent(`${pages}/pc`)}`)
    expect(sent.status).toBe(302)
    const choice = await (await fetch(sent.location ?? '')).text()
    const link = /href="([^"]+)">以 李四 登录/.exec(choice)?.[1]?.replaceAll('&amp;', '&') ?? ''
    const back = await fetch(world.dingtalk.loginUrl + link, { redirect: 'manual' })
    const target = new URL(back.headers.get('location') ?? '')
    expect(target.origin + target.pathname).toBe(`https://oncall.example.com${pages}/login/callback`)
    const done = await visitor.get(target.pathname + target.search)
    expect([done.status, done.location]).toEqual([303, `${pages}/pc`])
    expect((await visitor.get(`${pages}/pc`)).text).toContain('你好，李四')
  })
})

test('logging out ends the session for good', async () => {
  const visitor = browser()
  await visitor.logIn(pages, codeOf('wang'))
  const home = await visitor.get(`${pages}/`)
  const stolen = visitor.cookie('fd_session') ?? ''
  const out = await visitor.submit(`${pages}/logout`, { csrf: csrfOf(home) })
  expect([out.status, out.location]).toEqual([303, `${pages}/login?out=1`])
  const thief = browser()
  thief.setCookie('fd_session', stolen, pages)
  expect((await thief.get(`${pages}/`)).text).toContain('id="login"')
})
