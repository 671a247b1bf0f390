import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'

import type { Member } from '../sandbox/flashduty/types.ts'
import { readDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import {
  bootImpatient,
  changeIntegration,
  everybodySees,
  expectSilence,
  fire,
  openScene,
  type Scene,
  theCardOf,
} from '../support/journey.ts'
import { pathOfPages, textOf } from '../support/pages.ts'
import { csrfOf, VisitorBrowser } from '../support/visitor.ts'
import type { Person, World } from '../support/world.ts'

/** Whoever loses a member to somebody else hears of it, since nothing else would tell them. */

let scene: Scene
let world: World
beforeAll(async () => {
  scene = await openScene({ dingtalk: { qpsPerApi: 0 } })
  world = scene.world
})
afterAll(() => scene?.close())

let count = 0
let former: Person
/** Each test has a colleague of its own, who is linked. */
beforeEach(async () => {
  count += 1
  const member = world.flashduty.control.createMember({ member_name: `成员${count}`, email: `m${count}@example.com` })
  former = { user: world.dingtalk.control.createUser({ name: `同事${count}` }), member }
  await link(former.user.userId, member)
})

const link = async (userId: string, member: Member) => {
  const printed = await world.cli(
    'links',
    'add',
    '--dingtalk-user',
    userId,
    '--member',
    String(member.member_id),
    '--name',
    member.member_name,
  )
  expect(printed).toMatchObject({ code: 0, err: '' })
  return printed.out
}

const saidTo = ({ user }: Pick<Person, 'user'>): string[] =>
  world.dingtalk.journal
    .requests('oToMessages/batchSend')
    .filter(({ body }) => (body as { userIds: string[] }).userIds.includes(user.userId))
    .map(({ body }) => (JSON.parse((body as { msgParam: string }).msgParam) as { content: string }).content)

const isTold = (person: Pick<Person, 'user'>) =>
  eventually(`${person.user.name} is told`, () => {
    const said = saidTo(person)
    return said.length > 0 && said
  })

const waiting = () =>
  readDatabase<{ dingtalk_user_id: string }>(
    world,
    `select dingtalk_user_id from notices where due_at < ${Number.MAX_SAFE_INTEGER}`,
  )
const nothingWaits = () => eventually('no notice waits', () => waiting().length === 0)

test('taken with the member’s key on the page: the former one is told who and how; the taker learns nothing of them', async () => {
  const { wang } = world.people
  const browser = new VisitorBrowser(scene.app.url)
  const pages = pathOfPages(scene)
  await browser.logIn(pages, world.dingtalk.control.clientCode(world.dingtalkApp.clientId, wang.user.userId))
  const page = await browser.get(`${pages}/link`)
  expect(textOf(page.text)).toContain('机器人会告知对方')
  const done = await browser.submit(`${pages}/link/key`, { csrf: csrfOf(page), key: former.member.app_key })
  expect(done.status).toBe(303)
  const after = textOf((await browser.get(`${pages}/link`)).text)
  for (const text of [textOf(page.text), after])
    expect(text).not.toMatch(new RegExp(`${former.user.name}|${former.user.userId}`))
  const [said] = await isTold(former)
  expect(said).toContain(former.member.member_name)
  expect(said).toContain('「王五」')
  expect(said).toMatch(/已于 \d{4}-\d\d-\d\d \d\d:\d\d:\d\d 改由/)
  expect(said).toContain('APP Key 重新关联')
  await nothingWaits()
  expect(saidTo(former)).toHaveLength(1)
  expect(saidTo(wang)).toEqual([])
})

test('taken by the administrator: told that it was the administrator, in the language of their cards', async () => {
  const incident = await fire(world, {
    title: 'hello',
    personIds: [former.member.member_id],
    delivery: { locale: 'en-US' },
  })
  await everybodySees(world, await theCardOf(world, incident), 'hello', [former])
  const out = await link('somebody-new', former.member)
  expect(out).toContain(`${former.user.userId} is told by the robot`)
  const [said] = await isTold(former)
  expect(said).toContain('the administrator linked the Flashduty member')
  expect(said).toContain('“somebody-new”')
  await nothingWaits()
  expect(saidTo(former)).toHaveLength(1)
})

test('while no daemon runs it waits for one; and it is said though calls are scarce', async () => {
  await changeIntegration(scene, '--monthly-calls', '1')
  await scene.app.stop()
  await link('somebody-else', former.member)
  expect(waiting()).toHaveLength(1)
  const before = scene.app.lines
  scene.app = await bootImpatient(world)
  scene.app.lines.unshift(...before)
  const [said] = await isTold(former)
  expect(said).toContain('管理员已于')
  await nothingWaits()
  expect(saidTo(former)).toHaveLength(1)
  await changeIntegration(scene, '--monthly-calls', '5000')
})

test('whoever has left, or cannot be reached, is no reason for an error', async () => {
  world.dingtalk.control.updateApp(world.dingtalkApp.clientId, { eventMode: 'HTTP' })
  world.dingtalk.control.removeUser(former.user.userId)
  world.dingtalk.control.updateApp(world.dingtalkApp.clientId, { eventMode: 'STREAM' })
  await link('the-next-one', former.member)
  await nothingWaits()

  await world.dingtalk.control.eventSettled(world.dingtalk.control.removeUser(world.people.li.user.userId))
  expect(await link('one-after', world.people.li.member)).not.toContain('is told')
  expect(waiting()).toEqual([])
})

test('whoever links anew themselves, or to another member, is told nothing', async () => {
  const other = world.flashduty.control.createMember({ member_name: '另一个' })
  await link(former.user.userId, former.member)
  await link(former.user.userId, other)
  expect(readDatabase(world, 'select id from notices where dingtalk_user_id = ?', former.user.userId)).toEqual([])
})

afterAll(() => {
  expectSilence(world, scene.app.lines, { errors: [] })
})
