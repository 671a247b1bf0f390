import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'

import type { ApiName, Group } from '../sandbox/dingtalk/types.ts'
import type { Incident } from '../sandbox/flashduty/types.ts'
import { readDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import {
  changeIntegration,
  answerOf,
  everybodySees,
  expectSilence,
  fire,
  inGroup,
  installInMany,
  openScene,
  press,
  recordsOf,
  type Scene,
  settledRecords,
  theCardOf,
} from '../support/journey.ts'

/** Calls a second: enough to work the backlogs off soon, far from enough to do them at once. */
const QPS = 40
let scene: Scene
let quiet: Group[]
beforeAll(async () => {
  scene = await openScene({ dingtalk: { qpsPerApi: 0 } })
  await changeIntegration(scene, '--qps', String(QPS))
  quiet = await installInMany(scene.world, 3, '安静的群')
})
afterEach(() => {
  scene.world.dingtalk.control.clearFaults()
})
afterAll(async () => {
  await scene.close()
})

/** From here on nothing gets through to DingTalk, until the faults are cleared. */
async function stop(api: ApiName): Promise<void> {
  const body = { code: 'Forbidden.AccessDenied.AccessTokenPermissionDenied', message: '应用尚未开通所需的权限' }
  scene.world.dingtalk.control.addFault({ api, times: 10_000, effect: { kind: 'answer', status: 403, body } })
}

/** Incidents of a Warning, unless told otherwise; resolves once each is due in its group. */
async function alertMany(count: number, group: Group, fields: Partial<Parameters<typeof fire>[1]> = {}) {
  const { world } = scene
  const chats = [inGroup(group)]
  const incidents = await Promise.all(
    Array.from({ length: count }, () => fire(world, { severity: 'Warning', chats, ...fields })),
  )
  await eventually('all are taken in', () => rowsOf(incidents).length === count)
  return incidents
}

type Row = { held_until: number; update_due_at: number | null }

/** The cards of these incidents as they are stored. */
function rowsOf(incidents: Incident[]): Row[] {
  const ids = incidents.map((incident) => incident.incident_id)
  const marks = ids.map(() => '?').join(', ')
  return readDatabase<Row>(
    scene.world,
    `select held_until, update_due_at from cards where incident_id in (${marks})`,
    ...ids,
  )
}

/** The incidents whose calls got through, in their order. */
function served(api: ApiName): string[] {
  return scene.world.dingtalk.journal
    .requests(api)
    .filter(({ status }) => status === 200)
    .map(({ body }) => (body as { outTrackId: string }).outTrackId.split('-')[1] ?? '')
}

/** How many others got through between that many calls and the one for this incident. */
async function waitedFor(api: ApiName, incident: Incident, since: number): Promise<number> {
  await eventually(`${api} for it`, () => served(api).slice(since).includes(incident.incident_id))
  return served(api).slice(since).indexOf(incident.incident_id)
}

/** Of hundreds: those under way or refused while the one came in, which are more the busier the machine is. */
const FEW = 40

test('hundreds of cards for one group do not hold up the one card of another', async () => {
  const { world } = scene
  const [first, second, third] = quiet
  if (!first || !second || !third) throw new Error('three quiet groups are needed')
  await stop('createAndDeliver')
  const storm = await alertMany(300, world.groups.oncall)
  const [one] = await alertMany(1, first)
  if (!one) throw new Error('nothing was fired')
  expect(served('createAndDeliver')).toEqual([])
  world.dingtalk.control.clearFaults()
  // Before it come those that were tried meanwhile and refused.
  expect(await waitedFor('createAndDeliver', one, 0)).toBeLessThanOrEqual(FEW)

  // Nor do they later, when a good part of them is through.
  await eventually('a hundred are through', () => served('createAndDeliver').length >= 100)
  await stop('createAndDeliver')
  await eventually('nothing gets through', () => {
    const calls = world.dingtalk.journal.requests('createAndDeliver')
    return calls.at(-1)?.status === 403
  })
  const through = served('createAndDeliver').length
  expect(through).toBeLessThan(300)
  const [later] = await alertMany(1, second)
  const [critical] = await alertMany(1, third, { severity: 'Critical' })
  if (!later || !critical) throw new Error('nothing was fired')
  world.dingtalk.control.clearFaults()
  expect(await waitedFor('createAndDeliver', critical, through)).toBeLessThanOrEqual(1)
  expect(await waitedFor('createAndDeliver', later, through)).toBeLessThanOrEqual(FEW)

  // And the storm itself is not forgotten.
  for (const incident of storm) await theCardOf(world, incident)
})

test('several groups with backlogs take turns', async () => {
  const { world } = scene
  await stop('createAndDeliver')
  const since = served('createAndDeliver').length
  const big = await alertMany(60, world.groups.oncall)
  const small = await alertMany(20, world.groups.platform)
  world.dingtalk.control.clearFaults()
  await eventually('all are through', () => served('createAndDeliver').length === since + 80)
  const ofSmall = new Set(small.map(({ incident_id: id }) => id))
  const order = served('createAndDeliver').slice(since)
  const last = order.findLastIndex((id) => ofSmall.has(id))
  // Of every two cards one is the smaller backlog's, as long as there is any.
  expect(last).toBeLessThanOrEqual(45)
  expect(order.filter((id) => !ofSmall.has(id))).toHaveLength(big.length)
})

test('critical alerts come before all others', async () => {
  const { world } = scene
  await stop('createAndDeliver')
  const since = served('createAndDeliver').length
  await alertMany(60, world.groups.oncall)
  const critical = await alertMany(6, world.groups.oncall, { severity: 'Critical' })
  world.dingtalk.control.clearFaults()
  await eventually('all are through', () => served('createAndDeliver').length === since + 66)
  const order = served('createAndDeliver').slice(since)
  const ofCritical = new Set(critical.map(({ incident_id: id }) => id))
  // One call may have been under way when DingTalk let them through again.
  expect(order.slice(0, 7).filter((id) => ofCritical.has(id))).toHaveLength(6)
})

test('the update of a card on which somebody pressed comes before a hundred others', async () => {
  const { world } = scene
  const { li, zhang } = world.people
  const others = await alertMany(100, world.groups.oncall)
  const [pressed] = await alertMany(1, world.groups.oncall)
  if (!pressed) throw new Error('nothing was fired')
  for (const incident of [...others, pressed]) await theCardOf(world, incident)
  const card = await theCardOf(world, pressed)

  await stop('updateCard')
  const since = served('updateCard').length
  for (const { incident_id: id } of others) await world.flashduty.control.act(id, 'ack', zhang.member.member_id)
  await eventually('a hundred updates are due', () =>
    rowsOf(others).every(({ update_due_at: dueAt }) => dueAt !== null),
  )
  expect(answerOf(await press(world, card, li, '认领')).title).toContain('处理中')
  await eventually('the update of the pressed card is due', () => {
    const [row] = rowsOf([pressed])
    return row !== undefined && row.held_until === 0 && row.update_due_at !== null && row.update_due_at <= Date.now()
  })
  await eventually('the press is on record', async () =>
    (await recordsOf(world, pressed)).some(({ kind, status }) => kind === 'action' && status === 'success'),
  )
  expect(served('updateCard')).toHaveLength(since)
  world.dingtalk.control.clearFaults()
  expect(await waitedFor('updateCard', pressed, since)).toBeLessThanOrEqual(1)
  await everybodySees(world, card, '处理中')
  for (const incident of others) {
    await everybodySees(world, await theCardOf(world, incident), '处理中', [zhang])
  }
  await settledRecords(world, pressed)
})

afterAll(() => {
  expectSilence(scene.world, scene.app.lines, { errors: ['card-create-failed', 'card-update-failed'] })
})
