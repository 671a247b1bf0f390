import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, describe, expect, test } from 'vitest'

import type { Group } from '../sandbox/dingtalk/types.ts'
import type { Incident, IncidentEvent } from '../sandbox/flashduty/types.ts'
import { eventually } from '../support/eventually.ts'
import { endedJob, enqueue, pauseJobs } from '../support/jobs.ts'
import {
  callsFor,
  cardsOf,
  everybodySees,
  expectSilence,
  inGroup,
  listRecords,
  type OperationRecord,
  recordsOf,
  settledRecords,
  theCardOf,
  useScene,
  view,
} from '../support/journey.ts'
import { changed, composeAlert, usePosts } from '../support/odd-bodies.ts'

/** One event id and several bodies: each event tells each target once, and nobody's event takes the place of another's. */

const scene = useScene()
const send = usePosts(scene)

/** The doors by which a body comes in; each resolves once it has been worked off. */
const DOORS = {
  async queue(body: unknown): Promise<void> {
    expect(await endedJob(scene.world, await enqueue(scene.world, body))).toMatchObject({ state: 'completed' })
  },
  async webhook(body: unknown): Promise<void> {
    expect((await send(body)).status).toBe(200)
    await eventually('it is planned', () => waiting().length === 0)
  },
}
type Door = keyof typeof DOORS
const WAYS: [first: Door, then: Door][] = [
  ['webhook', 'webhook'],
  ['queue', 'queue'],
  ['webhook', 'queue'],
  ['queue', 'webhook'],
]

const waiting = () =>
  scene.world.reader().raw.prepare("select 1 from inbox where source = 'posted' and payload is not null").all()

/** An alert for one group and nobody else. */
const alertFor = (...groups: Group[]) =>
  composeAlert(scene.world, { chats: groups.map((group) => inGroup(group)), personIds: [], responderIds: [] })

const forGroups = (body: IncidentEvent, ...groups: Group[]) =>
  changed(body, { delivery: { chats: groups.map((group) => inGroup(group)) } })

/** How many messages about the incident each place has. */
function messages(incident: Incident): Record<string, number> {
  const all = cardsOf(scene.world, incident).flatMap((card) =>
    Object.entries(scene.world.dingtalk.control.placementsOf(card)),
  )
  const counts: Record<string, number> = {}
  for (const [place, count] of all) counts[place] = (counts[place] ?? 0) + count
  return counts
}

const once = (...groups: Group[]) => Object.fromEntries(groups.map((group) => [group.openConversationId, 1]))

const told = (record: OperationRecord | undefined) => [record?.status, record?.reason_code]

describe('the same event for another group', () => {
  test.each(WAYS)('first by the %s, then by the %s: tells that group, and the first one not again', async (a, b) => {
    const { oncall, platform } = scene.world.groups
    const { incident, assigned } = await alertFor(oncall)
    await DOORS[a](assigned)
    await eventually('the first is told', () => messages(incident)[oncall.openConversationId] === 1)
    await DOORS[b](forGroups(assigned, platform))
    await eventually('the second is told', () => messages(incident)[platform.openConversationId] === 1)
    const records = await settledRecords(scene.world, incident)
    expect(messages(incident)).toEqual(once(oncall, platform))
    expect(records.map(({ event_id: id }) => id)).toEqual([assigned.event_id, assigned.event_id])
    expect(records.map(told)).toEqual([
      ['success', null],
      ['success', null],
    ])
    const created = cardsOf(scene.world, incident).flatMap((card) => callsFor(scene.world, 'createAndDeliver', card))
    const joined = cardsOf(scene.world, incident).flatMap((card) => callsFor(scene.world, 'deliver', card))
    expect(created.length + joined.length).toBe(2)
  })

  test('with both groups named, only the new one is told', async () => {
    const { oncall, platform } = scene.world.groups
    const { incident, assigned } = await alertFor(oncall)
    await DOORS.webhook(assigned)
    await theCardOf(scene.world, incident)
    await settledRecords(scene.world, incident)
    await DOORS.webhook(forGroups(assigned, platform, oncall))
    await eventually('the second is told', () => messages(incident)[platform.openConversationId] === 1)
    await settledRecords(scene.world, incident)
    expect(messages(incident)).toEqual(once(oncall, platform))
    // And again, in the other order: nobody is left to be told.
    await DOORS.queue(forGroups(assigned, oncall, platform))
    await settledRecords(scene.world, incident)
    expect(messages(incident)).toEqual(once(oncall, platform))
  })

  test('or for a person: the person is told', async () => {
    const { world } = scene
    const { li } = world.people
    const { incident, assigned } = await alertFor(world.groups.oncall)
    await DOORS.webhook(assigned)
    await theCardOf(world, incident)
    await DOORS.webhook(changed(assigned, { delivery: { chats: [], person_ids: [li.member.member_id] } }))
    const records = await eventually('both are on record', async () => {
      const all = await settledRecords(world, incident)
      return all.length === 2 && all
    })
    expect(records.map(({ kind, status }) => [kind, status]).sort()).toEqual([
      ['group', 'success'],
      ['person', 'success'],
    ])
  })

  test('in both bodies at the same moment: each group is told once', async () => {
    const { oncall, platform } = scene.world.groups
    const { incident, assigned } = await alertFor(oncall)
    const bodies = [assigned, forGroups(assigned, platform), assigned, forGroups(assigned, platform, oncall)]
    await Promise.all(bodies.flatMap((body) => [send(body), enqueue(scene.world, body)]))
    await eventually('both are told', () => {
      expect(messages(incident)).toEqual(once(oncall, platform))
      return true
    })
    await eventually('all is planned', () => waiting().length === 0)
    await settledRecords(scene.world, incident)
    expect(messages(incident)).toEqual(once(oncall, platform))
  })
})

describe('another content under the same id', () => {
  test.each(WAYS)('a forged body by the %s does not silence the genuine one by the %s', async (a, b) => {
    const { oncall } = scene.world.groups
    const forged = await alertFor(oncall)
    const genuine = await alertFor(oncall)
    await DOORS[a]({ ...forged.assigned, event_id: genuine.assigned.event_id })
    await theCardOf(scene.world, forged.incident)
    await DOORS[b](genuine.assigned)
    await theCardOf(scene.world, genuine.incident)
    for (const { incident } of [forged, genuine]) {
      expect((await settledRecords(scene.world, incident)).map(told)).toEqual([['success', null]])
      expect(messages(incident)).toEqual(once(oncall))
    }
    const [record] = await recordsOf(scene.world, genuine.incident)
    expect(record?.note).toContain('EVENT_ID_REUSED')
    // What Flashduty does to it later finds its card.
    await scene.world.flashduty.control.act(genuine.incident.incident_id, 'resolve')
    await everybodySees(scene.world, await theCardOf(scene.world, genuine.incident), '已恢复')
    await settledRecords(scene.world, genuine.incident)
  })

  test('a forged body for nobody, or for a group without the cool app, does not either', async () => {
    const { oncall } = scene.world.groups
    for (const chats of [[], [{ chat_id: 'cidNobody==' }]]) {
      const forged = await alertFor(oncall)
      const { incident, assigned } = await alertFor(oncall)
      const body = { ...forged.assigned, event_id: assigned.event_id, event_type: 'i_comm' }
      await DOORS.webhook(changed(body, { delivery: { chats } }))
      await DOORS.webhook(assigned)
      await theCardOf(scene.world, incident)
      expect((await settledRecords(scene.world, incident)).map(told)).toEqual([['success', null]])
      expect(messages(incident)).toEqual(once(oncall))
    }
  })

  test('a forged body that can never be taken in does not either', async () => {
    const { oncall } = scene.world.groups
    const { incident, assigned } = await alertFor(oncall)
    expect((await send({ ...assigned, incident: {} })).status).toBe(400)
    await endedJob(scene.world, await enqueue(scene.world, { ...assigned, incident: { incident_id: 7 } }))
    expect((await send({ ...assigned, event_type: 'a_new' })).status).toBe(200)
    await DOORS.webhook(assigned)
    await theCardOf(scene.world, incident)
    await eventually('the group has it', () => messages(incident)[oncall.openConversationId] === 1)
  })

  test('the same incident with another title is another event, which the card shows', async () => {
    const { world } = scene
    const { incident, assigned } = await alertFor(world.groups.oncall)
    await DOORS.webhook(assigned)
    const card = await theCardOf(world, incident)
    const later = { event_type: 'i_r_title', event_time: assigned.event_time + 5, incident: { title: '改过的标题' } }
    await DOORS.webhook(changed(assigned, later))
    await everybodySees(world, card, '改过的标题')
    await settledRecords(world, incident)
    expect(messages(incident)).toEqual(once(world.groups.oncall))
  })

  test.each<Door>(['webhook', 'queue'])('at most eight bodies by the %s: the ninth is told so', async (door) => {
    const { world } = scene
    const eventId = randomUUID()
    const alerts = []
    for (let index = 0; index < 10; index++) alerts.push(await alertFor(world.groups.oncall))
    const bodies = alerts.map(({ assigned }) => ({ ...assigned, event_id: eventId }))
    for (const body of bodies.slice(0, 8)) await DOORS[door](body)
    for (const { incident } of alerts.slice(0, 8)) {
      await theCardOf(world, incident)
      await settledRecords(world, incident)
    }
    for (const body of bodies.slice(8)) {
      if (door === 'webhook') {
        expect(await send(body)).toMatchObject({ status: 409, body: { error: 'TOO_MANY_VARIANTS' } })
      } else {
        await DOORS.queue(body)
      }
    }
    if (door === 'queue') {
      const failed = (await listRecords(world, '--status', 'failed')).filter(({ event_id: id }) => id === eventId)
      expect(failed).toMatchObject([{ reason_code: 'EVENT_ID_REUSED' }])
      expect(failed[0]?.failed_reason).toMatch(/\p{Script=Han}/u)
    }
    for (const { incident } of alerts.slice(8)) expect(cardsOf(world, incident)).toEqual([])
    // Those that were taken in stay known by their bodies.
    for (const body of bodies.slice(0, 8)) expect((await send(body)).body).toMatchObject({ duplicate: true })
    // Under an id of its own the ninth is as welcome as any.
    const [ninth] = alerts.slice(8)
    if (!ninth) throw new Error('there are ten')
    await DOORS[door](ninth.assigned)
    await theCardOf(world, ninth.incident)
    await settledRecords(world, ninth.incident)
  })

  test('as many at once: none of the first eight is lost, and one id never counts for another', async () => {
    const { world } = scene
    const eventId = randomUUID()
    const alerts = []
    for (let index = 0; index < 9; index++) alerts.push(await alertFor(world.groups.oncall))
    const answers = await Promise.all(alerts.map(({ assigned }) => send({ ...assigned, event_id: eventId })))
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array.from({ length: 8 }, () => 200), 409])
    for (const [index, { incident }] of alerts.entries()) {
      if (answers[index]?.status !== 200) continue
      await theCardOf(world, incident)
      await settledRecords(world, incident)
      expect(messages(incident)).toEqual(once(world.groups.oncall))
    }
  })
})

describe('the same body', () => {
  const reversed = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
    const entries = Object.entries(value).map(([key, inner]): [string, unknown] => [key, reversed(inner)])
    return Object.fromEntries(entries.reverse())
  }

  test.each(WAYS)('in another order of its keys, by the %s and by the %s, is a duplicate', async (a, b) => {
    const { world } = scene
    const { incident, assigned } = await alertFor(world.groups.oncall)
    await DOORS[a](assigned)
    const card = await theCardOf(world, incident)
    const before = (await settledRecords(world, incident)).map(({ record_key: key, status }) => [key, status])
    await DOORS[b](reversed(assigned))
    expect((await send(reversed(assigned))).body).toMatchObject({ accepted: true, duplicate: true })
    const after = (await settledRecords(world, incident)).map(({ record_key: key, status }) => [key, status])
    expect(after).toEqual(before)
    expect((await recordsOf(world, incident)).map(({ note }) => note)).toEqual([null])
    expect(messages(incident)).toEqual(once(world.groups.oncall))
    expect(cardsOf(world, incident)).toEqual([card])
    expect(view(world, card, world.people.zhang).title).toContain('待处理')
  })

  test('by the command is the same event as by the webhook', async () => {
    const { world } = scene
    const folder = await mkdtemp(join(tmpdir(), 'flashduty-dingtalk-same-'))
    try {
      const { incident, assigned } = await alertFor(world.groups.oncall)
      const file = join(folder, 'event.json')
      await writeFile(file, JSON.stringify(reversed(assigned)))
      await DOORS.webhook(assigned)
      await theCardOf(world, incident)
      expect(await world.cli('deliver', file)).toMatchObject({ code: 0 })
      // Another group in the same file is told.
      await writeFile(file, JSON.stringify(forGroups(assigned, world.groups.platform)))
      expect(await world.cli('deliver', file)).toMatchObject({ code: 0, out: expect.stringContaining('Enqueued') })
      await eventually('it is told', () => messages(incident)[world.groups.platform.openConversationId] === 1)
      await settledRecords(world, incident)
      expect(messages(incident)).toEqual(once(world.groups.oncall, world.groups.platform))
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })

  test('posted while its job waits, for several groups, tells each of them', async () => {
    const { world } = scene
    const { oncall, platform } = world.groups
    const { incident, assigned } = await alertFor(oncall)
    const resume = await pauseJobs(world)
    try {
      expect((await send(assigned)).body).toMatchObject({ duplicate: false })
      expect((await send(assigned)).body).toMatchObject({ duplicate: true })
      expect((await send(forGroups(assigned, platform))).body).toMatchObject({ duplicate: false })
      expect((await send(reversed(forGroups(assigned, platform)))).body).toMatchObject({ duplicate: true })
    } finally {
      await resume()
    }
    await eventually('both are told', () => {
      expect(messages(incident)).toEqual(once(oncall, platform))
      return true
    })
    await settledRecords(world, incident)
  })
})

afterAll(() => {
  expectSilence(scene.world, scene.app.lines, { errors: ['delivery-refused'] })
})
