import { afterAll, beforeAll, expect, test } from 'vitest'

import { readDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { Gate } from '../support/gate.ts'
import {
  answerOf,
  changeIntegration,
  everybodySees,
  expectSilence,
  fire,
  inGroup,
  openScene,
  press,
  type Scene,
  theCardOf,
} from '../support/journey.ts'
import { pathOfPages, textOf } from '../support/pages.ts'
import { csrfOf, VisitorBrowser } from '../support/visitor.ts'
import type { Person, World } from '../support/world.ts'

/** An integration that is given to another corporation: a userId there is somebody else's. */

const NEW_CORP = 'dingnewcorp0001'

let scene: Scene
let world: World
let pages: string
let zhang: Person
beforeAll(async () => {
  scene = await openScene({ dingtalk: { qpsPerApi: 0 } })
  world = scene.world
  pages = pathOfPages(scene)
  zhang = world.people.zhang
})
afterAll(() => scene?.close())

const clientCode = () => world.dingtalk.control.clientCode(world.dingtalkApp.clientId, zhang.user.userId)
const set = (...fields: string[]) => world.cli('integration', 'set', world.integrationId, ...fields)
const links = async () => JSON.parse((await world.cli('links', 'list', '--json')).out) as unknown[]

test('whoever was linked or logged in is so no more, a login under way included; then it begins anew', async () => {
  const { corpId } = world.dingtalkApp
  const incident = await fire(world, { title: '换企业之前', chats: [inGroup(world.groups.oncall)] })
  const card = await theCardOf(world, incident)
  await everybodySees(world, card, '待处理')
  const visitor = new VisitorBrowser(scene.app.url)
  await visitor.logIn(pages, clientCode())
  const before = await visitor.get(`${pages}/link`)
  expect(textOf(before.text)).toContain('当前已关联 Flashduty 成员：张三')

  // What the former corporation's app answers after the change.
  const late = new VisitorBrowser(scene.app.url)
  const gate = new Gate()
  world.dingtalk.control.addFault({ api: 'user/getuserinfo', effect: gate.effect })
  const underWay = late.logIn(pages, clientCode())
  await eventually('DingTalk is asked', () => gate.arrived === 1)
  const printed = await set('--corp-id', NEW_CORP)
  gate.open()
  const answer = await underWay
  expect([answer.status, answer.text.includes('企业与此应用不一致')]).toEqual([503, true])
  expect((await late.get(`${pages}/`)).text).toContain('id="login"')

  expect(printed).toMatchObject({ code: 0, err: '' })
  for (const { user, member } of [world.people.zhang, world.people.li]) {
    expect(printed.out).toContain(
      `Unlinked ${user.userId} from ${member.member_name} (${member.member_id}): a person of ${corpId}`,
    )
  }
  expect(printed.out).toContain('Ended 1 logins')
  expect(await links()).toEqual([])
  expect((await visitor.get(`${pages}/`)).text).toContain('id="login"')
  const form = { csrf: csrfOf(before), key: zhang.member.app_key }
  expect((await visitor.submit(`${pages}/link/key`, form)).status).toBe(401)
  expect(await links()).toEqual([])

  const changed = await eventually('it is taken up', () =>
    scene.app.lines.find(({ msg }) => msg === 'corporation-changed'),
  )
  expect(changed).toMatchObject({
    integrationId: world.integrationId,
    corpId: NEW_CORP,
    was: corpId,
  })
  const anew = new VisitorBrowser(scene.app.url)
  expect((await anew.logIn(pages, clientCode())).status).toBe(200)
  expect(textOf((await anew.get(`${pages}/`)).text)).toContain('还没有关联 Flashduty 账号')
  const pressed = await press(world, card, zhang, '认领')
  expect(answerOf(pressed).tips).toMatch(/未关联应用|非本企业成员/)
})

test('naming the same corporation again, or another field, changes nothing of that', async () => {
  const member = world.flashduty.control.createMember({ member_name: '还在的人' })
  const { userId } = world.dingtalk.control.createUser({ name: '还在的人' })
  const link = ['--dingtalk-user', userId, '--member', String(member.member_id)]
  expect((await world.cli('links', 'add', ...link)).code).toBe(0)
  const before = await links()
  const [now] = readDatabase<{ corp_id: string }>(world, 'select corp_id from integrations')
  await changeIntegration(scene, '--corp-id', now?.corp_id ?? '', '--name', '新名字')
  expect(await links()).toEqual(before)
})

afterAll(() => {
  expectSilence(world, scene.app.lines)
})
