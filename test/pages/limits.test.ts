import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import type { Incident } from '../sandbox/flashduty/types.ts'
import { eventually } from '../support/eventually.ts'
import {
  actsOn,
  expectSilence,
  fire,
  inGroup,
  openScene,
  recordsOf,
  type Scene,
  settledRecords,
} from '../support/journey.ts'
import { logIn, pageWith, pathOfPages, textOf } from '../support/pages.ts'
import { VisitorClock } from '../support/visitor-clock.ts'
import { csrfOf, type Seen } from '../support/visitor.ts'
import type { Person, World } from '../support/world.ts'

/** How often one person may have Flashduty and DingTalk asked, and act. */

const LIMIT = 60
const VIEWS = 120
const ENGLISH = { 'accept-language': 'en-US' }

/** What is kept of Flashduty's answer is kept for less. */
const KEPT_MS = 6_000

const clock = new VisitorClock()
let scene: Scene
let world: World
let pages: string
let zhang: Person
let li: Person
let incident: Incident
beforeAll(async () => {
  scene = await openScene({ dingtalk: { qpsPerApi: 0 }, overrides: { clock, viewsPerMinute: VIEWS } })
  world = scene.world
  pages = pathOfPages(scene)
  ;({ zhang, li } = world.people)
  const people = [zhang.member.member_id, li.member.member_id]
  incident = await fire(world, { title: '谁都在刷', responderIds: people, chats: [inGroup(world.groups.oncall)] })
  await settledRecords(world, incident)
})
afterAll(() => scene?.close())

async function atOnce(count: number, ask: (index: number) => Promise<Seen>): Promise<Seen[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => ask(index)))
}

function expectTold(page: Seen | undefined, words: RegExp): void {
  expect(page?.headers.get('content-type')).toMatch(/text\/html/)
  expect(textOf(page?.text ?? '')).toMatch(words)
  const seconds = Number(page?.headers.get('retry-after'))
  expect(seconds).toBeGreaterThan(0)
  expect(seconds).toBeLessThanOrEqual(60)
}

describe('reads', () => {
  const timelines = () => world.flashduty.control.requests().filter(({ path }) => path === '/incident/feed').length

  test('sixty a minute for each, then words and when to try again', async () => {
    const visitor = await logIn(scene, zhang)
    const path = `${pages}/incident/${incident.incident_id}`
    const before = timelines()
    for (let count = 0; count < LIMIT; count++) {
      clock.advance(KEPT_MS)
      expect((await visitor.get(path)).status).toBe(200)
      // From memory: this costs nobody anything.
      if (count < 3) expect((await visitor.get(path)).status).toBe(200)
    }
    expect(timelines() - before).toBe(LIMIT)
    clock.advance(KEPT_MS)
    for (const refused of [path, `${pages}/pc?incident=${incident.incident_id}`, `${pages}/link`]) {
      const page = await visitor.get(refused)
      expect(page.status).toBe(429)
      expectTold(page, /请求过于频繁.*请在 \d+ 秒后重试.*重试.*回到首页/)
    }
    expect(timelines() - before).toBe(LIMIT)
    // What is only ours to tell is told all the same, and other people are not held up.
    expect((await visitor.get(`${pages}/`)).status).toBe(200)
    expect((await visitor.get(`${pages}/history`)).status).toBe(200)
    expect((await (await logIn(scene, li, ENGLISH)).get(path)).status).toBe(200)
  })

  test('of the page for linking, which always asks', async () => {
    const visitor = await logIn(scene, world.people.wang, ENGLISH)
    const seen = await atOnce(LIMIT + 4, () => visitor.get(`${pages}/link`))
    expect(seen.filter(({ status }) => status === 200)).toHaveLength(LIMIT)
    const refused = seen.filter(({ status }) => status === 429)
    expect(refused).toHaveLength(4)
    expectTold(refused[0], /Too many requests.*Try again in \d+ seconds.*Try again.*Go to the start page/)
  })
})

describe('views', () => {
  test('a hundred and twenty a minute for each, of whatever pages, then words and when to try again', async () => {
    const visitor = await logIn(scene, { user: world.dingtalk.control.createUser({ name: '赵六' }) }, ENGLISH)
    const paths = ['/', '/pc', '/history', `/incident/${incident.incident_id}`, '/nowhere']
    const statuses: number[] = []
    for (let count = 0; count < VIEWS; count++) {
      statuses.push((await visitor.get(`${pages}${paths[count % paths.length] ?? ''}`)).status)
    }
    expect(statuses).not.toContain(429)
    for (const path of paths) {
      const page = await visitor.get(`${pages}${path}`)
      expect(page.status).toBe(429)
      expectTold(page, /Too many requests.*Try again in \d+ seconds.*Try again.*Go to the start page/)
    }
    // Acting is another matter, and so are other people and what nobody is logged in for.
    const own = { csrf: csrfOf(await (await logIn(scene, li, ENGLISH)).get(`${pages}/`)) }
    expect((await visitor.submit(`${pages}/language`, own)).status).toBe(403)
    expect((await visitor.get(`${pages}/login`)).status).toBe(200)
  })
})

test('a text is shown as far as anybody would read it, and that is said', async () => {
  const root = `rooted ${'x'.repeat(20_000)}`
  const long = await fire(world, { title: '说来话长', chats: [inGroup(world.groups.oncall)] })
  const told = { event_type: 'i_comm' as const, incident: { root_cause: root, resolution: 'restarted' } }
  await world.flashduty.control.tell(long.incident_id, told)
  // Looking for it again and again would be too many reads.
  await eventually('it is taken in', async () =>
    (await recordsOf(world, long)).some(({ event_type: type }) => type === 'i_comm'),
  )
  await settledRecords(world, long)
  const visitor = await logIn(scene, li, ENGLISH)
  const page = await pageWith(visitor, `${pages}/incident/${long.incident_id}`, 'rooted')
  expect(page.text.match(/Too long, so cut short/g)).toHaveLength(1)
  expect(page.text).toContain('x'.repeat(9_000))
  expect(page.text).not.toContain('x'.repeat(10_001))
})

describe('acts', () => {
  test('sixty a minute for each, then nothing is done, and that is said', async () => {
    const visitor = await logIn(scene, li, ENGLISH)
    const csrf = csrfOf(await pageWith(visitor, `${pages}/`, '谁都在刷'))
    const act = (index: number) => {
      const token = `${'a'.repeat(12)}${String(index).replaceAll(/\d/g, (digit) => 'bcdefghijk'[Number(digit)] ?? '')}`
      // Answered without asking anybody: no card of the incident offers such a snooze.
      const form = { csrf, act: 'snooze.7', origin: 'home', token: token.padEnd(16, 'z') }
      return visitor.submit(`${pages}/incident/${incident.incident_id}/act`, form)
    }
    const seen = await atOnce(LIMIT, act)
    expect(seen.map(({ status }) => status)).toEqual(seen.map(() => 303))
    const form = { csrf, act: 'ack', origin: 'home', token: 'q'.repeat(16) }
    const refused = await visitor.submit(`${pages}/incident/${incident.incident_id}/act`, form)
    expect(refused.status).toBe(429)
    expectTold(
      refused,
      /Too many requests.*Nothing was done: go back and try again in \d+ seconds.*Go to the start page/,
    )
    expect(actsOn(world, incident)).toEqual([])
    for (const path of ['/wanted', '/link/key', '/link/confirm']) {
      expect((await visitor.submit(pages + path, { csrf })).status).toBe(429)
    }
    // Reading is another matter, and so are other people.
    expect((await visitor.get(`${pages}/link`)).status).toBe(200)
    const other = await logIn(scene, zhang)
    const own = csrfOf(await other.get(`${pages}/`))
    const done = await other.submit(`${pages}/incident/${incident.incident_id}/act`, { ...form, csrf: own })
    expect(done.status).toBe(303)
    expect(actsOn(world, incident)).toHaveLength(1)
  })
})

afterAll(() => {
  expectSilence(world, scene.app.lines)
})
