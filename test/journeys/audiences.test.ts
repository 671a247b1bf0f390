import { describe, expect, test, afterAll } from 'vitest'

import type { Group } from '../sandbox/dingtalk/types.ts'
import type { IncidentEvent } from '../sandbox/flashduty/types.ts'
import { eventually } from '../support/eventually.ts'
import { composeActs, composeIncident, followUp } from '../support/jobs.ts'
import {
  buttonTexts,
  callsFor,
  cardsOf,
  everybodySees,
  expectSilence,
  inGroup,
  install,
  installInMany,
  settledRecords,
  theCardOf,
  useScene,
  view,
} from '../support/journey.ts'
import { alertGroup, expectDistance, rowsOf, SPACING_MS, takeIn } from '../support/story.ts'
import type { Person } from '../support/world.ts'

/** DingTalk's limit on `openSpaceId`. */
const MAX_OPEN_SPACE_ID = 1_000

const scene = useScene({ overrides: { delivery: { spacingMs: SPACING_MS } } })

/** The incident in other hands, as its reassignment, escalation or reopening tells it. */
function handOver(body: IncidentEvent, type: string, responders: Person[], delivery?: Record<string, unknown>) {
  const people = responders.map(({ member }) => ({
    person_id: member.member_id,
    person_name: member.member_name,
    email: member.email,
    assigned_at: Math.floor(body.event_time / 1000),
    acknowledged_at: 0,
  }))
  const assignment = { ...(body.incident['assigned_to'] as object), type }
  const incident = { responders: people, assigned_to: assignment }
  return followUp(body, { event_type: 'i_assign', incident, ...(delivery ? { delivery } : {}) })
}

describe('an incident in other hands', () => {
  test.each(['reassign', 'escalate', 'reopen'])(
    '%s: everybody is told anew, and the old card says so and is left alone',
    async (type) => {
      const { world } = scene
      const { zhang, li } = world.people
      const { incident, assigned, card: old } = await alertGroup(world, `换手 ${type}`)
      const [acked] = (await composeActs(world, incident, ['ack'])) as [IncidentEvent]
      await takeIn(world, acked)
      await everybodySees(world, old, '处理中')
      const delivery = { ...assigned.delivery, person_ids: [zhang.member.member_id] }
      const handed = handOver(acked, type, [zhang], delivery)
      handed.incident.progress = 'Triggered'
      await takeIn(world, handed, handed)
      const card = await eventually('a second card', () => cardsOf(world, incident)[1])
      await settledRecords(world, incident)
      await eventually('the old one is frozen', () => view(world, old, li).tips.includes('见新消息'))
      expect(buttonTexts(view(world, old, li))).toEqual(['查看详情'])
      expect(view(world, card, li).title).toContain(`[${type.toUpperCase()}]`)
      expect(view(world, card, li).markdown).toContain('**处理人**：张三')
      expect(Object.keys(world.dingtalk.control.placementsOf(card))).toHaveLength(2)
      const frozenAt = callsFor(world, 'updateCard', old).length

      const closed = followUp(handed, { event_type: 'i_rslv', incident: { progress: 'Closed' } })
      delete closed.delivery
      await takeIn(world, closed)
      await everybodySees(world, card, '已关闭')
      const records = await settledRecords(world, incident)
      expect(rowsOf(records, handed)).toMatchObject([
        { status: 'success', duplicates: 1 },
        { status: 'success', duplicates: 1 },
      ])
      expect(rowsOf(records, closed).map(({ status }) => status)).toEqual(['updated', 'updated'])
      expect(callsFor(world, 'updateCard', old)).toHaveLength(frozenAt)
      expect(view(world, old, li).title).not.toContain('已关闭')
      expect(cardsOf(world, incident)).toEqual([old, card])
    },
  )

  test('the card of those who are not told anew stays true', async () => {
    const { world } = scene
    const { zhang, li } = world.people
    const { incident, assigned } = await composeIncident(world, {
      title: '李四交给张三',
      responderIds: [li.member.member_id],
    })
    expect(assigned.delivery).toBeUndefined()
    await takeIn(world, assigned)
    const old = await theCardOf(world, incident)
    const handed = handOver(assigned, 'reassign', [zhang])
    await takeIn(world, handed)
    const card = await eventually('a second card', () => cardsOf(world, incident)[1])
    expect(view(world, card, zhang).title).toContain('[REASSIGN]')
    expect(world.dingtalk.control.view(card, li.user.userId)).toBeUndefined()
    await eventually('李四 reads who has it now', () => view(world, old, li).markdown.includes('**处理人**：张三'))
    expect(view(world, old, li).tips).not.toContain('见新消息')

    await takeIn(world, followUp(handed, { event_type: 'i_rslv', incident: { progress: 'Closed' } }))
    await everybodySees(world, old, '已关闭', [li])
    await everybodySees(world, card, '已关闭', [zhang])
    await settledRecords(world, incident)
  })
})

describe('targets named later', () => {
  test('a group and a person join the card that is there, by one call, and see it as it is by now', async () => {
    const { world } = scene
    const { control } = world.dingtalk
    const { li } = world.people
    const [late] = (await installInMany(world, 1, '后来的群')) as [Group]
    const { incident, assigned, card } = await alertGroup(world, '后来的人')
    const [acked] = (await composeActs(world, incident, ['ack'])) as [IncidentEvent]
    await takeIn(world, acked)
    await everybodySees(world, card, '处理中')

    const chats = [inGroup(world.groups.oncall), inGroup(late)]
    const delivery = { ...assigned.delivery, chats, person_ids: [li.member.member_id] }
    const joined = followUp(acked, { event_type: 'i_a_rspd', delivery })
    await takeIn(world, joined)
    await eventually('three places have it', () => Object.keys(control.placementsOf(card)).length === 3)
    const records = await settledRecords(world, incident)
    const statuses = rowsOf(records, joined).map(({ target, status }) => [target, status])
    expect(Object.fromEntries(statuses)).toEqual({
      [world.groups.oncall.openConversationId]: 'updated',
      [late.openConversationId]: 'success',
      [li.user.userId]: 'success',
    })
    expect(callsFor(world, 'deliver', card)).toHaveLength(1)
    expect(callsFor(world, 'createAndDeliver', card)).toHaveLength(1)
    expect(cardsOf(world, incident)).toEqual([card])
    await everybodySees(world, card, '处理中')

    await takeIn(
      world,
      followUp(joined, { event_type: 'i_rslv', incident: { progress: 'Closed' }, delivery: undefined }),
    )
    await everybodySees(world, card, '已关闭')
  })

  test('a group that got the cool app only afterwards is told then, and its record turns', async () => {
    const { world } = scene
    const { control } = world.dingtalk
    const memberUserIds = Object.values(world.people).map(({ user }) => user.userId)
    const bare = control.createGroup({ title: '还没装的群', memberUserIds })
    const { incident, assigned } = await composeIncident(world, {
      chats: [inGroup(world.groups.oncall), inGroup(bare)],
    })
    await takeIn(world, assigned)
    const card = await theCardOf(world, incident)
    const before = await settledRecords(world, incident)
    expect(before.find(({ target_id: id }) => id === bare.openConversationId)).toMatchObject({
      status: 'failed',
      reason_code: 'COOL_APP_NOT_INSTALLED',
      failed_reason: '群未安装酷应用',
    })
    await install(world, [bare])
    await eventually('it has the card', () => control.placementsOf(card)[bare.openConversationId] === 1)
    const records = await settledRecords(world, incident)
    expect(records.find(({ target_id: id }) => id === bare.openConversationId)).toMatchObject({
      status: 'success',
      reason_code: null,
      failed_reason: null,
    })
    const again = followUp(assigned, {})
    await takeIn(world, again)
    expect(rowsOf(await settledRecords(world, incident), again).map(({ status }) => status)).toEqual([
      'updated',
      'updated',
    ])
    expect(cardsOf(world, incident)).toEqual([card])
  })

  test('sixty groups go in as few calls as openSpaceId has room for, and change by one', async () => {
    const { world } = scene
    const { control } = world.dingtalk
    const groups = await installInMany(world, 60, '业务群')
    const { incident, assigned } = await composeIncident(world, { title: '群发', chats: groups.map((g) => inGroup(g)) })
    await takeIn(world, assigned)
    await eventually('all have it', () => {
      const [card] = cardsOf(world, incident)
      return card !== undefined && Object.keys(control.placementsOf(card)).length === 60
    })
    const card = await theCardOf(world, incident)
    const records = await settledRecords(world, incident)
    expect(records.filter(({ kind, status }) => kind === 'group' && status === 'success')).toHaveLength(60)
    expect(cardsOf(world, incident)).toEqual([card])

    const calls = [...callsFor(world, 'createAndDeliver', card), ...callsFor(world, 'deliver', card)]
    const spaces = calls.map(({ body }) => (body as { openSpaceId: string }).openSpaceId)
    const one = `IM_GROUP.${groups[0]?.openConversationId};`.length
    const perCall = Math.floor((MAX_OPEN_SPACE_ID + 1 - 'dtv1.card//'.length) / one)
    for (const text of spaces) expect(text.length).toBeLessThanOrEqual(MAX_OPEN_SPACE_ID)
    expect(spaces).toHaveLength(Math.ceil(60 / perCall))

    const before = callsFor(world, 'updateCard', card).length
    await takeIn(world, ...(await composeActs(world, incident, ['resolve'])))
    await everybodySees(world, card, '已关闭')
    expect(callsFor(world, 'updateCard', card)).toHaveLength(before + 1)
    await settledRecords(world, incident)
  })
})

test('reply_event_types: a group’s card changes by the event types it asked for, and by no other', async () => {
  const { world } = scene
  const { zhang } = world.people
  const { oncall, platform } = world.groups
  const chats = [inGroup(oncall, { reply_event_types: ['i_ack', 'i_rslv'] }), inGroup(platform)]
  const { incident, assigned } = await composeIncident(world, { title: '只听两样', chats })
  await takeIn(world, assigned)
  await eventually('two cards', () => cardsOf(world, incident).length === 2)
  const inPlace = (group: Group) =>
    cardsOf(world, incident).find((card) => world.dingtalk.control.placementsOf(card)[group.openConversationId] === 1)
  const picky = inPlace(oncall) ?? ''
  const open = inPlace(platform) ?? ''
  const acts = await composeActs(world, incident, [{ title: '先改名' }, 'ack', { title: '后改名' }, 'unack', 'resolve'])
  const [renamed, acked, renamedAgain, unacked, resolved] = acts as [
    IncidentEvent,
    IncidentEvent,
    IncidentEvent,
    IncidentEvent,
    IncidentEvent,
  ]
  await takeIn(world, renamed)
  await everybodySees(world, open, '先改名')
  expect(view(world, picky, zhang).title).toContain('只听两样')
  await takeIn(world, acked)
  await everybodySees(world, picky, '处理中')
  await takeIn(world, renamedAgain, unacked)
  await everybodySees(world, open, '待处理')
  expect(view(world, picky, zhang).title).toContain('处理中')
  await takeIn(world, resolved)
  await everybodySees(world, picky, '已关闭')
  await everybodySees(world, open, '已关闭')

  const records = await settledRecords(world, incident)
  for (const event of acts) {
    const ignored = [renamed, renamedAgain, unacked].includes(event)
    const rows = rowsOf(records, event)
    expect(rows).toHaveLength(2)
    expect(rows.find(({ target }) => target === oncall.openConversationId)).toMatchObject(
      ignored ? { status: 'skipped', reason: 'EVENT_FILTERED' } : { status: 'updated', reason: null },
    )
    expect(rows.find(({ target }) => target === platform.openConversationId)).toMatchObject({ status: 'updated' })
  }
  expect(callsFor(world, 'updateCard', picky)).toHaveLength(2)
})

test.each(['before', 'after'])(
  'a group that waits for a severity has the card when the incident is known as so severe %s it was named',
  async (when) => {
    const { world } = scene
    const { oncall } = world.groups
    const chats = [inGroup(oncall, { severities: ['Critical'] })]
    const { incident, assigned } = await composeIncident(world, {
      title: `越来越重 ${when}`,
      severity: 'Warning',
      chats,
    })
    const change = { event_type: 'i_r_severity', incident: { incident_severity: 'Critical' }, delivery: undefined }
    const worse = followUp(assigned, change)
    await takeIn(world, ...(when === 'before' ? [worse, assigned] : [assigned, worse]))
    const card = await theCardOf(world, incident)
    await everybodySees(world, card, '待处理')
    const [record] = rowsOf(await settledRecords(world, incident), assigned)
    expect(record).toMatchObject({ target: oncall.openConversationId, status: 'success', reason: null })
  },
)

afterAll(() => {
  expectDistance(scene.world)
  expectSilence(scene.world, scene.app.lines)
})
