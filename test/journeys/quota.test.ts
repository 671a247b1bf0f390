import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import type { Overrides } from '../../src/app.ts'
import type { ApiName } from '../sandbox/dingtalk/types.ts'
import type { Incident } from '../sandbox/flashduty/types.ts'
import { readDatabase } from '../support/database.ts'
import { isCardDue, isGroupDue } from '../support/due.ts'
import { eventually } from '../support/eventually.ts'
import { composeIncident, enqueue, followUp } from '../support/jobs.ts'
import {
  changeIntegration,
  answerOf,
  bootImpatient,
  callsFor,
  cardsOf,
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
  view,
} from '../support/journey.ts'
import { readyz } from '../support/readyz.ts'
import type { LogLine } from '../support/world.ts'

const MONTH_MS = 32 * 86_400_000

/** How far the daemon's clock runs ahead. */
let aheadMs = 0
const overrides: Overrides = { clock: { nowMs: () => Date.now() + aheadMs }, sweepMs: 300 }

let scene: Scene
/** Of all daemons so far. */
let lines: LogLine[] = []
beforeAll(async () => {
  scene = await openScene({ overrides })
})
beforeEach(async () => {
  await nothingUnderWay()
  toldBefore = { call: allWarnings('call').length, push: allWarnings('push').length }
})
afterEach(async () => {
  scene.world.dingtalk.control.clearFaults()
  await set('--monthly-calls', '0', '--monthly-pushes', '0')
})
afterAll(async () => {
  await scene.close()
})

/**
 * Resolves when no call is under way or due: one that an earlier test caused is counted when it begins, and taken back
 * when it turns out to have cost nothing. The next month has every group asked about.
 */
async function nothingUnderWay(): Promise<void> {
  const { world } = scene
  await eventually('nothing is under way', () => !isCardDue(world) && !isGroupDue(world, Date.now() + aheadMs))
}

/** Another life of the daemon over the same database. */
async function restart(): Promise<void> {
  lines = [...lines, ...scene.app.lines]
  await scene.app.stop()
  scene.app = await bootImpatient(scene.world, overrides)
}

const set = (...fields: string[]) => changeIntegration(scene, ...fields)

type Use = { corp_id: string; month: string; kind: 'call' | 'push'; api: string; count: number }

const monthNow = () => {
  const parts = new Intl.DateTimeFormat('en-CA', { timeZone: 'Asia/Shanghai', year: 'numeric', month: '2-digit' })
  return parts.format(Date.now() + aheadMs).slice(0, 7)
}

function used(kind: Use['kind'], api?: string): number {
  const rows = readDatabase<Use>(scene.world, 'select * from api_usage where month = ?', monthNow())
  expect(rows.filter((row) => row.corp_id !== scene.world.dingtalkApp.corpId)).toEqual([])
  return rows
    .filter((row) => row.kind === kind && (api === undefined || row.api === api))
    .reduce((sum, { count }) => sum + count, 0)
}

/** Calls that DingTalk counts: tokens and connections are free. */
function made(api?: ApiName): number {
  const counted: ApiName[] = api ? [api] : ['createAndDeliver', 'deliver', 'updateCard', 'sceneGroups/query']
  return counted.reduce((sum, one) => sum + scene.world.dingtalk.journal.requests(one).length, 0)
}

function pushed(): number {
  const { journal } = scene.world.dingtalk
  return journal.of('frame-sent').filter(({ frame }) => (frame as { type?: string }).type !== 'SYSTEM').length
}

let toldBefore = { call: 0, push: 0 }

/** Of this test, in the order in which they were told. */
const warnings = (kind: Use['kind']) => allWarnings(kind).slice(toldBefore[kind])

function allWarnings(kind: Use['kind']): { level: string; percent: unknown }[] {
  return [...lines, ...scene.app.lines]
    .filter((line) => line.msg === 'quota-used' && line['kind'] === kind)
    .map((line) => ({ level: line.level, percent: line['percent'] }))
}

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${scene.app.url}/metrics`)).text()
  const line = text.split('\n').find((one) => one.startsWith(`flashduty_dingtalk_${name} `))
  if (line === undefined) throw new Error(`no metric ${name} in\n${text}`)
  return Number(line.split(' ').at(-1))
}

async function alertGroup(): Promise<{ incident: Incident; card: string }> {
  const { world } = scene
  const incident = await fire(world, { chats: [inGroup(world.groups.oncall)] })
  const card = await theCardOf(world, incident)
  await settledRecords(world, incident)
  return { incident, card }
}

function act(incident: Incident, what: 'ack' | 'resolve') {
  const { world } = scene
  return world.flashduty.control.act(incident.incident_id, what, world.people.zhang.member.member_id)
}

describe('what is used', () => {
  test('is what DingTalk was asked and what it pushed, over restarts as well', async () => {
    const { world } = scene
    const { control } = world.dingtalk
    // What earlier tests left under way is over once the daemon has stopped.
    await scene.app.stop()
    // Refused calls and those of other months are not counted, and other tests have some.
    const uncounted = (api?: ApiName) => made(api) - used('call', api)
    const before = {
      ...{ calls: uncounted(), creates: uncounted('createAndDeliver'), updates: uncounted('updateCard') },
      pushes: pushed() - used('push'),
    }
    await restart()
    for (let life = 1; life <= 2; life++) {
      const { incident, card } = await alertGroup()
      expect(answerOf(await press(world, card, world.people.li, '认领')).title).toContain('处理中')
      await act(incident, 'resolve')
      await everybodySees(world, card, '已关闭')
      await settledRecords(world, incident)
      await control.eventSettled(control.renameGroup(world.groups.platform.openConversationId, `平台群 ${life}`))
      await eventually('the books are right', () => {
        expect(uncounted()).toBe(before.calls)
        expect(pushed() - used('push')).toBe(before.pushes)
        expect(uncounted('createAndDeliver')).toBe(before.creates)
        expect(uncounted('updateCard')).toBe(before.updates)
        return true
      })
      if (life === 1) await restart()
    }
  })

  test('counts chat events that nobody needs too, but none about people', async () => {
    const { world } = scene
    const { control } = world.dingtalk
    const before = used('push')
    const memberUserIds = [world.people.li.user.userId]
    const group = control.createGroup({ title: '要解散的群', memberUserIds })
    await control.eventSettled(control.disbandGroup(group.openConversationId))
    expect(used('push')).toBe(before + 1)
    await control.eventSettled(control.removeUser(control.createUser({ name: '离职的人' }).userId))
    expect(used('push')).toBe(before + 1)
  })

  const QPS_LIMIT = 'Forbidden.AccessDenied.QpsLimitForAppkeyAndApi'
  const free: [what: string, api: ApiName, status: number, code: string][] = [
    ['refused for their rate', 'createAndDeliver', 403, QPS_LIMIT],
    ['never made for want of a token', 'accessToken', 400, 'invalidClientIdOrSecret'],
  ]
  test('does not count questions about groups refused for their rate', async () => {
    const { world } = scene
    const before = used('call', 'sceneGroups/query')
    const effect = { kind: 'answer', status: 403, body: { code: QPS_LIMIT, message: '限流' } } as const
    world.dingtalk.control.addFault({ api: 'sceneGroups/query', effect })
    await installInMany(world, 1, '新装的群')
    expect(used('call', 'sceneGroups/query')).toBe(before + 1)
  })

  test.each(free)('does not count calls %s', async (_what, api, status, code) => {
    const { world } = scene
    const { control } = world.dingtalk
    const before = used('call')
    const effect = { kind: 'answer', status, body: { code, message: code } } as const
    control.addFault({ api, times: 2, effect })
    // With the token it still has, the daemon would not ask for another.
    if (api === 'accessToken') await restart()
    const { incident } = await alertGroup()
    expect(used('call')).toBe(before + 1)
    expect(cardsOf(world, incident)).toHaveLength(1)
  })
})

describe('the operator', () => {
  test('is told at 50, 80 and 95 %, each once, while cards are still made', async () => {
    const { world } = scene
    const limit = Math.max((used('call') + 2) * 2, 20)
    await set('--monthly-calls', String(limit))
    expect(warnings('call')).toEqual([])
    const before = made('createAndDeliver')
    // DingTalk's throttling just where a warning is due is no reason to say it again.
    const body = { code: 'Forbidden.AccessDenied.QpsLimitForAppkeyAndApi', message: '限流' }
    while (used('call') < limit / 2 - 1) await alertGroup()
    world.dingtalk.control.addFault({ api: 'createAndDeliver', effect: { kind: 'answer', status: 403, body } })
    while (used('call') < limit + 2) await alertGroup()
    expect(made('createAndDeliver') - before).toBeGreaterThan(limit / 2)
    await restart()
    await alertGroup()
    expect(warnings('call')).toEqual([
      { level: 'warn', percent: 50 },
      { level: 'error', percent: 80 },
      { level: 'error', percent: 95 },
    ])
  })

  test('is told of pushes too, which hold nothing up', async () => {
    const { world, app } = scene
    const { control } = world.dingtalk
    // So large that no single push goes past two of the marks.
    const limit = Math.max((used('push') + 1) * 2, 20)
    await set('--monthly-pushes', String(limit))
    for (let n = 0; used('push') < limit; n++) {
      await control.eventSettled(control.renameGroup(world.groups.platform.openConversationId, `改名 ${n}`))
    }
    expect(warnings('push').map(({ percent }) => percent)).toEqual([50, 80, 95])
    const { notes } = await readyz(app.url)
    expect(notes).toEqual([`${world.dingtalkApp.corpId}: ${limit} of ${limit} pushes of this month are used`])
    const { incident, card } = await alertGroup()
    await act(incident, 'ack')
    await everybodySees(world, card, '处理中')
  })

  test('is told nothing with a limit of 0', async () => {
    const told = warnings('call').length + warnings('push').length
    await eventually('nothing is noted', async () => (await readyz(scene.app.url)).notes.length === 0)
    const { incident, card } = await alertGroup()
    await act(incident, 'ack')
    await everybodySees(scene.world, card, '处理中')
    expect(warnings('call').length + warnings('push').length).toBe(told)
    expect(await metric(`quota_limit{corp="${scene.world.dingtalkApp.corpId}",kind="call"}`)).toBe(0)
  })
})

describe('with half of the calls used', () => {
  test('the answer to a press in the chat of one person is all that their devices get', async () => {
    const { world } = scene
    const { li } = world.people
    const pressOwn = async (title: string) => {
      const incident = await fire(world, { title, personIds: [li.member.member_id] })
      const card = await theCardOf(world, incident)
      await settledRecords(world, incident)
      expect(answerOf(await press(world, card, li, '认领')).title).toContain('处理中')
      await settledRecords(world, incident)
      return card
    }
    const before = await pressOwn('一半之前')
    await eventually('the update has come', () => callsFor(world, 'updateCard', before).length === 1)
    await nothingUnderWay()
    await set('--monthly-calls', String(used('call') * 2))
    const after = await pressOwn('一半之后')
    // What came last is through, so what does not come does so on purpose.
    const other = await alertGroup()
    await act(other.incident, 'resolve')
    await everybodySees(world, other.card, '已关闭')
    await nothingUnderWay()
    expect(callsFor(world, 'updateCard', after)).toEqual([])
  })
})

describe('with 95 % of the calls used', () => {
  test('updates that are not final wait for the next month; all else goes on', async () => {
    const { world, app } = scene
    const { li, zhang } = world.people
    const { corpId } = world.dingtalkApp
    const waiting = await alertGroup()
    const pressed = await alertGroup()
    const closing = await alertGroup()
    const { incident, assigned } = await composeIncident(world, { chats: [inGroup(world.groups.oncall)] })
    await enqueue(world, assigned)
    const superseded = await theCardOf(world, incident)
    await settledRecords(world, incident)
    // So many that the first calls of the next month are few beside them.
    while (used('call') < 30) await alertGroup()
    const limit = Math.floor(used('call') / 0.95)
    await set('--monthly-calls', String(limit))

    await act(waiting.incident, 'ack')
    expect(answerOf(await press(world, pressed.card, li, '认领')).title).toContain('处理中')
    const created = await alertGroup()
    expect(view(world, created.card, li).title).toContain('待处理')
    await act(closing.incident, 'resolve')
    await everybodySees(world, closing.card, '已关闭')
    const assignedTo = { ...(assigned.incident['assigned_to'] as object), type: 'escalate' }
    await enqueue(world, followUp(assigned, { incident: { assigned_to: assignedTo } }))
    await eventually('the old card points to the new one', () =>
      view(world, superseded, li).tips.includes('请见新消息'),
    )
    // What came last is through, so what waits does so on purpose.
    expect(callsFor(world, 'updateCard', waiting.card)).toEqual([])
    expect(callsFor(world, 'updateCard', pressed.card)).toEqual([])
    expect(view(world, waiting.card, li).title).toContain('待处理')
    const acked = (await recordsOf(world, waiting.incident)).filter(({ event_type: type }) => type === 'i_ack')
    expect(acked).toMatchObject([{ status: 'pending' }])

    const told = await readyz(app.url)
    expect(told).toMatchObject({ status: 200, missing: {} })
    expect(told.notes).toHaveLength(1)
    expect(told.notes[0]).toMatch(new RegExp(`^${corpId}: \\d+ of ${limit} API calls .*not final wait`))
    expect(await metric(`quota_used{corp="${corpId}",kind="call"}`)).toBe(used('call'))
    expect(await metric(`quota_limit{corp="${corpId}",kind="call"}`)).toBe(limit)
    expect(await metric(`cards_due{integration="${world.integrationId}",api="update"}`)).toBe(2)

    aheadMs += MONTH_MS
    await everybodySees(world, waiting.card, '处理中')
    await everybodySees(world, pressed.card, '处理中')
    await settledRecords(world, waiting.incident)
    expect(used('call')).toBeGreaterThanOrEqual(2)
    expect(used('call')).toBeLessThan(limit / 2)
    expect((await readyz(app.url)).notes).toEqual([])
    expect(view(world, pressed.card, zhang).tips).toContain('李四 于')
  })

  test('they go on once somebody has raised the limit', async () => {
    const { world } = scene
    const { incident, card } = await alertGroup()
    await set('--monthly-calls', String(used('call')))
    await act(incident, 'ack')
    const other = await alertGroup()
    await act(other.incident, 'resolve')
    await everybodySees(world, other.card, '已关闭')
    expect(callsFor(world, 'updateCard', card)).toEqual([])
    await set('--monthly-calls', '5000')
    await everybodySees(world, card, '处理中')
    await settledRecords(world, incident)
  })
})

afterAll(() => {
  const errors = ['quota-used', 'card-create-failed', 'stream-refused']
  expectSilence(scene.world, [...lines, ...scene.app.lines], { errors })
})
