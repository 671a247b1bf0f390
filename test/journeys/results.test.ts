import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest'

import type { Overrides } from '../../src/app.ts'
import type { Group } from '../sandbox/dingtalk/types.ts'
import type { Incident } from '../sandbox/flashduty/types.ts'
import { readDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { composeIncident, enqueue, followUp, withQueue } from '../support/jobs.ts'
import {
  bootImpatient,
  everybodySees,
  expectSilence,
  fire,
  inGroup,
  listGroups,
  installInMany,
  openScene,
  recordsOf,
  type Scene,
  settledRecords,
  theCardOf,
} from '../support/journey.ts'
import { DATA_SOURCE_ID, type LogLine, type Person } from '../support/world.ts'

const RESULTS = 'flashduty-dingtalk-result'
const DIRECTORY = 'flashduty-dingtalk-directory'

const overrides: Overrides = { sweepMs: 500, reportMs: 100 }

let scene: Scene
/** Of all daemons so far. */
let lines: LogLine[] = []
beforeAll(async () => {
  scene = await openScene({ overrides })
})
afterEach(() => {
  scene.world.dingtalk.control.clearFaults()
})
afterAll(async () => {
  await scene.close()
})

type Outcome = Record<string, unknown> & { status: string }
type Result = Record<string, unknown> & { event_id: string; seq: number; persons: Outcome[]; chats: Outcome[] }

/** What waits in a queue of Flashduty's, oldest first. */
function readQueue<T>(name: string): Promise<T[]> {
  const read = withQueue(
    scene.world,
    async (queue) => (await queue.getJobs(['waiting'], 0, -1, true)).map((job) => job.data as T),
    name,
  )
  return read
}

async function resultsOf(incident: Incident): Promise<Result[]> {
  return (await readQueue<Result>(RESULTS)).filter((result) => result['incident_id'] === incident.incident_id)
}

/** Resolves when there are so many reports on the incident, with the last of them. */
function lastResult(incident: Incident, count: number): Promise<Result> {
  return eventually(`${count} reports`, async () => {
    const results = await resultsOf(incident)
    expect(results.map(({ seq }) => seq)).toEqual(Array.from({ length: count }, (_, index) => index + 1))
    return results.at(-1)
  })
}

function lastResultOf(eventId: string): Promise<Result> {
  return eventually(`a report on ${eventId}`, async () =>
    (await readQueue<Result>(RESULTS)).findLast((result) => result.event_id === eventId),
  )
}

/** From here on no card gets through to DingTalk, until the faults are cleared. */
function stopCreates(): void {
  const body = { code: 'Forbidden.AccessDenied.AccessTokenPermissionDenied', message: '应用尚未开通所需的权限' }
  const effect = { kind: 'answer', status: 403, body } as const
  scene.world.dingtalk.control.addFault({ api: 'createAndDeliver', times: 10_000, effect })
}

/** Nobody else has 王五 linked. */
async function unlinkWang(): Promise<void> {
  const { world } = scene
  await world.cli('links', 'remove', '--dingtalk-user', world.people.wang.user.userId)
}

async function restart(): Promise<void> {
  lines = [...lines, ...scene.app.lines]
  await scene.app.stop()
  scene.app = await bootImpatient(scene.world, overrides)
}

const ofPerson = (person: Person, outcome: Outcome) => ({ person_id: person.member.member_id, ...outcome })
const ofGroup = (group: Group, outcome: Outcome) => ({
  ...{ data_source_id: DATA_SOURCE_ID, chat_id: group.openConversationId, chat_name: group.title },
  ...outcome,
})
const NOT_LINKED: Outcome = { status: 'failed', reason_code: 'NOT_LINKED', failed_reason: '未关联应用' }

describe('Flashduty is told', () => {
  test('at once who could not be reached in person, and the rest when it has settled', async () => {
    const { world } = scene
    const { zhang, wang } = world.people
    const { oncall } = world.groups
    stopCreates()
    const startedAt = Date.now()
    const { incident, assigned } = await composeIncident(world, {
      chats: [inGroup(oncall)],
      personIds: [zhang.member.member_id, wang.member.member_id],
      delivery: { rid: 'rid-1' },
    })
    await enqueue(world, assigned)
    const early = await lastResult(incident, 1)
    expect(early.persons).toContainEqual(ofPerson(wang, NOT_LINKED))
    for (const outcome of [...early.persons, ...early.chats].filter(({ status }) => status !== 'failed')) {
      expect(['pending', 'retrying']).toContain(outcome.status)
      expect(outcome).not.toHaveProperty('failed_reason')
    }

    world.dingtalk.control.clearFaults()
    const final = await lastResult(incident, 2)
    const card = await theCardOf(world, incident)
    const assignedTo = assigned.incident['assigned_to'] as Record<string, unknown>
    expect(final).toEqual({
      event_id: assigned.event_id,
      incident_id: incident.incident_id,
      finished_at: expect.any(Number) as number,
      seq: 2,
      rid: 'rid-1',
      msg_id: card,
      fire_type: 'fire',
      escalate_rule_id: assignedTo['escalate_rule_id'],
      escalate_rule_name: assignedTo['escalate_rule_name'],
      layer_idx: 0,
      by: 'dingtalk_app',
      persons: expect.any(Array) as Outcome[],
      chats: [ofGroup(oncall, { status: 'success', msg_id: card })],
    })
    expect(final.persons).toHaveLength(2)
    expect(final.persons).toContainEqual(ofPerson(wang, NOT_LINKED))
    expect(final.persons).toContainEqual(ofPerson(zhang, { status: 'success', msg_id: card }))
    expect(final['finished_at']).toBeGreaterThanOrEqual(startedAt)
    expect(final['finished_at']).toBeLessThanOrEqual(Date.now())
  })

  test('nothing early when nobody is beyond reach', async () => {
    const { world } = scene
    const { zhang } = world.people
    const { oncall, platform } = world.groups
    stopCreates()
    const fields = { chats: [inGroup(oncall), inGroup(platform)], personIds: [zhang.member.member_id] }
    const incident = await fire(world, fields)
    await eventually('it is tried again', async () =>
      (await recordsOf(world, incident)).some(({ status }) => status === 'retrying'),
    )
    world.dingtalk.control.clearFaults()
    const only = await lastResult(incident, 1)
    expect([...only.persons, ...only.chats].map(({ status }) => status)).toEqual(['success', 'success', 'success'])
  })

  test('of people whom an earlier event reached, though this one names nobody', async () => {
    const { world } = scene
    const { zhang } = world.people
    const { oncall } = world.groups
    const fields = { chats: [inGroup(oncall)], personIds: [zhang.member.member_id] }
    const { incident, created, assigned } = await composeIncident(world, fields)
    await enqueue(world, assigned)
    await lastResult(incident, 1)
    const named = created.incident['responders'] as unknown[] | undefined
    expect(named ?? []).toEqual([])
    // Of the same millisecond, the ids decide which is newer: i_new may come out on top.
    const late = { ...followUp(created, { delivery: undefined }), event_time: assigned.event_time + 1 }
    await enqueue(world, late)
    const result = await lastResultOf(late.event_id)
    expect([...result.persons, ...result.chats].map(({ status }) => status)).toEqual(['updated', 'updated'])
    expect(result.persons).toMatchObject([{ person_id: zhang.member.member_id }])
  })

  test('of groups that could not be told, with the reason', async () => {
    const { world } = scene
    const stranger = 'cidNobodyKnowsThisOne=='
    const incident = await fire(world, { chats: [inGroup(world.groups.oncall), { chat_id: stranger }] })
    const { chats } = await lastResult(incident, 1)
    expect(chats).toHaveLength(2)
    expect(chats.find((chat) => chat['chat_id'] === stranger)).toEqual({
      ...{ data_source_id: DATA_SOURCE_ID, chat_id: stranger },
      ...{ status: 'failed', reason_code: 'COOL_APP_NOT_INSTALLED', failed_reason: '群未安装酷应用' },
    })
  })

  test('nothing of what was skipped, nor of updates', async () => {
    const { world } = scene
    const { oncall, platform } = world.groups
    const skipped = await fire(world, { severity: 'Info', chats: [inGroup(oncall, { severities: ['Critical'] })] })
    const half = await fire(world, {
      severity: 'Info',
      chats: [inGroup(oncall, { severities: ['Critical'] }), inGroup(platform)],
    })
    expect((await lastResult(half, 1)).chats).toMatchObject([{ chat_id: platform.openConversationId }])
    await world.flashduty.control.act(half.incident_id, 'ack', world.people.zhang.member.member_id)
    await everybodySees(world, await theCardOf(world, half), '处理中')
    await settledRecords(world, half)
    // Reports go out in turn: with a later one there, the earlier would be.
    await lastResult(await fire(world, { chats: [inGroup(oncall)] }), 1)
    expect(await resultsOf(half)).toHaveLength(1)
    expect(await resultsOf(skipped)).toEqual([])
  })

  test('of every notification by itself', async () => {
    const { world } = scene
    const { incident, assigned } = await composeIncident(world, { chats: [inGroup(world.groups.oncall)] })
    await enqueue(world, assigned)
    await lastResult(incident, 1)
    const delivery = { fire_type: 'refire', rid: 'rid-2' }
    const again = followUp(assigned, { event_type: 'i_notify', delivery })
    await enqueue(world, again)
    const results = await eventually('a second report', async () => {
      const all = await resultsOf(incident)
      return all.length === 2 && all
    })
    expect(results[1]).toMatchObject({ event_id: again.event_id, seq: 1, fire_type: 'refire', rid: 'rid-2' })
    expect(results[1]?.['msg_id']).not.toBe(results[0]?.['msg_id'])
  })

  test('again when somebody who was beyond reach has been told after all', async () => {
    const { world } = scene
    const { wang } = world.people
    const incident = await fire(world, { personIds: [wang.member.member_id] })
    expect((await lastResult(incident, 1)).persons).toEqual([ofPerson(wang, NOT_LINKED)])
    const link = ['--dingtalk-user', wang.user.userId, '--member', String(wang.member.member_id)]
    onTestFinished(unlinkWang)
    expect((await world.cli('links', 'add', ...link)).code).toBe(0)
    const final = await lastResult(incident, 2)
    expect(final.persons).toMatchObject([{ person_id: wang.member.member_id, status: 'success' }])
    expect(final.persons[0]).not.toHaveProperty('failed_reason')
  })

  test('once Redis takes it again', async () => {
    const { world } = scene
    // The queue cannot be written to, then Redis is gone, then it is back and empty.
    await withQueue(world, (_queue, redis) => redis.set(`bull:${RESULTS}:wait`, 'in the way'))
    const incident = await fire(world, { chats: [inGroup(world.groups.oncall)] })
    await theCardOf(world, incident)
    await settledRecords(world, incident)
    await eventually('it was tried and put off', () => {
      const query = "select due_at from results where incident_id = ? and reported like '~%' and due_at > ?"
      return readDatabase(world, query, incident.incident_id, Date.now()).length === 1
    })
    await restart()
    await world.redis.restart()
    const only = await lastResult(incident, 1)
    expect(only.chats).toMatchObject([{ status: 'success' }])
  })

  test('the newest ten thousand reports, if it fetches none', async () => {
    const { world } = scene
    const now = Date.now()
    const old = Array.from({ length: 40 }, (_, index) => ({
      ...{ name: 'result', data: { event_id: `old-${index}` } },
      opts: { jobId: `old-${index}`, timestamp: now - 8 * 86_400_000 },
    }))
    const many = Array.from({ length: 11_500 }, (_, index) => ({
      ...{ name: 'result', data: { event_id: `many-${index}` } },
      opts: { jobId: `many-${index}`, timestamp: now - 60_000 + index },
    }))
    await withQueue(world, (queue) => queue.addBulk([...old, ...many]), RESULTS)
    const last = await fire(world, { chats: [inGroup(world.groups.oncall)] })
    await settledRecords(world, last)
    await eventually('ten thousand are left', async () =>
      withQueue(world, async (queue) => (await queue.getWaitingCount()) === 10_000, RESULTS),
    )
    await lastResult(last, 1)
    const left = (await readQueue<Result>(RESULTS)).map(({ event_id: id }) => id)
    expect(left.filter((id) => id.startsWith('old-'))).toEqual([])
    expect(left).toContain('many-11499')
    expect(left).not.toContain('many-0')
    const told = scene.app.lines.filter(({ msg }) => msg === 'results-trimmed')
    expect(told.length).toBeGreaterThan(0)
    expect(new Set(told.map(({ level }) => level))).toEqual(new Set(['warn']))
    await withQueue(world, (queue) => queue.obliterate({ force: true }), RESULTS)
  })
})

describe('the directory', () => {
  type Directory = {
    integration_id: string
    data_source_id: number
    groups: { chat_id: string; chat_name: string; status: string }[]
    links: { person_id: number; dingtalk_user_id: string }[]
  }

  /** Resolves when the one directory that waits looks like this. */
  const directory = (what: string, looks: (directory: Directory) => boolean): Promise<Directory> =>
    eventually(what, async () => {
      const waiting = await readQueue<Directory>(DIRECTORY)
      expect(waiting).toHaveLength(1)
      const [only] = waiting
      return only !== undefined && looks(only) && only
    })
  const fetchAll = () =>
    withQueue(
      scene.world,
      async (queue) => {
        for (const job of await queue.getJobs(['waiting'])) await job.remove()
      },
      DIRECTORY,
    )
  const statusOf = (told: Directory, group: Group) =>
    told.groups.find(({ chat_id: id }) => id === group.openConversationId)?.status

  test('is told at every start', async () => {
    const { world } = scene
    const { zhang, li } = world.people
    await fetchAll()
    await restart()
    const told = await directory('the directory', () => true)
    expect(told).toMatchObject({ integration_id: world.integrationId, data_source_id: DATA_SOURCE_ID })
    const groups = Object.values(world.groups).map((group) => ({
      ...{ chat_id: group.openConversationId, chat_name: group.title, status: 'installed' },
    }))
    expect(told.groups).toEqual(expect.arrayContaining(groups))
    const installed = (await listGroups(world)).filter(({ status }) => status === 'installed')
    expect(told.groups.filter(({ status }) => status === 'installed')).toHaveLength(installed.length)
    const links = [zhang, li].map(({ user, member }) => ({
      ...{ person_id: member.member_id, dingtalk_user_id: user.userId },
    }))
    expect(told.links).toHaveLength(2)
    expect(told.links).toEqual(expect.arrayContaining(links))
  })

  test('is told after each change, and only the newest waits', async () => {
    const { world } = scene
    const { control } = world.dingtalk
    const { wang } = world.people
    const [group] = await installInMany(world, 1, '新群')
    if (!group) throw new Error('no group')
    const told = await directory('the installed group', (one) => statusOf(one, group) === 'installed')
    expect(Object.values(world.groups).map((one) => statusOf(told, one))).toEqual(['installed', 'installed'])

    control.renameGroup(group.openConversationId, '改了名的群')
    await directory('the new name', (one) => one.groups.some(({ chat_name: name }) => name === '改了名的群'))

    const { clientId } = world.dingtalkApp
    control.uninstallCoolApp(group.openConversationId, clientId)
    await directory('no longer installed', (one) => statusOf(one, group) !== 'installed')

    const link = ['--dingtalk-user', wang.user.userId]
    onTestFinished(unlinkWang)
    await world.cli('links', 'add', ...link, '--member', String(wang.member.member_id))
    const hasWang = (one: Directory) =>
      one.links.some(
        ({ person_id: id, dingtalk_user_id: user }) => id === wang.member.member_id && user === wang.user.userId,
      )
    await directory('the new link', hasWang)
    await world.cli('links', 'remove', ...link)
    await directory('without the link', (one) => !hasWang(one))

    // Back to what it was: that is a change too, also for a Flashduty that has fetched all of them.
    await fetchAll()
    control.installCoolApp(group.openConversationId, clientId)
    await directory('installed once more', (one) => statusOf(one, group) === 'installed')
    await fetchAll()
    control.uninstallCoolApp(group.openConversationId, clientId)
    await directory('and gone once more', (one) => statusOf(one, group) !== 'installed')
  })
})

afterAll(() => {
  const errors = ['card-create-failed', 'redis-state', 'stream-refused']
  expectSilence(scene.world, [...lines, ...scene.app.lines], { errors })
})
