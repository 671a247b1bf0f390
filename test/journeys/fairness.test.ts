import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'

import { paceQueue } from '../../src/queue/jobs.ts'
import type { Group } from '../sandbox/dingtalk/types.ts'
import type { Incident } from '../sandbox/flashduty/types.ts'
import { readDatabase } from '../support/database.ts'
import { isCardDue } from '../support/due.ts'
import { eventually } from '../support/eventually.ts'
import { pauseJobs, withQueue } from '../support/jobs.ts'
import {
  answerOf,
  cardsOf,
  changeIntegration,
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
} from '../support/journey.ts'

// Calls are made one at a time, and none while backlogs come about: so their order is that of the daemon alone.

type PacedCall = 'create' | 'update'
const APIS = { create: 'createAndDeliver', update: 'updateCard' } as const

let scene: Scene
let quiet: Group[]
beforeAll(async () => {
  // Flashduty's own news of a press and what follows its answer make the card due one after the other: both at once.
  const overrides = { delivery: { spacingMs: 0 }, action: { spacingMs: 0 } }
  scene = await openScene({ dingtalk: { qpsPerApi: 0 }, overrides })
  await changeIntegration(scene, '--qps', '0')
  quiet = await installInMany(scene.world, 3, '安静的群')
  for (const api of ['create', 'update'] as const) {
    await withQueue(scene.world, (queue) => queue.setGlobalConcurrency(1), queueOf(api))
  }
})
afterEach(async () => {
  scene.world.dingtalk.control.clearFaults()
  for (const api of ['create', 'update'] as const) {
    await withQueue(scene.world, (queue) => queue.resume(), queueOf(api))
  }
})
afterAll(() => scene.close())

const queueOf = (api: PacedCall) => paceQueue(scene.world.integrationId, api)

/** From when nothing is left to do: no call is begun until the returned function lets them. */
async function hold(api: PacedCall): Promise<() => Promise<void>> {
  await eventually('nothing is due', () => !isCardDue(scene.world))
  return pauseJobs(scene.world, queueOf(api))
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

async function alertOne(group: Group, fields: Partial<Parameters<typeof fire>[1]> = {}): Promise<Incident> {
  const [incident] = await alertMany(1, group, fields)
  if (!incident) throw new Error('nothing was fired')
  return incident
}

type Row = { incident_id: string; held_until: number; update_due_at: number | null }

/** The cards of these incidents as they are stored, in the order of their turns. */
function rowsOf(incidents: Incident[]): Row[] {
  const ids = incidents.map((incident) => incident.incident_id)
  const marks = ids.map(() => '?').join(', ')
  return readDatabase<Row>(
    scene.world,
    `select incident_id, held_until, update_due_at from cards where incident_id in (${marks}) order by deliver_turn`,
    ...ids,
  )
}

/** The incidents whose calls got through, in their order. */
function served(api: PacedCall): string[] {
  return scene.world.dingtalk.journal
    .requests(APIS[api])
    .filter(({ status }) => status === 200)
    .map(({ body }) => (body as { outTrackId: string }).outTrackId.split('-')[1] ?? '')
}

const idsOf = (incidents: Incident[]) => new Set(incidents.map(({ incident_id: id }) => id))

test('the many cards of one group do not hold up the one card of another', async () => {
  const { world } = scene
  const [first, second, third] = quiet
  if (!first || !second || !third) throw new Error('three quiet groups are needed')
  let go = await hold('create')
  const since = served('create').length
  const storm = await alertMany(40, world.groups.oncall)
  const one = await alertOne(first)
  expect(served('create')).toHaveLength(since)
  // Later, when a good part of them is through, nothing more is begun.
  const tenth = rowsOf(storm)[9]?.incident_id ?? ''
  const stopped = new Promise<void>((resolve) => {
    const until = async () => {
      go = await pauseJobs(world, queueOf('create'))
      resolve()
    }
    world.dingtalk.control.addFault({ api: 'createAndDeliver', bodyContains: tenth, effect: { kind: 'hold', until } })
  })
  await go()
  await stopped
  await eventually('ten and the one are through', () => served('create').length === since + 11)
  // Its turn is that of the first one of the storm.
  expect(served('create').slice(since).indexOf(one.incident_id)).toBeLessThanOrEqual(1)

  const later = await alertOne(second)
  const critical = await alertOne(third, { severity: 'Critical' })
  await go()
  // And the storm itself is not forgotten.
  await eventually('all are through', () => served('create').length === since + 43)
  expect(served('create').slice(since + 11, since + 13)).toEqual([critical.incident_id, later.incident_id])
  expect(new Set(served('create').slice(since))).toEqual(idsOf([...storm, one, later, critical]))
})

test('several groups with backlogs take turns', async () => {
  const { world } = scene
  const go = await hold('create')
  const since = served('create').length
  await alertMany(24, world.groups.oncall)
  const small = idsOf(await alertMany(8, world.groups.platform))
  await go()
  await eventually('all are through', () => served('create').length === since + 32)
  const order = served('create').slice(since)
  // Of every two cards one is the smaller backlog's, as long as there is any.
  const places = order.flatMap((id, place) => (small.has(id) ? [place] : []))
  expect(places).toHaveLength(8)
  places.forEach((place, index) => expect(place - index).toBeLessThanOrEqual(index + 2))
})

test('critical alerts come before all others', async () => {
  const { world } = scene
  const go = await hold('create')
  const since = served('create').length
  await alertMany(12, world.groups.oncall)
  const critical = await alertMany(3, world.groups.oncall, { severity: 'Critical' })
  await go()
  await eventually('all are through', () => served('create').length === since + 15)
  expect(new Set(served('create').slice(since, since + 3))).toEqual(idsOf(critical))
})

test('the update of a card on which somebody pressed comes before all others', async () => {
  const { world } = scene
  const { li, zhang } = world.people
  const others = await alertMany(12, world.groups.oncall)
  const pressed = await alertOne(world.groups.oncall)
  const cardOf = async (incident: Incident): Promise<string> => {
    await settledRecords(world, incident)
    return cardsOf(world, incident)[0] ?? ''
  }
  const card = await cardOf(pressed)
  for (const other of others) await cardOf(other)

  const go = await hold('update')
  const since = served('update').length
  for (const { incident_id: id } of others) await world.flashduty.control.act(id, 'ack', zhang.member.member_id)
  await eventually('the others are due', () =>
    rowsOf(others).every(({ update_due_at: dueAt }) => dueAt !== null && dueAt <= Date.now()),
  )
  expect(answerOf(await press(world, card, li, '认领')).title).toContain('处理中')
  await eventually('the press is on record', async () =>
    (await recordsOf(world, pressed)).some(({ kind, status }) => kind === 'action' && status === 'success'),
  )
  await eventually('the update of the pressed card is due', () => {
    const [row] = rowsOf([pressed])
    return row !== undefined && row.held_until === 0 && row.update_due_at !== null && row.update_due_at <= Date.now()
  })
  expect(served('update')).toHaveLength(since)
  await go()
  await eventually('all are through', () => new Set(served('update').slice(since)).size === 13)
  expect(served('update')[since]).toBe(pressed.incident_id)
  await everybodySees(world, card, '处理中')
  for (const other of others) await everybodySees(world, await cardOf(other), '处理中', [zhang])
  await settledRecords(world, pressed)
})

afterAll(() => {
  expectSilence(scene.world, scene.app.lines)
})
