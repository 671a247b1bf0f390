import { afterAll, beforeAll, expect, test } from 'vitest'

import { listUnlinkedUsers } from '../../src/storage/people.ts'
import type { Incident } from '../sandbox/flashduty/types.ts'
import { readDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { Gate } from '../support/gate.ts'
import {
  callsFor,
  changeIntegration,
  cardsOf,
  everybodySees,
  expectSilence,
  fire,
  inGroup,
  openScene,
  press,
  recordsOf,
  type Scene,
  settledRecords,
  theCardOf,
  view,
} from '../support/journey.ts'
import { pathOfPages, textOf } from '../support/pages.ts'
import { VisitorBrowser } from '../support/visitor.ts'
import type { Person, World } from '../support/world.ts'

/** Nothing of the corporation that an integration was taken from is shown or sent to the one it is given to. */

const OTHER = 'dingothercorp0001'
const TITLE = '换企业之前的故障'

let scene: Scene
let world: World
let incident: Incident
let card: string
/** Its create is under way when the integration changes hands. */
let underWay: Incident
const gate = new Gate()

beforeAll(async () => {
  scene = await openScene({ dingtalk: { qpsPerApi: 0 } })
  world = scene.world
  const { zhang, li, wang } = world.people
  const personIds = [zhang.member.member_id, wang.member.member_id]
  incident = await fire(world, { title: TITLE, chats: [inGroup(world.groups.oncall)], personIds })
  card = await theCardOf(world, incident)
  await everybodySees(world, card, '待处理')
  await press(world, card, wang, '认领')
  await press(world, card, li, '认领')
  await everybodySees(world, card, '处理中')
  await settledRecords(world, incident)
  for (const path of PATHS()) expect(await seenBy(zhang, path)).toContain(TITLE)
  world.dingtalk.control.addFault({ api: 'createAndDeliver', bodyContains: '还在路上', effect: gate.effect })
  underWay = await fire(world, { title: '还在路上', personIds })
  await eventually('its create is under way', () => gate.arrived === 1)
  await changeIntegration(scene, '--corp-id', OTHER)
  gate.open()
})
afterAll(() => scene?.close())

/** All that a person of the corporation opens. */
const PATHS = () => ['/', '/pc', '/history', `/incident/${incident.incident_id}`, groupPath()]
const groupPath = () => `/group?cid=${encodeURIComponent(world.groups.oncall.openConversationId)}`

async function visit({ user }: Person, path: string) {
  const browser = new VisitorBrowser(scene.app.url)
  const pages = pathOfPages(scene)
  await eventually('logged in', async () => {
    const code = world.dingtalk.control.clientCode(world.dingtalkApp.clientId, user.userId)
    return (await browser.logIn(pages, code)).status === 200
  })
  return browser.get(`${pages}${path}`)
}

const seenBy = async (person: Person, path: string) => textOf((await visit(person, path)).text)

async function link({ user, member }: Person): Promise<void> {
  const who = ['--dingtalk-user', user.userId, '--member', String(member.member_id), '--member-key', member.app_key]
  expect(await world.cli('links', 'add', ...who)).toMatchObject({ code: 0 })
}

async function expectNothingOld(person: Person): Promise<void> {
  for (const path of PATHS()) {
    const { status, text } = await visit(person, path)
    for (const word of [TITLE, '还在路上', incident.num, '认领']) {
      expect(textOf(text)).not.toContain(word)
    }
    expect(status).toBe(path.startsWith('/incident') ? 404 : 200)
  }
}

test('a namesake sees nothing of it on any page, not even once they are the same member', async () => {
  const { zhang } = world.people
  await expectNothingOld(zhang)
  await link(zhang)
  await expectNothingOld(zhang)
})

test('whoever is linked now is not told late, nor are people pressed before offered to be linked', async () => {
  const { wang } = world.people
  expect(readDatabase(world, 'select * from missed')).toEqual([])
  expect(await listUnlinkedUsers(world.reader().handle, world.integrationId)).not.toContain(wang.user.userId)
  await link(wang)
  const after = await fire(world, { title: '之后的', personIds: [wang.member.member_id] })
  await everybodySees(world, await theCardOf(world, after), '之后的', [wang])
  const spaces = Object.keys(world.dingtalk.control.placementsOf(card))
  expect(spaces.filter((space) => space.endsWith(wang.user.userId))).toEqual([])
  expect(scene.app.lines.some(({ msg }) => msg === 'joined-late')).toBe(false)
  expect(await seenBy(wang, '/')).toContain('之后的')
})

test('its cards are touched no more, whatever becomes of their incidents; what waited has come to its end', async () => {
  const { li } = world.people
  const calls = () =>
    (['createAndDeliver', 'deliver', 'updateCard'] as const).flatMap((api) => callsFor(world, api, card))
  const before = calls().length
  await world.flashduty.control.act(incident.incident_id, 'resolve', li.member.member_id)
  await eventually('it is taken in', async () => {
    const [row] = readDatabase<{ progress: string }>(
      world,
      'select progress from incidents where incident_id = ?',
      incident.incident_id,
    )
    return row?.progress === 'Closed'
  })
  const due =
    'select out_track_id from cards where incident_id = ? and (deliver_due_at is not null or update_due_at is not null)'
  expect(readDatabase(world, due, incident.incident_id)).toEqual([])
  expect(calls()).toHaveLength(before)
  expect(view(world, card, li).title).toContain('处理中')

  const rows = await settledRecords(world, underWay)
  const told = rows.filter(({ kind, target_id: id }) => kind === 'person' && id === world.people.zhang.user.userId)
  expect(told).toMatchObject([{ status: 'skipped', reason_code: 'CORPORATION_CHANGED' }])
  expect(readDatabase(world, due, underWay.incident_id)).toEqual([])
})

test('what Flashduty tells of it from now on comes as to anybody, without what was before', async () => {
  const { zhang, li } = world.people
  await world.flashduty.control.act(incident.incident_id, 'reopen', li.member.member_id)
  const delivery = { person_ids: [zhang.member.member_id] }
  await world.flashduty.control.tell(incident.incident_id, { event_type: 'i_reassign', delivery })
  const cards = await eventually('another card', () => {
    const all = cardsOf(world, incident)
    return all.length === 2 && all
  })
  const other = cards.find((one) => one !== card) ?? ''
  await everybodySees(world, other, TITLE, [zhang])
  expect(await seenBy(zhang, '/')).toContain(TITLE)
  world.flashduty.control.addFault({
    path: '/incident/feed',
    times: 9,
    effect: { kind: 'error', status: 500, code: 'E', message: '' },
  })
  const page = await seenBy(zhang, `/incident/${incident.incident_id}`)
  world.flashduty.control.clearFaults()
  expect(page).toContain(TITLE)
  expect(page).not.toContain('李四 认领')
})

test('the administrator has all records', async () => {
  const rows = await recordsOf(world, incident)
  expect(rows.some(({ kind, status }) => kind === 'group' && status === 'success')).toBe(true)
  expect(rows.some(({ kind, target_name: name }) => kind === 'action' && name === '李四')).toBe(true)
})

test('given back, its people see again what became of what they were told', async () => {
  const { zhang } = world.people
  await changeIntegration(scene, '--corp-id', world.dingtalkApp.corpId)
  const history = await visit(zhang, '/history')
  expect(textOf(history.text)).toContain(TITLE)
  expect(textOf(history.text)).not.toContain('之后的')
  expect(await seenBy(zhang, '/')).toContain('还没有关联')
})

test('with another app the groups and routes that the former one knew are forgotten, and said so', async () => {
  const { oncall } = world.groups
  const route = ['--channel', String(world.channelId), '--group', oncall.openConversationId]
  expect((await world.cli('routes', 'add', ...route)).code).toBe(0)
  const app = world.dingtalk.control.createApp()
  const fields = { 'corp-id': OTHER, 'client-id': app.clientId, 'client-secret': app.clientSecret }
  const args = Object.entries(fields).flatMap(([name, value]) => [`--${name}`, value])
  const printed = await world.cli('integration', 'set', world.integrationId, ...args)
  expect(printed.code).toBe(0)
  expect(printed.out).toContain('Forgot 2 groups')
  expect(printed.out).toContain(`Removed the route ${world.channelId} → ${oncall.openConversationId}`)
  expect(JSON.parse((await world.cli('groups', '--all', '--json')).out)).toEqual([])
  expect(JSON.parse((await world.cli('routes', 'list', '--json')).out)).toEqual([])
})

afterAll(() => {
  expectSilence(world, scene.app.lines, { errors: ['card-create-failed'] })
})
