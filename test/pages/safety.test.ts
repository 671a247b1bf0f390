import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import type { Incident } from '../sandbox/flashduty/types.ts'
import { eventually } from '../support/eventually.ts'
import { expectSilence, fire, inGroup, openScene, type Scene, theCardOf } from '../support/journey.ts'
import { foreignParts, logIn, pageWith, pathOfPages, pressOn, textOf } from '../support/pages.ts'
import { csrfOf, VisitorBrowser } from '../support/visitor.ts'
import type { World } from '../support/world.ts'

/** Whatever comes from outside, on the pages of somebody who may see it. */

const EVIL = `</title></textarea><script>alert(1)</script><img src=x onerror=alert(2)>"'><svg onload=alert(3)>{{x}}`
const MARKDOWN = [
  EVIL,
  '[a](javascript:alert(1)) [b](data:text/html,x) [c](//evil.example/) [d](/fd/h5/x/logout) [e](vbscript:x)',
  '[f](https://good.example/a"onmouseover="x) ![g](javascript:alert(1)) ![h](https://img.example/p.png)',
  '<https://auto.example/> http://plain.example/x javascript:alert(1)',
  '[ref]: javascript:alert(1)',
  '[ref] [i](&#106;avascript:alert(1)) [j](java\tscript:alert(1)) <a href="javascript:x">k</a>',
  '```html\n<script>alert(4)</script>\n```',
].join('\n\n')

let scene: Scene
let world: World
let pages: string
let incident: Incident

beforeAll(async () => {
  scene = await openScene()
  world = scene.world
  pages = pathOfPages(scene)
  const { zhang, li } = world.people
  world.flashduty.control.member(li.member.member_id).member_name = EVIL
  world.dingtalk.control.renameGroup(world.groups.oncall.openConversationId, EVIL)
  incident = await fire(world, {
    title: EVIL,
    description: MARKDOWN,
    labels: { [EVIL]: EVIL, body_text: MARKDOWN, link: 'javascript:alert(1)', page: 'https://good.example/<b>' },
    personIds: [zhang.member.member_id, li.member.member_id],
    chats: [inGroup(world.groups.oncall)],
    delivery: { custom_actions: [{ integration_id: 7001, name: EVIL }] },
  })
  await theCardOf(world, incident)
  await world.flashduty.control.act(incident.incident_id, 'ack', li.member.member_id)
  await world.flashduty.control.tell(
    incident.incident_id,
    {
      event_type: 'i_comm',
      incident: {
        num: EVIL.slice(0, 60),
        channel_name: EVIL,
        impact: MARKDOWN,
        root_cause: MARKDOWN,
        resolution: MARKDOWN,
        account_time_zone: EVIL,
        detail_url: 'javascript:alert(1)//',
        silence_url: '//evil.example/silence',
        images: [
          { src: 'javascript:alert(1)', alt: EVIL },
          { src: 'https://user:pass@evil.example/x.png', alt: EVIL },
          { src: 'https://img.example/"><script>.png', alt: EVIL },
        ],
      },
    },
    li.member.member_id,
  )
})
afterAll(() => scene?.close())

test.each([
  '<p><img src="x"></p>',
  '<p onclick="x">',
  '<p style="x">',
  '<a href="javascript:x">',
  '<a href="//evil.example/">',
  '<a href="https://evil.example/">',
  '<form action="https://evil.example/">',
  '<script>x</script>',
])('%s would be found', (html) => {
  expect(foreignParts(html)).not.toEqual([])
})

describe.each(['zh-CN', 'en-US'])('in %s', (locale) => {
  test.each<[string, () => string]>([
    ['home', () => '/'],
    ['PC home', () => `/pc?incident=${incident.incident_id}`],
    ['the incident', () => `/incident/${incident.incident_id}`],
    ['the group', () => `/group?cid=${encodeURIComponent(world.groups.oncall.openConversationId)}`],
    ['history', () => '/history'],
  ])('%s shows what came from outside as text', async (_name, path) => {
    const visitor = await logIn(scene, world.people.zhang, { 'accept-language': locale })
    const page = await pageWith(visitor, pages + path(), '<script>alert(1)</script>')
    expect(page.status).toBe(200)
    expect(foreignParts(page.text)).toEqual([])
  })

  test('the page of somebody who may not see it has nothing of it', async () => {
    const secret = await fire(world, { title: '只给李四', responderIds: [world.people.li.member.member_id] })
    const visitor = await logIn(scene, world.people.wang, { 'accept-language': locale })
    const page = await pageWith(visitor, `${pages}/incident/${secret.incident_id}`, `#${secret.num}`)
    expect(foreignParts(page.text)).toEqual([])
    expect(page.text).not.toContain('只给李四')
  })
})

test('a name of one’s own is text too', async () => {
  const { control } = world.dingtalk
  const user = control.createUser({ name: EVIL })
  const visitor = await logIn(scene, { user })
  const page = await visitor.get(`${pages}/`)
  expect(textOf(page.text)).toContain('<script>alert(1)</script>')
  expect(foreignParts(page.text)).toEqual([])
})

describe('addresses', () => {
  test.each([
    '/incident/%3Cscript%3Ealert(1)%3C%2Fscript%3E',
    '/incident/..%2F..%2Flogout',
    '/pc?incident=%22%3E%3Cscript%3E',
    '/group?cid=cid%22%3E%3Cscript%3E&corpId=%3Cscript%3E',
    '/?did=ack&of=x&was=%3Cscript%3E&sig=x',
    '/nowhere/%3Cscript%3E',
  ])('%s is answered with words, and gives nothing back', async (path) => {
    const visitor = await logIn(scene, world.people.zhang)
    const page = await visitor.get(pages + path)
    expect([200, 404]).toContain(page.status)
    expect(page.headers.get('content-type')).toMatch(/text\/html/)
    expect(foreignParts(page.text.replaceAll(/javascript:/g, ''))).toEqual([])
  })

  test('a link of somebody else cannot make a page claim that something was done', async () => {
    const visitor = await logIn(scene, world.people.zhang)
    const query = new URLSearchParams({ did: 'resolve', of: incident.incident_id, was: 'done', sig: 'a'.repeat(26) })
    expect((await visitor.get(`${pages}/?${query.toString()}`)).text).not.toContain('data-note')
    const acked = await visitor.get(`${pages}/`)
    const other = await logIn(scene, world.people.li)
    const done = await pressOn(visitor, acked, incident.incident_id, 'refresh')
    expect(done.text).toContain('data-note')
    expect(csrfOf(await other.get(`${pages}/`))).not.toBe(csrfOf(acked))
  })

  test('nothing is loaded from elsewhere, and nobody but DingTalk may frame a page', async () => {
    const visitor = await logIn(scene, world.people.zhang)
    const { headers, text } = await visitor.get(`${pages}/`)
    const policy = headers.get('content-security-policy') ?? ''
    expect(policy).toContain("default-src 'none'")
    expect(policy).not.toContain('unsafe')
    expect(headers.get('cache-control')).toBe('no-store')
    expect(text).not.toMatch(/<style|\sstyle=/)
  })
})

describe('forms', () => {
  const act = (fields: Record<string, string> = {}) => ({
    act: 'resolve',
    token: 'a'.repeat(16),
    origin: 'home',
    ...fields,
  })
  const acts = () => world.flashduty.control.requests().filter(({ path }) => path === '/incident/resolve').length

  test.each<[string, (csrf: string) => Record<string, string>]>([
    ['without the token', () => act()],
    ['with another token', () => act({ csrf: 'x'.repeat(43) })],
    [
      'with a token that is nearly right',
      (csrf) => act({ csrf: `${csrf.startsWith('A') ? 'B' : 'A'}${csrf.slice(1)}` }),
    ],
  ])('%s nothing is done', async (_name, fields) => {
    const visitor = await logIn(scene, world.people.zhang)
    const before = acts()
    const csrf = csrfOf(await visitor.get(`${pages}/`))
    const refused = await visitor.submit(`${pages}/incident/${incident.incident_id}/act`, fields(csrf))
    expect(refused.status).toBe(403)
    expect(foreignParts(refused.text.replaceAll(/<style[^]*?<\/style>/g, ''))).toEqual([])
    expect(acts()).toBe(before)
  })

  test('with the token of somebody else nothing is done', async () => {
    const [zhang, li] = [await logIn(scene, world.people.zhang), await logIn(scene, world.people.li)]
    const csrf = csrfOf(await li.get(`${pages}/`))
    const refused = await zhang.submit(`${pages}/incident/${incident.incident_id}/act`, act({ csrf }))
    expect(refused.status).toBe(403)
  })

  test('after the session is over the form is not carried out, and that is said', async () => {
    const stranger = new VisitorBrowser(scene.app.url)
    const before = acts()
    const refused = await stranger.submit(`${pages}/incident/${incident.incident_id}/act`, act({ csrf: 'x' }))
    expect(refused.status).toBe(401)
    expect(refused.text).toContain('未执行')
    expect(acts()).toBe(before)
  })

  test.each(['https://evil.example/', '//evil.example/', 'javascript:alert(1)', '/../../x', 'incident'])(
    'from %s leads back to a page of ours',
    async (from) => {
      const visitor = await logIn(scene, world.people.zhang)
      const page = await visitor.get(`${pages}/`)
      const form = {
        ...act({ csrf: csrfOf(page), act: 'refresh', token: 'b'.repeat(16) }),
        origin: from,
        cid: '//evil.example',
      }
      const { status, location } = await visitor.submit(`${pages}/incident/${incident.incident_id}/act`, form)
      expect(status).toBe(303)
      expect(location?.startsWith(`${pages}/`)).toBe(true)
    },
  )

  test.each(['', 'explode', 'snooze', 'snooze.0', 'snooze.99999', 'custom.', 'ack.5', 'ack~7', '__proto__'])(
    'an act that is none (%s) does nothing',
    async (odd) => {
      const visitor = await logIn(scene, world.people.zhang)
      const csrf = csrfOf(await visitor.get(`${pages}/`))
      const calls = world.flashduty.control.requests().filter(({ path }) => !/feed|info$/.test(path)).length
      const form = act({ csrf, act: odd })
      const { status, location } = await visitor.submit(`${pages}/incident/${incident.incident_id}/act`, form)
      expect({ status, location }).toEqual({ status: 303, location: `${pages}/incident/${incident.incident_id}` })
      expect(world.flashduty.control.requests().filter(({ path }) => !/feed|info$/.test(path))).toHaveLength(calls)
    },
  )

  test('the same form sent twice is one act', async () => {
    const { zhang } = world.people
    const once = await fire(world, { title: '只做一次', personIds: [zhang.member.member_id] })
    const visitor = await logIn(scene, zhang)
    const page = await pageWith(visitor, `${pages}/`, '只做一次')
    const pressed = await Promise.all([1, 2].map(() => pressOn(visitor, page, once.incident_id, 'resolve')))
    // Who comes second may be told before it is done.
    for (const { text } of pressed) expect(text).toMatch(/data-note="(done|working)"/)
    const calls = await eventually('it is closed', () => {
      const all = world.flashduty.control
        .requests()
        .filter(({ path, body }) => path === '/incident/resolve' && JSON.stringify(body).includes(once.incident_id))
      return all.length > 0 && all
    })
    expect(calls).toHaveLength(1)
  })
})

afterAll(() => {
  expectSilence(world, scene.app.lines)
  expect(JSON.stringify(scene.app.lines)).not.toContain(world.people.zhang.member.app_key)
})
