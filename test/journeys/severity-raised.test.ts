import { afterAll, describe, expect, test } from 'vitest'

import type { Incident, IncidentEvent, Severity } from '../sandbox/flashduty/types.ts'
import { eventually } from '../support/eventually.ts'
import { endedJob, enqueue, followUp } from '../support/jobs.ts'
import {
  answerOf,
  callsFor,
  cardsOf,
  everybodySees,
  expectSilence,
  fire,
  inGroup,
  press,
  recordsOf,
  settledRecords,
  theCardOf,
  useScene,
} from '../support/journey.ts'
import { usePosts } from '../support/odd-bodies.ts'

/** A group that hears of severe incidents only hears of one that has become severe. */

const scene = useScene({ overrides: { sweepMs: 300 } })
const send = usePosts(scene)

/** 数据库值班群 hears of everything, 平台运维群 of these severities. */
const alert = (severities: unknown, severity: Severity = 'Info', settings: Record<string, unknown> = {}) => {
  const { oncall, platform } = scene.world.groups
  return fire(scene.world, {
    title: '慢慢变严重',
    severity,
    chats: [inGroup(oncall), inGroup(platform, { severities, ...settings })],
  })
}

const platformId = (): string => scene.world.groups.platform.openConversationId
const placed = (incident: Incident): number[] =>
  cardsOf(scene.world, incident).flatMap((card) => scene.world.dingtalk.control.placementsOf(card)[platformId()] ?? [])

async function recordOf(incident: Incident) {
  const records = await settledRecords(scene.world, incident)
  return records.find(({ target_id: id, event_type: type }) => id === platformId() && type === 'i_assign')
}

/** As it was told at first: the one group has its card, the other a record that says why not. */
async function expectFiltered(incident: Incident): Promise<void> {
  await eventually('it is on record', async () => (await recordOf(incident)) !== undefined)
  await eventually('the other group has it', () => cardsOf(scene.world, incident).length > 0)
  expect(await recordOf(incident)).toMatchObject({ status: 'skipped', reason_code: 'SEVERITY_FILTERED' })
  expect(placed(incident)).toEqual([])
}

async function expectJoined(incident: Incident): Promise<string> {
  await eventually('the group has its card', () => placed(incident).length > 0)
  const record = await eventually('its record says so', async () => {
    const row = await recordOf(incident)
    return row?.status === 'success' && row
  })
  expect(record.reason_code).toBeNull()
  expect(placed(incident)).toEqual([1])
  const card = cardsOf(scene.world, incident).find(
    (one) => platformId() in scene.world.dingtalk.control.placementsOf(one),
  )
  if (card === undefined) throw new Error('no card')
  return card
}

const raise = (incident: Incident, severity: string) =>
  scene.world.flashduty.control.tell(
    incident.incident_id,
    { event_type: 'i_r_severity', incident: { incident_severity: severity } },
    scene.world.people.zhang.member.member_id,
  )

/** The last event that Flashduty built for the incident, once the daemon has worked it off. */
async function workedOff(incident: Incident): Promise<IncidentEvent> {
  const event = scene.world.flashduty.control
    .events()
    .findLast((one) => one.incident.incident_id === incident.incident_id)
  if (!event) throw new Error('no event')
  await endedJob(scene.world, `ev-${event.event_id}`)
  return event
}

/** Long enough for a sweep that begins after now to have looked at everything. */
async function swept(): Promise<void> {
  const { world } = scene
  const other = await fire(world, {
    title: '之后',
    severity: 'Info',
    chats: [inGroup(world.groups.platform, { severities: ['Warning'] })],
  })
  await eventually('another one is filtered', async () => (await recordOf(other))?.status === 'skipped')
  await raise(other, 'Warning')
  await expectJoined(other)
}

describe('raised by i_r_severity', () => {
  test.each<[filter: unknown, from: Severity, to: string]>([
    [['Critical'], 'Info', 'Critical'],
    [['critical'], 'Info', 'CRITICAL'],
    ['Critical', 'Warning', 'Critical'],
    [['Critical', 'Warning'], 'Info', 'Warning'],
    [['Critical'], 'Info', 'P1'],
  ])('a group with severities %j gets the card of an incident of %s that becomes %s', async (filter, from, to) => {
    const { world } = scene
    const incident = await alert(filter, from)
    await expectFiltered(incident)
    await raise(incident, to)
    const card = await expectJoined(incident)
    // From then on it follows like any other.
    await world.flashduty.control.act(incident.incident_id, 'resolve')
    await everybodySees(world, card, '已恢复')
    await settledRecords(world, incident)
    expect(placed(incident)).toEqual([1])
  })

  test('not when it does not become severe enough', async () => {
    const incident = await alert(['Critical'])
    await expectFiltered(incident)
    await raise(incident, 'Warning')
    await workedOff(incident)
    await swept()
    await expectFiltered(incident)
    await raise(incident, 'Critical')
    await expectJoined(incident)
  })

  test('not when it is closed', async () => {
    const { control } = scene.world.flashduty
    const incident = await alert(['Critical'])
    await expectFiltered(incident)
    await control.act(incident.incident_id, 'resolve')
    await workedOff(incident)
    await raise(incident, 'Critical')
    await workedOff(incident)
    await swept()
    await expectFiltered(incident)
  })

  test('not when it is closed by the very event that raises it', async () => {
    const { world } = scene
    const incident = await alert(['Critical'])
    await expectFiltered(incident)
    const last = await workedOff(incident)
    const closed = followUp(last, {
      event_type: 'i_rslv',
      incident: { incident_severity: 'Critical', progress: 'Closed' },
      delivery: undefined,
    })
    await endedJob(world, await enqueue(world, closed))
    await swept()
    await expectFiltered(incident)
  })

  test('not twice, however often it is raised and lowered', async () => {
    const incident = await alert(['Critical'])
    await expectFiltered(incident)
    for (const severity of ['Critical', 'Info', 'Critical', 'Warning', 'Critical']) {
      await raise(incident, severity)
      const event = await workedOff(incident)
      // Nor when the same event comes again.
      await endedJob(scene.world, await enqueue(scene.world, event))
      expect((await send(event)).body).toMatchObject({ duplicate: true })
    }
    const card = await expectJoined(incident)
    await swept()
    expect(placed(incident)).toEqual([1])
    expect(callsFor(scene.world, 'createAndDeliver', card).length + callsFor(scene.world, 'deliver', card).length).toBe(
      cardsOf(scene.world, incident).length === 1 ? 2 : 1,
    )
  })

  test('not by an older event that comes late', async () => {
    const { world } = scene
    const incident = await alert(['Critical'])
    await expectFiltered(incident)
    const last = await workedOff(incident)
    const older = followUp(last, {
      event_type: 'i_r_severity',
      incident: { incident_severity: 'Critical' },
      delivery: undefined,
    })
    older.event_time -= 60_000
    older.incident.updated_at -= 60
    await endedJob(world, await enqueue(world, older))
    await swept()
    await expectFiltered(incident)
  })
})

test('raised by any other event that says so', async () => {
  const { world } = scene
  for (const type of ['i_comm', 'i_ack', 'i_notify']) {
    const incident = await alert(['Critical'])
    await expectFiltered(incident)
    await world.flashduty.control.tell(
      incident.incident_id,
      { event_type: type, incident: { incident_severity: 'Critical' } },
      world.people.zhang.member.member_id,
    )
    await expectJoined(incident)
  }
})

test('raised by an event that names the group again: the group is told once', async () => {
  const { world } = scene
  const incident = await alert(['Critical'])
  await expectFiltered(incident)
  await world.flashduty.control.tell(incident.incident_id, {
    event_type: 'i_notify',
    incident: { incident_severity: 'Critical' },
    delivery: {},
  })
  await workedOff(incident)
  await eventually('the group has its card', () => placed(incident).length > 0)
  await swept()
  expect(placed(incident)).toEqual([1])
  await settledRecords(world, incident)
})

test('raised by an event that was lost, and told by the next one', async () => {
  const { world } = scene
  const incident = await alert(['Critical'])
  await expectFiltered(incident)
  const kept = world.flashduty.control.holdEvents()
  try {
    await raise(incident, 'Critical')
    await world.flashduty.control.act(incident.incident_id, 'ack', world.people.zhang.member.member_id)
  } finally {
    await kept.release((held) => held.slice(-1))
  }
  await expectJoined(incident)
})

test('raised by an event that was lost, and told by Flashduty’s answer to a press', async () => {
  const { world } = scene
  const { zhang } = world.people
  const incident = await alert(['Critical'])
  await expectFiltered(incident)
  const card = await theCardOf(world, incident)
  const kept = world.flashduty.control.holdEvents()
  try {
    await raise(incident, 'Critical')
    expect(answerOf(await press(world, card, zhang, '认领')).title).toContain('处理中')
    await expectJoined(incident)
  } finally {
    await kept.release(() => [])
  }
})

test('a group that has no cool app yet gets it once it has, if the incident is severe enough by then', async () => {
  const { world } = scene
  const { control } = world.dingtalk
  const group = control.createGroup({ title: '后来的群', memberUserIds: [world.people.li.user.userId] })
  const { oncall } = world.groups
  const incident = await fire(world, {
    title: '两样都缺',
    severity: 'Info',
    chats: [inGroup(oncall), inGroup(group, { severities: ['Critical'] })],
  })
  await eventually('it is on record', async () => (await recordsOf(world, incident)).length >= 2)
  control.installCoolApp(group.openConversationId, world.dingtalkApp.clientId)
  await swept()
  const has = (): boolean =>
    cardsOf(world, incident).some((card) => group.openConversationId in control.placementsOf(card))
  expect(has()).toBe(false)
  await raise(incident, 'Critical')
  await eventually('it is told', has)
  await settledRecords(world, incident)
})

afterAll(() => {
  expectSilence(scene.world, scene.app.lines)
})
