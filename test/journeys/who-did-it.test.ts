import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'

import type { Member } from '../sandbox/flashduty/types.ts'
import { eventually } from '../support/eventually.ts'
import { Gate } from '../support/gate.ts'
import {
  actsOn,
  endPatience,
  everybodySees,
  expectSilence,
  fire,
  inGroup,
  listRecords,
  openScene,
  press,
  type Scene,
  theCardOf,
  view,
} from '../support/journey.ts'
import { pathOfPages, textOf } from '../support/pages.ts'
import { VisitorBrowser } from '../support/visitor.ts'
import type { World } from '../support/world.ts'

/** An act is the member's as whom it was done, whoever the person is linked to afterwards. */

let scene: Scene
let world: World
beforeAll(async () => {
  scene = await openScene({ dingtalk: { qpsPerApi: 0 } })
  world = scene.world
})
afterAll(() => scene?.close())

async function alertGroup(title: string) {
  const incident = await fire(world, { title, chats: [inGroup(world.groups.oncall)] })
  const card = await theCardOf(world, incident)
  await everybodySees(world, card, '待处理')
  return { incident, card }
}

/** 李四's DingTalk account becomes another member for the rest of the test. */
async function relinkLi(): Promise<Member> {
  const { li } = world.people
  const other = world.flashduty.control.createMember({ member_name: '后来的人' })
  const link = (member: Member) =>
    world.cli(
      'links',
      'add',
      ...['--dingtalk-user', li.user.userId, '--member', String(member.member_id), '--member-key', member.app_key],
    )
  expect((await link(other)).code).toBe(0)
  onTestFinished(async () => void (await link(li.member)))
  return other
}

async function seenBy(userId: string, path: string): Promise<string> {
  const browser = new VisitorBrowser(scene.app.url)
  const pages = pathOfPages(scene)
  await browser.logIn(pages, world.dingtalk.control.clientCode(world.dingtalkApp.clientId, userId))
  return textOf((await browser.get(`${pages}${path}`)).text)
}

test('what was pressed is told of the member of that time: on pages and in the records', async () => {
  const { zhang, li } = world.people
  const { incident, card } = await alertGroup('谁按的')
  const effect = { kind: 'error', status: 403, code: 'AccessDenied', message: '无权限' } as const
  world.flashduty.control.addFault({ path: '/incident/ack', effect })
  await press(world, card, li, '认领')
  const other = await relinkLi()
  const page = await seenBy(zhang.user.userId, `/incident/${incident.incident_id}`)
  expect(page).toContain('李四')
  expect(page).not.toContain(other.member_name)
  const [row] = (await listRecords(world, '--person', String(li.member.member_id))).filter(
    ({ incident_id: id, kind }) => id === incident.incident_id && kind === 'action',
  )
  expect(row).toMatchObject({ target_id: li.user.userId, target_name: '李四', member_id: li.member.member_id })
  // Nor is it in the history of whoever is that member now.
  const { userId } = world.people.wang.user
  const taken = ['--dingtalk-user', userId, '--member', String(li.member.member_id)]
  expect((await world.cli('links', 'add', ...taken)).code).toBe(0)
  expect(await seenBy(userId, '/history')).not.toContain('谁按的')
})

test('what was pressed before and is done after that is shown on the card as the former member’s', async () => {
  const { li } = world.people
  const { incident, card } = await alertGroup('谁认领的')
  const events = world.flashduty.control.holdEvents()
  onTestFinished(() => events.release())
  const gate = new Gate()
  world.flashduty.control.addFault({ path: '/incident/ack', effect: gate.effect })
  const pressed = press(world, card, li, '认领')
  await endPatience(scene.app, 'Flashduty is asked', () => actsOn(world, incident).length === 1)
  await pressed
  const other = await relinkLi()
  gate.open()
  await eventually('it is told', () => view(world, card, li).title.includes('处理中'))
  expect(view(world, card, li).tips).toContain('李四')
  expect(view(world, card, li).tips).not.toContain(other.member_name)
})

afterAll(() => {
  expectSilence(world, scene.app.lines, { errors: ['click-failed'] })
})
