import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'

import type { Group } from '../sandbox/dingtalk/types.ts'
import type { Incident, Member } from '../sandbox/flashduty/types.ts'
import { eventually } from '../support/eventually.ts'
import { composeActs, composeIncident, endedJob, enqueue, followUp, withQueue } from '../support/jobs.ts'
import {
  changeIntegration,
  cardsOf,
  everybodySees,
  expectSilence,
  fire,
  type OperationRecord,
  openScene,
  recordsOf,
  type Scene,
  settledRecords,
  view,
} from '../support/journey.ts'
import { DATA_SOURCE_ID, type Person } from '../support/world.ts'

/** Bodies of the incident webhook as Flashduty posts them: without `delivery`, so that nobody is named. */

const RULE = '/channel/escalate/rule/info'
const NO_RULE = '0'.repeat(24)

let scene: Scene
let owner: Member
/** How far the daemon's clock runs ahead. */
let aheadMs = 0
let channelId: number

beforeAll(async () => {
  scene = await openScene({ overrides: { clock: { nowMs: () => Date.now() + aheadMs } } })
  owner = scene.world.flashduty.control.createMember({ member_name: '账户主体' })
  await setKey(owner.app_key)
})
beforeEach(() => {
  channelId = scene.world.flashduty.control.createChannel('订单').channel_id
})
afterEach(() => {
  scene.world.flashduty.control.clearFaults()
})
afterAll(async () => {
  await scene.close()
})

const set = (...fields: string[]) => changeIntegration(scene, ...fields)

const setKey = (key: string) => set('--flashduty-key', key)

type Webhook = { type: string; settings: Record<string, unknown> }

/** What a layer of a rule says about groups of our integration. */
function tells(groups: Group[], settings: Record<string, unknown> = {}): Webhook {
  const chatIds = groups.map((group) => group.openConversationId)
  return { type: 'dingtalk_app', settings: { data_source_id: DATA_SOURCE_ID, chat_ids: chatIds, ...settings } }
}

function setRule(...layers: Webhook[][]): string {
  const named = layers.map((webhooks) => ({ webhooks }))
  return scene.world.flashduty.control.setRule(channelId, named)
}

function fireRaw(fields: Partial<Parameters<typeof fire>[1]> = {}): Promise<Incident> {
  return fire(scene.world, { channelId, ...fields })
}

/** Questions about the rule of this test's channel. */
function questions() {
  const asked = scene.world.flashduty.control.requests().filter(({ path }) => path === RULE)
  return asked.filter(({ body }) => (body as { channel_id?: number }).channel_id === channelId)
}

type Outcome = [kind: string, target: string, status: string, reason: string | null]

/** The records of one kind of event, which has exactly these. */
async function expectOutcome(incident: Incident, expected: Outcome[], type = 'i_assign'): Promise<OperationRecord[]> {
  const records = await eventually(`records of ${type}`, async () => {
    const all = (await settledRecords(scene.world, incident)).filter(({ event_type: one }) => one === type)
    return all.length >= expected.length && all
  })
  const seen = records.map((record): Outcome => [record.kind, record.target_id, record.status, record.reason_code])
  expect(seen.sort()).toEqual([...expected].sort())
  return records
}

const told = (group: Group): Outcome => ['group', group.openConversationId, 'success', null]
const dmTo = (person: Person): Outcome => ['person', person.user.userId, 'success', null]

/** The groups that show any card of the incident. */
function groupsShowing(incident: Incident): string[] {
  const { control } = scene.world.dingtalk
  const places = cardsOf(scene.world, incident).flatMap((card) => Object.keys(control.placementsOf(card)))
  return places.filter((place) => place.startsWith('cid')).sort()
}

const idsOf = (...groups: Group[]) => groups.map((group) => group.openConversationId).sort()

function cardIn(incident: Incident, group: Group): string {
  const { control } = scene.world.dingtalk
  const card = cardsOf(scene.world, incident).findLast((one) => group.openConversationId in control.placementsOf(one))
  if (card === undefined) throw new Error(`no card in ${group.title}`)
  return card
}

describe('the escalation rule says which groups are told', () => {
  const written: [how: string, write: (ids: string[]) => unknown][] = [
    ['an array', (ids) => ids],
    ['the JSON text of an array', (ids) => JSON.stringify(ids)],
    ['words between commas', (ids) => ids.join(', ')],
  ]
  test.each(written)('with chat_ids as %s', async (_how, write) => {
    const { oncall, platform } = scene.world.groups
    setRule([tells([], { chat_ids: write(idsOf(oncall, platform)) })])
    const incident = await fireRaw()
    await expectOutcome(incident, [told(oncall), told(platform)])
    expect(groupsShowing(incident)).toEqual(idsOf(oncall, platform))
    expect(questions()).toMatchObject([{ member_id: owner.member_id, status: 200 }])
  })

  test('and is asked once for many incidents, again after a minute, and then as it is by now', async () => {
    const { oncall, platform } = scene.world.groups
    setRule([tells([oncall])])
    const incidents = await Promise.all(Array.from({ length: 12 }, () => fireRaw()))
    for (const incident of incidents) await expectOutcome(incident, [told(oncall)])
    expect(questions()).toHaveLength(1)

    setRule([tells([platform])])
    aheadMs += 55_000
    await expectOutcome(await fireRaw(), [told(oncall)])
    expect(questions()).toHaveLength(1)
    aheadMs += 6_000
    await expectOutcome(await fireRaw(), [told(platform)])
    expect(questions()).toHaveLength(2)
  })

  test.each(['severities', 'serverities'])('with its %s', async (spelling) => {
    const { oncall, platform } = scene.world.groups
    setRule([tells([oncall], { [spelling]: ['Critical', 'Info'] }), tells([platform], { [spelling]: [] })])
    await expectOutcome(await fireRaw({ severity: 'Warning' }), [
      ['group', oncall.openConversationId, 'skipped', 'SEVERITY_FILTERED'],
      told(platform),
    ])
    await expectOutcome(await fireRaw({ severity: 'Info' }), [told(oncall), told(platform)])
  })

  test('with its reply_event_types', async () => {
    const { world } = scene
    const { oncall, platform } = world.groups
    setRule([tells([oncall], { reply_event_types: '["i_ack"]' }), tells([platform])])
    const incident = await fireRaw()
    await expectOutcome(incident, [told(oncall), told(platform)])
    const people = Object.values(world.people)
    await world.flashduty.control.act(incident.incident_id, 'ack', people[0]?.member.member_id)
    for (const group of [oncall, platform]) await everybodySees(world, cardIn(incident, group), '处理中')
    await world.flashduty.control.act(incident.incident_id, 'resolve', people[0]?.member.member_id)
    await everybodySees(world, cardIn(incident, platform), '已关闭')
    await expectOutcome(
      incident,
      [
        ['group', oncall.openConversationId, 'skipped', 'EVENT_FILTERED'],
        ['group', platform.openConversationId, 'updated', null],
      ],
      'i_rslv',
    )
    expect(view(world, cardIn(incident, oncall), world.people.li).title).toContain('处理中')
  })

  test('with its disable_at: who is to be mentioned is another card', async () => {
    const { oncall, platform } = scene.world.groups
    setRule([tells([oncall], { disable_at: true }), tells([platform])])
    const incident = await fireRaw()
    await expectOutcome(incident, [told(oncall), told(platform)])
    expect(cardIn(incident, oncall)).not.toBe(cardIn(incident, platform))
  })

  test('layer by layer', async () => {
    const { world } = scene
    const { oncall, platform } = world.groups
    setRule([tells([oncall])], [tells([platform])])
    const { incident, assigned } = await composeIncident(world, { channelId })
    const assignedTo = assigned.incident['assigned_to'] as Record<string, unknown>
    await enqueue(world, followUp(assigned, { incident: { assigned_to: { ...assignedTo, layer_idx: 1 } } }))
    await expectOutcome(incident, [told(platform)])
    expect(groupsShowing(incident)).toEqual(idsOf(platform))
  })

  test('as far as it means this integration', async () => {
    const { oncall, platform } = scene.world.groups
    setRule([
      tells([platform], { data_source_id: DATA_SOURCE_ID + 1 }),
      { ...tells([platform]), type: 'feishu_app' },
      { type: 'dingtalk', settings: { token: 'https://oapi.dingtalk.com/robot/send', alias: '群机器人' } },
      tells([oncall]),
    ])
    const incident = await fireRaw()
    await expectOutcome(incident, [told(oncall)])
    expect(groupsShowing(incident)).toEqual(idsOf(oncall))
  })

  test('and there is none to ask about when somebody assigned by hand', async () => {
    const { world } = scene
    const { zhang } = world.people
    setRule([tells([world.groups.oncall])])
    const { incident, assigned } = await composeIncident(world, { channelId, responderIds: [zhang.member.member_id] })
    const byHand = { type: 'assign', escalate_rule_id: NO_RULE, layer_idx: 0 }
    await enqueue(world, followUp(assigned, { incident: { assigned_to: byHand } }))
    await expectOutcome(incident, [dmTo(zhang)])
    expect(questions()).toEqual([])
  })
})

describe('local routes', () => {
  const route = (verb: string, group: Group) =>
    scene.world.cli('routes', verb, '--channel', String(channelId), '--group', group.openConversationId)
  const listed = async () => {
    const rows = JSON.parse((await scene.world.cli('routes', 'list', '--json')).out) as { channel: number }[]
    return rows.filter((row) => row.channel === channelId)
  }

  test('tell groups when there is no key, until they are removed', async () => {
    const { oncall, platform } = scene.world.groups
    await setKey('')
    onTestFinished(() => setKey(owner.app_key))
    setRule([tells([platform])])
    expect(await route('add', oncall)).toMatchObject({ code: 0, err: '' })
    expect((await route('add', oncall)).code).toBe(0)
    expect(await listed()).toMatchObject([{ group: oncall.openConversationId, title: oncall.title }])
    expect((await scene.world.cli('routes', 'list')).out).toContain(oncall.title)
    await expectOutcome(await fireRaw(), [told(oncall)])
    expect(questions()).toEqual([])

    expect((await route('remove', oncall)).code).toBe(0)
    expect(await route('remove', oncall)).toMatchObject({ code: 1, out: '' })
    expect(await listed()).toEqual([])
    await expectOutcome(await fireRaw(), [['none', '', 'skipped', 'NO_TARGET']])
  })

  test('stand in for a rule that names no group, and for nothing else', async () => {
    const { oncall, platform } = scene.world.groups
    await route('add', oncall)
    setRule([], [tells([platform])])
    await expectOutcome(await fireRaw(), [told(oncall)])
    setRule([tells([platform])])
    aheadMs += 61_000
    await expectOutcome(await fireRaw(), [told(platform)])
  })

  test('are made for groups that have the cool app only', async () => {
    const { world } = scene
    const memberUserIds = [world.people.li.user.userId]
    const stranger = world.dingtalk.control.createGroup({ title: '没有酷应用的群', memberUserIds })
    expect((await route('add', stranger)).code).toBe(1)
    expect(await listed()).toEqual([])
    const spelt = ['--group', world.groups.oncall.openConversationId, '--channel', '订单']
    expect((await world.cli('routes', 'add', ...spelt)).code).toBe(2)
  })
})

describe('responders', () => {
  test('are told in their own chats, beside the groups; who never linked is on record', async () => {
    const { world } = scene
    const { zhang, li, wang } = world.people
    setRule([tells([world.groups.oncall])])
    const responderIds = [zhang, li, wang].map(({ member }) => member.member_id)
    const incident = await fireRaw({ responderIds })
    const nobody: Outcome = ['person', `member:${wang.member.member_id}`, 'failed', 'NOT_LINKED']
    await expectOutcome(incident, [told(world.groups.oncall), dmTo(zhang), dmTo(li), nobody])
  })

  test.each(['i_a_rspd', 'i_comm', 'i_r_severity', 'i_storm'])(
    'who are added later are told by whatever shows them first: %s',
    async (type) => {
      const { world } = scene
      const { zhang, li } = world.people
      setRule([])
      const { incident, assigned } = await composeIncident(world, { channelId, responderIds: [zhang.member.member_id] })
      await enqueue(world, assigned)
      await expectOutcome(incident, [dmTo(zhang)])
      const responders = [zhang, li].map(({ member: { member_id: id, member_name: name, email } }) => ({
        ...{ person_id: id, person_name: name, email, assigned_at: assigned.incident.updated_at, acknowledged_at: 0 },
      }))
      await enqueue(world, followUp(assigned, { event_type: type, incident: { responders } }))
      await expectOutcome(incident, [dmTo(li), ['person', zhang.user.userId, 'updated', null]], type)
    },
  )

  test('are left alone with --dm-from-webhook no', async () => {
    const { world } = scene
    const { zhang, wang } = world.people
    setRule([tells([world.groups.oncall])])
    await set('--dm-from-webhook', 'no')
    onTestFinished(() => set('--dm-from-webhook', 'yes'))
    const responderIds = [zhang.member.member_id, wang.member.member_id]
    await expectOutcome(await fireRaw({ responderIds }), [told(world.groups.oncall)])
    // Whom a delivery names is told all the same.
    const named = await fire(world, { title: '点名', personIds: [zhang.member.member_id] })
    await expectOutcome(named, [dmTo(zhang)])
  })
})

describe('when Flashduty does not say', () => {
  const DOWN = { kind: 'error', status: 503, code: 'ServiceUnavailable', message: 'down' } as const
  const BUSY = { kind: 'error', status: 429, code: 'RequestTooFrequently', message: 'slow down' } as const

  test.each([DOWN, BUSY])('for now ($code): people are told at once, the groups once it is back', async (effect) => {
    const { world } = scene
    const { zhang } = world.people
    const { oncall, platform } = world.groups
    setRule([tells([oncall, platform])])
    world.flashduty.control.addFault({ path: RULE, times: 1_000, effect })
    const { incident, assigned } = await composeIncident(world, { channelId, responderIds: [zhang.member.member_id] })
    const jobId = await enqueue(world, assigned)
    await expectOutcome(incident, [dmTo(zhang)])
    expect(groupsShowing(incident)).toEqual([])

    world.flashduty.control.clearFaults()
    await eventually('the groups are told', () => groupsShowing(incident).length === 2)
    const records = await expectOutcome(incident, [dmTo(zhang), told(oncall), told(platform)])
    expect(records.map(({ duplicates }) => duplicates)).toEqual([0, 0, 0])
    expect(await endedJob(world, jobId)).toMatchObject({ state: 'completed', failedReason: undefined })
  })

  test('for more than ten minutes: the reason is on record', async () => {
    const { world } = scene
    setRule([tells([world.groups.oncall])])
    world.flashduty.control.addFault({ path: RULE, times: 1_000, effect: DOWN })
    const { incident, assigned } = await composeIncident(world, { channelId })
    const options = { jobId: `old-${incident.incident_id}`, timestamp: Date.now() - 11 * 60_000 }
    await withQueue(world, (queue) => queue.add('i_assign', assigned, options))
    await expectOutcome(incident, [['none', '', 'failed', 'FLASHDUTY_UNAVAILABLE']])
  })

  test('at all: the reason is on record, and people are told', async () => {
    const { world } = scene
    const { zhang } = world.people
    setRule([tells([world.groups.oncall])])
    await setKey('a-key-of-nobody')
    onTestFinished(() => setKey(owner.app_key))
    const incident = await fireRaw({ responderIds: [zhang.member.member_id] })
    await expectOutcome(incident, [['none', '', 'failed', 'KEY_INVALID'], dmTo(zhang)])

    const routed = ['--channel', String(channelId), '--group', world.groups.platform.openConversationId]
    await world.cli('routes', 'add', ...routed)
    await expectOutcome(await fireRaw(), [told(world.groups.platform)])
  })
})

describe('told again', () => {
  test.each(['reassign', 'escalate'])('%s reaches every target with a prefix', async (type) => {
    const { world } = scene
    const prefix = `[${type.toUpperCase()}]`
    const { zhang } = world.people
    const { oncall, platform } = world.groups
    setRule([tells([oncall])], [tells([oncall, platform])])
    const { incident, assigned } = await composeIncident(world, { channelId, responderIds: [zhang.member.member_id] })
    await enqueue(world, assigned)
    await expectOutcome(incident, [told(oncall), dmTo(zhang)])
    const first = cardIn(incident, oncall)

    const assignedTo = { ...(assigned.incident['assigned_to'] as object), type, layer_idx: 1 }
    const again = followUp(assigned, { incident: { assigned_to: assignedTo } })
    await enqueue(world, again)
    await eventually('the second group is told', () => groupsShowing(incident).length === 3)
    const records = await settledRecords(world, incident)
    const ofAgain = records.filter(({ event_id: id }) => id === again.event_id)
    expect(ofAgain.map(({ target_id: id, status }) => `${id} ${status}`).sort()).toEqual(
      [...idsOf(oncall, platform), zhang.user.userId].map((id) => `${id} success`).sort(),
    )
    const second = cardIn(incident, oncall)
    expect(second).not.toBe(first)
    expect(view(world, second, world.people.li).title).toContain(prefix)
    await eventually('the old card points to the new one', () =>
      view(world, first, world.people.li).tips.includes('请见新消息'),
    )
  })

  test('reopen reaches every target with [REOPEN], once', async () => {
    const { world } = scene
    const { zhang } = world.people
    const { oncall } = world.groups
    setRule([tells([oncall])])
    const incident = await fireRaw({ responderIds: [zhang.member.member_id] })
    await expectOutcome(incident, [told(oncall), dmTo(zhang)])
    const acts = await composeActs(world, incident, ['resolve', 'reopen'])
    for (const act of acts) await enqueue(world, act)
    await eventually('a second card', () => cardIn(incident, oncall) !== cardsOf(world, incident)[0])
    await settledRecords(world, incident)
    expect(cardsOf(world, incident)).toHaveLength(2)
    expect(view(world, cardIn(incident, oncall), zhang).title).toMatch(/待处理 · \[REOPEN\]/)
    const records = (await recordsOf(world, incident)).filter(({ event_id: id }) => id === acts.at(-1)?.event_id)
    expect(records.map(({ status }) => status)).toEqual(['success', 'success'])
  })
})

afterAll(() => {
  expectSilence(scene.world, scene.app.lines, { errors: ['rule-unread'] })
})
