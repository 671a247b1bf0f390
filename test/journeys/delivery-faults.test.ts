import { readFile } from 'node:fs/promises'

import { afterEach, describe, expect, test, afterAll } from 'vitest'

import type { Group } from '../sandbox/dingtalk/types.ts'
import type { Incident, IncidentEvent } from '../sandbox/flashduty/types.ts'
import { eventually } from '../support/eventually.ts'
import { paceQueue } from '../../src/queue/jobs.ts'
import { composeIncident, followUp, pauseJobs, withQueue } from '../support/jobs.ts'
import {
  callsFor,
  everybodySees,
  expectSilence,
  fire,
  inGroup,
  install,
  installInMany,
  type OperationRecord,
  recordsOf,
  settledRecords,
  theCardOf,
  useScene,
  view,
} from '../support/journey.ts'
import { alertGroup, hit, messagesIn, outcomes, refusal, requestsAbout, takeIn } from '../support/story.ts'
import type { Person } from '../support/world.ts'

/** Cards whose message may be in a place twice: a call about them had an unknown outcome. */
const repeats: string[] = []

const scene = useScene()
afterEach(() => {
  const { dingtalk, dingtalkApp } = scene.world
  dingtalk.control.clearFaults()
  dingtalk.control.updateApp(dingtalkApp.clientId, { visibleTo: 'ALL' })
})

/** What a group or the corporation does while no event of it gets through. */
function unheard(change: () => void): void {
  const { dingtalk, dingtalkApp } = scene.world
  dingtalk.control.updateApp(dingtalkApp.clientId, { eventMode: 'HTTP' })
  change()
  dingtalk.control.updateApp(dingtalkApp.clientId, { eventMode: 'STREAM' })
}

/** No card is created until the returned function lets them; what is under way has come to its end. */
async function holdCreates(): Promise<() => Promise<void>> {
  const { world } = scene
  const creates = paceQueue(world.integrationId, 'create')
  const go = await pauseJobs(world, creates)
  await eventually('no create is under way', () =>
    withQueue(world, async (queue) => (await queue.getActiveCount()) === 0, creates),
  )
  return go
}

const isOf = (event: IncidentEvent) => (record: OperationRecord) => record.event_id === event.event_id

/** Whom the card called by name when it came. */
function calledBy(card: string): string[] {
  const created = callsFor(scene.world, 'createAndDeliver', card).findLast(({ status }) => status === 200)
  return ((created?.body as { cardAtUserIds?: string[] } | undefined)?.cardAtUserIds ?? []).toSorted()
}

describe('a target that fails inside an HTTP 200', () => {
  test('does not stop the others, and each failure has its name', async () => {
    const { world } = scene
    const { control } = world.dingtalk
    const { zhang, li } = world.people
    const [left, gone, fine] = (await installInMany(world, 3, '部分失败')) as [Group, Group, Group]
    unheard(() => {
      control.uninstallCoolApp(left.openConversationId, world.dingtalkApp.clientId)
      control.disbandGroup(gone.openConversationId)
    })
    control.updateApp(world.dingtalkApp.clientId, { visibleTo: [zhang.user.userId] })
    const { incident, assigned } = await composeIncident(world, {
      title: '部分失败',
      chats: [left, gone, fine].map((group) => inGroup(group)),
      personIds: [zhang.member.member_id, li.member.member_id],
    })
    await takeIn(world, assigned)
    expect(await outcomes(world, incident, assigned)).toEqual({
      [left.openConversationId]: 'ROBOT_NOT_IN_CHAT',
      [gone.openConversationId]: 'CHAT_NOT_FOUND',
      [fine.openConversationId]: 'success',
      [zhang.user.userId]: 'success',
      [li.user.userId]: 'OUT_OF_SCOPE',
    })
    const card = await theCardOf(world, incident)
    expect(Object.values(control.placementsOf(card))).toEqual([1, 1])
    expect(requestsAbout(world, incident)).toHaveLength(1)
  })

  test('the robot removed from a group: the record names it and the remedy, and the remedy helps', async () => {
    const { world } = scene
    const { control } = world.dingtalk
    const [group] = (await installInMany(world, 1, '移除机器人')) as [Group]
    unheard(() => control.uninstallCoolApp(group.openConversationId, world.dingtalkApp.clientId))
    const { incident, assigned } = await composeIncident(world, { title: '移除机器人', chats: [inGroup(group)] })
    await takeIn(world, assigned)
    await settledRecords(world, incident)
    expect(await recordsOf(world, incident)).toMatchObject([
      {
        status: 'failed',
        reason_code: 'ROBOT_NOT_IN_CHAT',
        failed_reason: '机器人不在群内',
        detail: 'robot is not in the group',
        target_name: '移除机器人 1',
      },
    ])
    const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8')
    expect(readme).toMatch(/^\| `ROBOT_NOT_IN_CHAT`.*install the cool app/m)

    await install(world, [group])
    const again = followUp(assigned, {})
    await takeIn(world, again)
    expect(await outcomes(world, incident, again)).toEqual({ [group.openConversationId]: 'success' })
    const card = await theCardOf(world, incident)
    expect(messagesIn(world, card, group)).toBe(1)
  })

  const row = (success: boolean, errorMsg?: string) => ({ success, ...(errorMsg ? { errorMsg } : {}) })
  const shapes: [what: string, body: object, reason: string][] = [
    [
      'a row without its space',
      { success: true, result: { deliverResults: [row(false, 'spaceId is illegal')] } },
      'CHAT_NOT_FOUND',
    ],
    ['bare rows', { success: true, result: [row(false, 'spaceId is illegal')] }, 'CHAT_NOT_FOUND'],
    [
      'one row for all',
      {
        success: true,
        result: {
          deliverResults: [{ spaceType: 'IM', spaceId: 'IM_ALL', ...row(false, 'spaces of card is empty') }],
        },
      },
      'IM_ERROR',
    ],
  ]
  test.each(shapes)('%s: the one group’s failure is recorded with DingTalk’s words', async (_what, body, reason) => {
    const { world } = scene
    const { oncall } = world.groups
    const { incident, assigned } = await composeIncident(world, { title: '失败的形状', chats: [inGroup(oncall)] })
    hit(world, 'createAndDeliver', incident, { kind: 'answer', status: 200, body })
    await takeIn(world, assigned)
    expect(await outcomes(world, incident, assigned)).toEqual({ [oncall.openConversationId]: reason })
    expect(await recordsOf(world, incident)).toMatchObject([
      { status: 'failed', detail: expect.stringMatching(/^space/) as string },
    ])
    expect(callsFor(world, 'deliver', String((await recordsOf(world, incident))[0]?.out_track_id))).toEqual([])
  })

  test('rows in the order asked for count by their place', async () => {
    const { world } = scene
    const groups = [world.groups.oncall, world.groups.platform]
    const chats = groups.map((group) => inGroup(group))
    const { incident, assigned } = await composeIncident(world, { title: '按次序', chats })
    const deliverResults = [row(true), row(false, 'robot is not in the group')]
    hit(world, 'createAndDeliver', incident, {
      kind: 'apply-then-answer',
      status: 200,
      body: { success: true, result: { deliverResults } },
    })
    await takeIn(world, assigned)
    const found = await outcomes(world, incident, assigned)
    const [call] = requestsAbout(world, incident)
    const asked = (call?.body as { openSpaceId: string } | undefined)?.openSpaceId.split(/[/;]IM_GROUP\./) ?? []
    expect(asked.slice(1).map((id) => found[id])).toEqual(['success', 'ROBOT_NOT_IN_CHAT'])
  })

  test('one row for many, every time: nobody is told more than twice, and everybody’s outcome becomes known', async () => {
    const { world } = scene
    const groups = await installInMany(world, 4, '一行代表全部')
    const chats = groups.map((group) => inGroup(group))
    const { incident, assigned } = await composeIncident(world, { title: '一行代表全部', chats })
    const deliverResults = [{ spaceType: 'IM', spaceId: 'IM_ALL', success: true }]
    for (const api of ['createAndDeliver', 'deliver'] as const) {
      const result = api === 'deliver' ? deliverResults : { deliverResults }
      hit(world, api, incident, { kind: 'apply-then-answer', status: 200, body: { success: true, result } }, 50)
    }
    await takeIn(world, assigned)
    const found = await outcomes(world, incident, assigned)
    expect(Object.values(found)).toEqual(['success', 'success', 'success', 'success'])
    const card = await theCardOf(world, incident)
    repeats.push(card)
    for (const group of groups) expect([1, 2]).toContain(messagesIn(world, card, group))
    for (const record of await recordsOf(world, incident)) expect(record.note).toBe('REDELIVERED')
  })

  const refusals: [what: string, body: object][] = [
    ['a bare refusal', { success: false }],
    ['a refusal with no rows', { success: false, result: { deliverResults: [] } }],
    ['no rows at all', { success: true, result: { deliverResults: [] } }],
  ]
  test.each(refusals)('%s: the alert still arrives, once', async (_what, body) => {
    const { world } = scene
    const { oncall } = world.groups
    const { incident, assigned } = await composeIncident(world, { title: '没有结果', chats: [inGroup(oncall)] })
    hit(world, 'createAndDeliver', incident, { kind: 'answer', status: 200, body })
    await takeIn(world, assigned)
    expect(await outcomes(world, incident, assigned)).toEqual({ [oncall.openConversationId]: 'success' })
    expect(messagesIn(world, await theCardOf(world, incident), oncall)).toBe(1)
  })
})

test('a target for which DingTalk refuses the whole call does not stop the others', async () => {
  const { world } = scene
  const groups = await installInMany(world, 5, '整单拒绝')
  const bad = groups[2] as Group
  const { incident, assigned } = await composeIncident(world, {
    title: '整单拒绝',
    chats: groups.map((group) => inGroup(group)),
    personIds: [world.people.li.member.member_id],
  })
  for (const api of ['createAndDeliver', 'deliver'] as const) {
    const effect = refusal(400, 'group.disbanded')
    world.dingtalk.control.addFault({ api, bodyContains: bad.openConversationId, times: 50, effect })
  }
  await takeIn(world, assigned)
  const found = await outcomes(world, incident, assigned)
  expect(found[bad.openConversationId]).toBe('CHAT_NOT_FOUND')
  expect(Object.values(found).filter((status) => status === 'success')).toHaveLength(5)
  const card = await theCardOf(world, incident)
  expect(Object.values(world.dingtalk.control.placementsOf(card))).toEqual([1, 1, 1, 1, 1])
})

describe('throttling', () => {
  test('pauses, then everything arrives once; updates go their own way meanwhile', async () => {
    const { world } = scene
    const { control, journal } = world.dingtalk
    const known = await alertGroup(world, '限流前')
    const bodies = ['QpsLimitForAppkeyAndApi', 'QpsLimitForApi'].map((code) => `Forbidden.AccessDenied.${code}`)
    for (const code of bodies) control.addFault({ api: 'createAndDeliver', effect: refusal(403, code) })
    control.addFault({ api: 'createAndDeliver', times: 1_000, effect: refusal(429, 'system.busy') })
    const before = journal.requests('createAndDeliver').length
    const incidents: Incident[] = []
    const chats = [inGroup(world.groups.oncall)]
    for (let n = 1; n <= 12; n++) incidents.push(await fire(world, { title: `限流 ${n}`, chats }))
    await world.flashduty.control.act(known.incident.incident_id, 'resolve', world.people.zhang.member.member_id)
    await everybodySees(world, known.card, '已关闭')
    await eventually('three are refused', () => journal.requests('createAndDeliver').length >= before + 3)
    const asked = journal.requests('createAndDeliver').slice(before)
    expect(asked.map(({ status }) => status)).toEqual([403, 403, ...asked.slice(2).map(() => 429)])
    control.clearFaults()

    for (const incident of incidents) {
      await theCardOf(world, incident)
      const records = await settledRecords(world, incident)
      expect(records.filter(({ event_type: type }) => type === 'i_assign')).toMatchObject([
        { status: 'success', note: null },
      ])
    }
    const creates = journal.requests('createAndDeliver').slice(before)
    expect(creates.filter(({ status }) => status === 200)).toHaveLength(12)
    // A second each time, but for calls that were under way already; at 20 a second they would be 50 ms apart.
    const gaps = creates.slice(1).map(({ at }, index) => at - (creates[index]?.at ?? 0))
    expect(Math.max(...gaps)).toBeGreaterThan(500)
  })

  test('of a later target and of an update ends the same way', async () => {
    const { world } = scene
    const { platform, oncall } = world.groups
    const { incident, assigned, card } = await alertGroup(world, '限流后加入')
    hit(world, 'deliver', incident, refusal(403, 'Forbidden.AccessDenied.QpsLimitForAppkeyAndApi'))
    hit(world, 'updateCard', incident, refusal(429, 'systemBusy'))
    const joined = followUp(assigned, {
      incident: { title: '限流后改名' },
      delivery: { chats: [inGroup(oncall), inGroup(platform)] },
    })
    await takeIn(world, joined)
    expect(await outcomes(world, incident, joined)).toEqual({
      [oncall.openConversationId]: 'updated',
      [platform.openConversationId]: 'success',
    })
    await everybodySees(world, card, '限流后改名')
    expect(messagesIn(world, card, platform)).toBe(1)
  })

  test('somebody else is told in the meantime: those of whom nobody was told yet get the newer card for both', async () => {
    const { world } = scene
    const { oncall } = world.groups
    const { incident, assigned } = await composeIncident(world, { title: '发出前改派', chats: [inGroup(oncall)] })
    hit(world, 'createAndDeliver', incident, refusal(403, 'Forbidden.AccessDenied.QpsLimitForAppkeyAndApi'), 1_000)
    await takeIn(world, assigned)
    await eventually('it is refused', () => requestsAbout(world, incident).length > 0)
    const go = await holdCreates()
    const type = { ...(assigned.incident['assigned_to'] as object), type: 'escalate' }
    const escalated = followUp(assigned, { incident: { assigned_to: type } })
    await takeIn(world, escalated)
    world.dingtalk.control.clearFaults()
    await go()
    expect(await outcomes(world, incident, escalated)).toEqual({ [oncall.openConversationId]: 'success' })
    expect(await outcomes(world, incident, assigned)).toEqual({ [oncall.openConversationId]: 'success' })
    expect(view(world, await theCardOf(world, incident), world.people.li).title).toContain('[ESCALATE]')
  })

  test.each(['in order', 'the newer one first'])(
    'two notifications of which nothing has left, %s: one card tells the people of both',
    async (order) => {
      const { world } = scene
      const { oncall, platform } = world.groups
      const { li, zhang } = world.people
      const { incident, assigned } = await composeIncident(world, { title: order, chats: [inGroup(oncall)] })
      await takeIn(world, assigned)
      await settledRecords(world, incident)
      const handOver = (before: IncidentEvent, type: string, { member }: Person, chats: Group[]) =>
        followUp(before, {
          incident: {
            assigned_to: { ...(before.incident['assigned_to'] as object), type },
            responders: [{ person_id: member.member_id, person_name: member.member_name }],
          },
          delivery: { chats: chats.map((group) => inGroup(group)) },
        })
      const reassigned = handOver(assigned, 'reassign', li, [oncall, platform])
      const escalated = handOver(reassigned, 'escalate', zhang, [oncall])
      const go = await holdCreates()
      const events = [reassigned, escalated]
      for (const event of order === 'in order' ? events : events.toReversed()) {
        await takeIn(world, event)
        await eventually('it is planned', async () => (await recordsOf(world, incident)).some(isOf(event)))
      }
      await go()
      const [oncallId, platformId] = [oncall.openConversationId, platform.openConversationId]
      expect(await outcomes(world, incident, escalated)).toMatchObject({ [oncallId]: 'success' })
      expect(await outcomes(world, incident, reassigned)).toEqual({ [oncallId]: 'success', [platformId]: 'success' })
      const records = await recordsOf(world, incident)
      const cardFor = (event: IncidentEvent, group: string) =>
        records.find((record) => isOf(event)(record) && record.target_id === group)?.out_track_id ?? ''
      expect(cardFor(reassigned, oncallId)).toBe(cardFor(escalated, oncallId))
      expect(cardFor(reassigned, platformId)).not.toBe(cardFor(escalated, oncallId))
      expect(calledBy(cardFor(escalated, oncallId))).toEqual([li, zhang].map(({ user }) => user.userId).toSorted())
      expect(calledBy(cardFor(reassigned, platformId))).toContain(li.user.userId)
      expect(view(world, cardFor(escalated, oncallId), li).title).toContain('[ESCALATE]')
    },
  )
})

describe('the access token', () => {
  const tokenCalls = () => scene.world.dingtalk.journal.requests('accessToken').length

  test('revoked in the middle of work is fetched anew once, and nothing is lost', async () => {
    const { world } = scene
    const known = await alertGroup(world, '换令牌前')
    const before = tokenCalls()
    world.dingtalk.control.revokeTokens(world.dingtalkApp.clientId)
    const chats = [inGroup(world.groups.oncall)]
    const titles = Array.from({ length: 8 }, (_, n) => `换令牌 ${n}`)
    const incidents = await Promise.all(titles.map((title) => fire(world, { title, chats })))
    await world.flashduty.control.act(known.incident.incident_id, 'resolve', world.people.zhang.member.member_id)
    for (const incident of incidents) {
      await theCardOf(world, incident)
      const records = await settledRecords(world, incident)
      expect(records.filter(({ event_type: type }) => type === 'i_assign')).toMatchObject([
        { status: 'success', note: null },
      ])
    }
    await everybodySees(world, known.card, '已关闭')
    expect(tokenCalls()).toBe(before + 1)
  })

  test('refused again though fresh: the card is held and arrives', async () => {
    const { world } = scene
    const { incident, assigned } = await composeIncident(world, { chats: [inGroup(world.groups.oncall)] })
    hit(world, 'createAndDeliver', incident, refusal(400, 'InvalidAuthentication'), 2)
    await takeIn(world, assigned)
    expect(Object.values(await outcomes(world, incident, assigned))).toEqual(['success'])
    expect(callsFor(world, 'createAndDeliver', await theCardOf(world, incident))).toHaveLength(3)
  })

  test('that cannot be fetched for a while holds the card', async () => {
    const { world } = scene
    const { control } = world.dingtalk
    control.revokeTokens(world.dingtalkApp.clientId)
    control.addFault({ api: 'accessToken', effect: refusal(503, 'ServiceUnavailable') })
    control.addFault({ api: 'accessToken', effect: { kind: 'reset' } })
    const { incident, assigned } = await composeIncident(world, { chats: [inGroup(world.groups.oncall)] })
    await takeIn(world, assigned)
    expect(Object.values(await outcomes(world, incident, assigned))).toEqual(['success'])
    expect(await recordsOf(world, incident)).toMatchObject([{ note: null }])
  })
})

afterAll(() => {
  const errors = ['card-create-failed', 'card-deliver-failed']
  expectSilence(scene.world, scene.app.lines, { errors, repeats })
})
