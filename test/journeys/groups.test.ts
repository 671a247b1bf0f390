import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import type { Group } from '../sandbox/dingtalk/types.ts'
import type { Incident } from '../sandbox/flashduty/types.ts'
import { changeDatabase, readDatabase } from '../support/database.ts'
import { isGroupDue } from '../support/due.ts'
import { eventually } from '../support/eventually.ts'
import {
  bootImpatient,
  callsFor,
  everybodySees,
  expectSilence,
  fire,
  inGroup,
  installInMany,
  listGroups,
  openScene,
  press,
  recordsOf,
  type Scene,
  theCardOf,
} from '../support/journey.ts'
import { lockDatabase } from '../support/lock.ts'
import { readyz } from '../support/readyz.ts'
import type { LogLine } from '../support/world.ts'

/** How far the daemon's clock has gone on without it. */
let slept = 0
const clock = { nowMs: () => Date.now() + slept }
const OUTAGE_MS = 300
const overrides = { clock, keepTrue: { outageMs: OUTAGE_MS, listenedEveryMs: 100 }, sweepMs: 300 }

let scene: Scene
/** Of daemons that were stopped. */
let lines: LogLine[] = []
beforeAll(async () => {
  scene = await openScene({ overrides, dingtalk: { redeliveryDelaysMs: [50, 100], robotRedeliveryDelayMs: 300 } })
})
beforeEach(() => nothingToAsk())
afterEach(() => scene.world.dingtalk.control.clearFaults())
afterAll(async () => {
  await scene.close()
})

const control = () => scene.world.dingtalk.control
const clientId = () => scene.world.dingtalkApp.clientId

async function newGroup(title: string): Promise<Group> {
  const memberUserIds = Object.values(scene.world.people).map((person) => person.user.userId)
  return control().createGroup({ title, memberUserIds })
}

async function known(group: Group): Promise<{ title: string | null; status: string } | undefined> {
  const found = (await listGroups(scene.world)).find((row) => row.openConversationId === group.openConversationId)
  return found && { title: found.title, status: found.status }
}

/** Resolves once the daemon believes this of the group. */
async function becomes(group: Group, expected: { title?: string | null; status: string }): Promise<void> {
  await eventually(`${group.title} becomes ${expected.status}`, async () => {
    expect(await known(group)).toMatchObject(expected)
    return true
  })
}

/** Why each group was not told; null = it was. */
async function outcomes(incident: Incident): Promise<Record<string, string | null>> {
  return eventually('the groups’ records are settled', async () => {
    const ofGroups = (await recordsOf(scene.world, incident)).filter(({ kind }) => kind === 'group')
    if (ofGroups.some(({ status }) => status === 'pending' || status === 'retrying')) return undefined
    return ofGroups.length > 0 && Object.fromEntries(ofGroups.map((row) => [row.target_id, row.reason_code]))
  })
}

/**
 * Resolves when the daemon listens, has noticed every silence until now, and has asked about all groups that it wanted to
 * ask about: what an outage of one test makes it ask would be counted, or refused, in the next.
 */
async function nothingToAsk(): Promise<void> {
  const { world } = scene
  const since = clock.nowMs()
  await eventually('nothing is left to ask', () => {
    const [heard] = readDatabase<{ heard_at: number }>(world, 'select heard_at from last_heard')
    return (heard?.heard_at ?? 0) > since && !isGroupDue(world, clock.nowMs())
  })
}

function asked(group: Group): number {
  const { journal } = scene.world.dingtalk
  const about = [...journal.requests('sceneGroups/query'), ...journal.requests('robots/query')]
  return about.filter(({ body }) => JSON.stringify(body).includes(group.openConversationId)).length
}

describe('what happened while nobody listened is known right after', () => {
  /** Pushes of this time are lost, and DingTalk's API does not answer either. */
  async function outage(happens: () => string[]): Promise<void> {
    control().addHandshakeFault({ times: 1_000, effect: { kind: 'refuse', status: 503 } })
    control().addFault({ api: 'connections/open', times: 1_000, effect: { kind: 'reset' } })
    control().addFault({ api: 'sceneGroups/query', times: 1_000, effect: { kind: 'reset' } })
    control().dropConnections(clientId())
    const since = performance.now()
    for (const eventId of happens()) expect(await control().eventSettled(eventId)).toBe('dropped')
    await eventually('the daemon has noticed', () => control().connections(clientId()).length === 0)
    // A shorter silence is none: pushes come again by themselves.
    await eventually('it has lasted', () => performance.now() - since > 2 * OUTAGE_MS)
  }

  test('names, disbanding, uninstalls and installs', async () => {
    const [renamed, disbanded, left, untouched] = await installInMany(scene.world, 4, '断网群')
    if (!renamed || !disbanded || !left || !untouched) throw new Error('no groups')
    const came = await newGroup('断网时安装的群')
    await control().eventSettled(control().installCoolApp(came.openConversationId, clientId()))
    await control().eventSettled(control().uninstallCoolApp(came.openConversationId, clientId()))
    await becomes(came, { status: 'uninstalled' })

    await outage(() => [
      control().renameGroup(renamed.openConversationId, '断网时改名'),
      control().disbandGroup(disbanded.openConversationId),
      control().uninstallCoolApp(left.openConversationId, clientId()),
      control().installCoolApp(came.openConversationId, clientId()),
    ])
    expect(await known(renamed)).toEqual({ title: renamed.title, status: 'installed' })
    control().clearFaults()

    await becomes(renamed, { title: '断网时改名', status: 'installed' })
    await becomes(disbanded, { status: 'disbanded' })
    await becomes(left, { status: 'uninstalled' })
    await becomes(came, { title: came.title, status: 'installed' })
    await becomes(untouched, { title: untouched.title, status: 'installed' })
    const told = await fire(scene.world, { chats: [renamed, disbanded, left, came].map((group) => inGroup(group)) })
    expect(await outcomes(told)).toEqual({
      [renamed.openConversationId]: null,
      [disbanded.openConversationId]: 'CHAT_NOT_FOUND',
      [left.openConversationId]: 'COOL_APP_NOT_INSTALLED',
      [came.openConversationId]: null,
    })
  })

  test('also when the daemon itself was down', async () => {
    const [renamed] = await installInMany(scene.world, 1, '停机群')
    if (!renamed) throw new Error('no group')
    lines = [...lines, ...scene.app.lines]
    await scene.app.stop()
    const eventId = control().renameGroup(renamed.openConversationId, '停机时改名')
    expect(await control().eventSettled(eventId)).toBe('dropped')
    scene.app = await bootImpatient(scene.world, overrides)
    await becomes(renamed, { title: '停机时改名', status: 'installed' })
  })

  test('also when nothing could be stored for so long that DingTalk gave up', async () => {
    const [renamed] = await installInMany(scene.world, 1, '锁库群')
    if (!renamed) throw new Error('no group')
    const unlock = await lockDatabase(scene.world.config.databasePath)
    try {
      const eventId = control().renameGroup(renamed.openConversationId, '锁库时改名')
      expect(await control().eventSettled(eventId)).toBe('dropped')
    } finally {
      unlock()
    }
    await becomes(renamed, { title: '锁库时改名', status: 'installed' })
  })
})

describe('cool apps and robots', () => {
  const cardOf = async (group: Group) => {
    const incident = await fire(scene.world, { chats: [inGroup(group)] })
    return { incident, card: await theCardOf(scene.world, incident) }
  }
  const robotOf = (card: string): unknown => {
    const [request] = callsFor(scene.world, 'createAndDeliver', card)
    const body = request?.body as { imGroupOpenDeliverModel?: { robotCode: string } } | undefined
    return body?.imGroupOpenDeliverModel?.robotCode
  }

  test('each group is told by the robot that came to it', async () => {
    const [group, usual] = [await newGroup('自带机器人的群'), await newGroup('普通群')]
    const robotCode = 'robotOfItsOwn01'
    await control().eventSettled(control().installCoolApp(group.openConversationId, clientId(), { robotCode }))
    await control().eventSettled(control().installCoolApp(usual.openConversationId, clientId()))
    const [own, other] = [await cardOf(group), await cardOf(usual)]
    expect([robotOf(own.card), robotOf(other.card)]).toEqual([robotCode, clientId()])
    await everybodySees(scene.world, own.card, '待处理')
  })

  test('another cool app that comes and goes changes nothing about ours', async () => {
    const [group] = await installInMany(scene.world, 1, '两个酷应用的群')
    if (!group) throw new Error('no group')
    const other = { coolAppCode: 'COOLAPP-1-OTHER', robotCode: 'robotOfTheOther' }
    await control().eventSettled(control().installCoolApp(group.openConversationId, clientId(), other))
    expect(await known(group)).toEqual({ title: group.title, status: 'installed' })
    await control().eventSettled(control().uninstallCoolApp(group.openConversationId, clientId(), other))
    expect(await known(group)).toEqual({ title: group.title, status: 'installed' })
    const { card } = await cardOf(group)
    expect(robotOf(card)).toBe(clientId())
  })

  test('a robot that was added by itself is enough to tell a group, until it goes', async () => {
    const group = await newGroup('只有机器人的群')
    await control().eventSettled(control().addRobot(group.openConversationId, clientId()))
    await becomes(group, { status: 'robot' })
    const { card } = await cardOf(group)
    await everybodySees(scene.world, card, '待处理')
    await control().eventSettled(control().removeRobot(group.openConversationId, clientId()))
    await becomes(group, { status: 'uninstalled' })
  })

  test('an old install that comes again, or late, does not undo the uninstall', async () => {
    const [group] = await installInMany(scene.world, 1, '卸载过的群')
    if (!group) throw new Error('no group')
    const installed = {
      coolAppCode: scene.world.dingtalkApp.coolAppCode,
      operateTime: String(Date.now()),
      robotCode: clientId(),
      openConversationId: group.openConversationId,
      operator: group.ownerUserId,
    }
    await control().eventSettled(control().uninstallCoolApp(group.openConversationId, clientId()))
    for (const eventId of ['late-install', 'late-install', 'another-late-install']) {
      const data = { ...installed, operateTime: String(Number(installed.operateTime) - 1_000) }
      control().pushEvent(clientId(), { eventType: 'im_cool_app_install', eventId, data })
      expect(await control().eventSettled(eventId)).toBe('success')
    }
    expect(await known(group)).toMatchObject({ status: 'uninstalled' })
  })

  test('a cool app in a chat of two is none in a group', async () => {
    const before = (await listGroups(scene.world)).length
    const data = { coolAppCode: scene.world.dingtalkApp.coolAppCode, openConversationId: 'cidOfTwo', operateTime: '1' }
    const eventId = control().pushEvent(clientId(), { eventType: 'single_conversation_cool_app_install', data })
    expect(await control().eventSettled(eventId)).toBe('success')
    expect(await listGroups(scene.world)).toHaveLength(before)
  })
})

describe('a group whose install was missed', () => {
  /** Installed before anybody listened. */
  async function missed(title: string): Promise<Group> {
    const group = await newGroup(title)
    control().updateApp(clientId(), { eventMode: 'HTTP' })
    control().installCoolApp(group.openConversationId, clientId())
    control().updateApp(clientId(), { eventMode: 'STREAM' })
    return group
  }

  test('is known with all that belongs to it once somebody writes to the robot there', async () => {
    const group = await missed('漏装的群')
    expect(await known(group)).toBeUndefined()
    const { userId } = scene.world.people.li.user
    control().messageRobot({ clientId: clientId(), userId, text: '在吗', openConversationId: group.openConversationId })
    await becomes(group, { title: group.title, status: 'installed' })
  })

  test('is known from a message that could not be stored when it came, since DingTalk sends it again', async () => {
    const group = await missed('锁库时写话的群')
    const line = scene.app.lines.length
    const unlock = await lockDatabase(scene.world.config.databasePath)
    try {
      const { userId } = scene.world.people.li.user
      const { openConversationId } = group
      control().messageRobot({ clientId: clientId(), userId, text: '在吗', openConversationId })
      const isRefused = () => scene.app.lines.slice(line).some(({ msg }) => msg === 'message-not-stored')
      await eventually('the message is refused', isRefused)
    } finally {
      unlock()
    }
    await becomes(group, { title: group.title, status: 'installed' })
  })

  test('is heard of by any event of it, which costs no question', async () => {
    const group = await missed('加人的群')
    await control().eventSettled(control().addMember(group.openConversationId, scene.world.people.wang.user.userId))
    await becomes(group, { status: 'unknown' })
    expect(asked(group)).toBe(0)
  })
})

describe('what is learnt for free', () => {
  const proven = (group: Group): number => {
    const query = 'select verified_at from groups where open_conversation_id = ?'
    return readDatabase<{ verified_at: number }>(scene.world, query, group.openConversationId)[0]?.verified_at ?? 0
  }
  /** An hour ago, as far as the daemon can tell. */
  const forget = (group: Group): Promise<void> => {
    const change = 'update groups set verified_at = 5, asked_at = 5 where open_conversation_id = ?'
    return changeDatabase(scene.world, change, group.openConversationId)
  }

  test('whatever is delivered to, pressed in or heard of is there', async () => {
    const [group] = await installInMany(scene.world, 1, '活着的群')
    if (!group) throw new Error('no group')
    const before = asked(group)
    await forget(group)
    const incident = await fire(scene.world, { chats: [inGroup(group)] })
    const card = await theCardOf(scene.world, incident)
    await outcomes(incident)
    expect(proven(group)).toBeGreaterThan(5)
    await forget(group)
    await press(scene.world, card, scene.world.people.li, '认领')
    expect(proven(group)).toBeGreaterThan(5)
    await forget(group)
    await control().eventSettled(control().addMember(group.openConversationId, scene.world.people.li.user.userId))
    expect(proven(group)).toBeGreaterThan(5)
    expect(asked(group)).toBe(before)
  })

  test('a group that DingTalk refuses is asked about, once', async () => {
    const [group] = await installInMany(scene.world, 1, '悄悄解散的群')
    if (!group) throw new Error('no group')
    await forget(group)
    control().updateApp(clientId(), { eventMode: 'HTTP' })
    control().uninstallCoolApp(group.openConversationId, clientId())
    control().updateApp(clientId(), { eventMode: 'STREAM' })
    const incident = await fire(scene.world, { chats: [inGroup(group)] })
    expect(await outcomes(incident)).toEqual({ [group.openConversationId]: 'ROBOT_NOT_IN_CHAT' })
    await becomes(group, { status: 'uninstalled' })
    const next = await fire(scene.world, { chats: [inGroup(group)] })
    expect(await outcomes(next)).toEqual({ [group.openConversationId]: 'COOL_APP_NOT_INSTALLED' })
  })
})

test('an answer that DingTalk will not give leaves the group as it was, with a note', async () => {
  const group = await newGroup('群主不可见的群')
  control().refuse('sceneGroups/query', 'owner-invisible')
  await control().eventSettled(control().installCoolApp(group.openConversationId, clientId()))
  const noted = 'select 1 from groups where open_conversation_id = ? and note is not null'
  await eventually('the note is there', () => readDatabase(scene.world, noted, group.openConversationId).length > 0)
  const printed = await scene.world.cli('groups', '--all', '--json')
  expect(JSON.parse(printed.out)).toContainEqual(
    expect.objectContaining({
      openConversationId: group.openConversationId,
      status: 'installed',
      note: expect.stringContaining('permession.checkFailed') as string,
    }),
  )
})

test('an app that is switched off in the console is told of until it is on again', async () => {
  const notes = async () => (await readyz(scene.app.url)).notes
  // A connection that is still away would be a note as well.
  await eventually('nothing is noted', async () => (await notes()).length === 0)
  await control().eventSettled(control().switchApp(clientId(), false))
  expect(await notes()).toEqual([`钉钉值班: the app is switched off in DingTalk's developer console`])
  // Told once more, late: older than what is known.
  const old = { status: 'enable', unifiedAppId: scene.world.dingtalkApp.unifiedAppId }
  const late = { eventType: 'inner_app_status_change', data: old, bornTime: Date.now() - 60_000 }
  await control().eventSettled(control().pushEvent(clientId(), late))
  expect(await notes()).toHaveLength(1)
  await control().eventSettled(control().switchApp(clientId(), true))
  expect(await notes()).toEqual([])
  await control().eventSettled(control().changeVisibility(clientId(), 'ALL'))
  expect(await notes()).toEqual([`钉钉值班: the app's visible range was changed; whoever is outside it gets nothing`])
})

test('a status of the app that nobody knows is told of, and switches nothing on', async () => {
  const notes = async () => JSON.stringify((await readyz(scene.app.url)).notes)
  const push = (status: unknown) => {
    const data = { status, unifiedAppId: scene.world.dingtalkApp.unifiedAppId }
    const event = { eventType: 'inner_app_status_change', data, bornTime: Date.now() }
    return control().eventSettled(control().pushEvent(clientId(), event))
  }
  await push('disable')
  await push('suspended')
  expect(await notes()).toContain('is switched off')
  expect(await notes()).toContain('\\"suspended\\" of the app, which nobody knows')
  await push('enable')
  expect(await notes()).not.toContain('switched off')
  expect(await notes()).not.toContain('nobody knows')
  for (const unknown of [7, 'only_admins', 'opening', 'stop_failed', 'unclosed']) {
    await push(unknown)
    expect(await notes()).toContain('which nobody knows')
    expect(await notes()).not.toContain('switched off')
    await push('enable')
  }
  await push('已停用')
  expect(await notes()).toContain('is switched off')
  await push('ENABLED ')
  expect(await notes()).not.toContain('switched off')
  expect(await notes()).not.toContain('nobody knows')
})

test('an event that names a group by its chat id alone is about that group, and about none that nobody knows', async () => {
  const [group] = await installInMany(scene.world, 1, '只有会话号')
  if (!group) throw new Error('no group')
  await control().eventSettled(control().renameGroup(group.openConversationId, '有了会话号'))
  const chatId = readDatabase<{ chat_id: string }>(
    scene.world,
    'select chat_id from groups where open_conversation_id = ?',
    group.openConversationId,
  )[0]?.chat_id
  const push = (data: object) =>
    control().eventSettled(control().pushEvent(clientId(), { eventType: 'chat_update_title', data }))
  await push({ ChatId: chatId, Title: '按会话号改名', TimeStamp: Date.now() + 1_000 })
  expect(await known(group)).toMatchObject({ title: '按会话号改名' })
  const before = readDatabase(scene.world, 'select * from groups').length
  expect(await push({ ChatId: 'chatnobodyknows', Title: '没人认识', TimeStamp: Date.now() })).toBe('success')
  expect(readDatabase(scene.world, 'select * from groups')).toHaveLength(before)
})

test.each(['', '   ', '\u200b'])('a group renamed to %j keeps its name, and DingTalk is asked', async (title) => {
  const [group] = await installInMany(scene.world, 1, '改成空名')
  if (!group) throw new Error('no group')
  const data = { openConversationId: group.openConversationId, title, timeStamp: Date.now() + 1_000 }
  const event = { eventType: 'chat_update_title', data }
  expect(await control().eventSettled(control().pushEvent(clientId(), event))).toBe('success')
  expect(await known(group)).toMatchObject({ title: group.title })
})

test('a press in a chat of two brings no group', async () => {
  const { world } = scene
  const { li } = world.people
  const incident = await fire(world, { personIds: [li.member.member_id] })
  const card = await theCardOf(world, incident)
  const before = readDatabase(world, 'select * from groups').length
  await press(world, card, li, '认领')
  expect(readDatabase(world, 'select * from groups')).toHaveLength(before)
})

test('after a time in which the whole host stood still, groups are verified as after an outage', async () => {
  const [renamed] = await installInMany(scene.world, 1, '冻结群')
  if (!renamed) throw new Error('no group')
  control().updateApp(clientId(), { eventMode: 'HTTP' })
  control().renameGroup(renamed.openConversationId, '冻结时改名')
  control().updateApp(clientId(), { eventMode: 'STREAM' })
  expect(await known(renamed)).toMatchObject({ title: renamed.title })
  slept += 60_000
  await becomes(renamed, { title: '冻结时改名', status: 'installed' })
})

afterAll(() => {
  const locked = ['event-not-stored', 'event-late', 'message-late', 'sweep-failed', 'integrations-unread']
  const errors = ['app-disabled', 'stream-refused', ...locked]
  expectSilence(scene.world, [...lines, ...scene.app.lines], { errors })
})
