import { expect, onTestFailed, onTestFinished, test, afterAll } from 'vitest'

import { eventually } from '../support/eventually.ts'
import { composeIncident, enqueue, followUp } from '../support/jobs.ts'
import {
  changeIntegration,
  cardsOf,
  everybodySees,
  expectSilence,
  fire,
  inGroup,
  install,
  recordsOf,
  settledRecords,
  theCardOf,
  useScene,
  view,
} from '../support/journey.ts'
import type { Incident } from '../sandbox/flashduty/types.ts'
import type { Person, World } from '../support/world.ts'

/** How far the daemon's clock runs ahead. */
let aheadMs = 0
const clock = { nowMs: () => Date.now() + aheadMs }
const scene = useScene({ overrides: { clock } })

async function link(world: World, { user, member }: Person): Promise<void> {
  const options = ['--dingtalk-user', user.userId, '--member', String(member.member_id)]
  const linked = await world.cli('links', 'add', ...options, '--member-key', member.app_key)
  expect(linked).toMatchObject({ code: 0 })
}

/** For the rest of the test: none of the others has them linked. */
async function linkForNow(world: World, person: Person): Promise<void> {
  await link(world, person)
  onTestFinished(async () => void (await world.cli('links', 'remove', '--dingtalk-user', person.user.userId)))
}

async function unlink(world: World, { user }: Person): Promise<void> {
  expect(await world.cli('links', 'remove', '--dingtalk-user', user.userId)).toMatchObject({ code: 0 })
}

/** How often the card came into the person's own chat. */
function timesTold(world: World, card: string, { user }: Person): number {
  const placements = Object.entries(world.dingtalk.control.placementsOf(card))
  return placements.filter(([space]) => space.endsWith(`:${user.userId}`)).reduce((sum, [, times]) => sum + times, 0)
}

async function rowOf(world: World, incident: Incident, memberId: number) {
  const records = await recordsOf(world, incident)
  return records.filter((record) => (record as { member_id?: number }).member_id === memberId)
}

test('whoever links while incidents are open gets their cards, each once, and nothing of what is over', async () => {
  const { world } = scene
  const { wang, zhang } = world.people
  const asked = { personIds: [wang.member.member_id, zhang.member.member_id] }
  const open = await fire(world, { title: '还开着', ...asked })
  const over = await fire(world, { title: '已经结束', ...asked })
  const expiresAt = Math.floor(clock.nowMs() / 1000) + 3_600
  const stale = await fire(world, {
    title: '过了时效',
    ...asked,
    delivery: { expire_at: expiresAt },
  })
  for (const incident of [open, over, stale]) {
    const [row] = await eventually('it has a record', async () => {
      const rows = await rowOf(world, incident, wang.member.member_id)
      return rows.length === 1 && rows
    })
    expect(row).toMatchObject({ status: 'failed', reason_code: 'NOT_LINKED', failed_reason: '未关联应用' })
  }
  const overCard = await theCardOf(world, over)
  await world.flashduty.control.act(over.incident_id, 'resolve', zhang.member.member_id)
  await everybodySees(world, overCard, '已关闭', [zhang])
  aheadMs += expiresAt * 1000 - clock.nowMs()

  await linkForNow(world, wang)
  const card = await theCardOf(world, open)
  await everybodySees(world, card, '还开着', [wang])
  const records = await settledRecords(world, open)
  expect(records.filter(({ target_id: id }) => id === wang.user.userId)).toMatchObject([
    { status: 'success', reason_code: null, failed_reason: null, out_track_id: card },
  ])
  expect(timesTold(world, card, wang)).toBe(1)
  for (const incident of [over, stale]) {
    expect(cardsOf(world, incident).map((one) => timesTold(world, one, wang))).toEqual([0])
    expect(await rowOf(world, incident, wang.member.member_id)).toMatchObject([{ status: 'failed' }])
  }

  await unlink(world, wang)
  await link(world, wang)
  const again = await fire(world, { title: '之后的', personIds: [wang.member.member_id] })
  await everybodySees(world, await theCardOf(world, again), '之后的', [wang])
  expect(timesTold(world, card, wang)).toBe(1)
})

test('who was told meanwhile by a later event is not told twice', async () => {
  const { world } = scene
  const { wang } = world.people
  const incident = await fire(world, { title: '两次通知', personIds: [wang.member.member_id] })
  await eventually('it has a record', async () => (await rowOf(world, incident, wang.member.member_id)).length === 1)
  await linkForNow(world, wang)
  const card = await theCardOf(world, incident)
  await settledRecords(world, incident)
  expect(view(world, card, wang).title).toContain('两次通知')
  expect(timesTold(world, card, wang)).toBe(1)
  expect(cardsOf(world, incident)).toEqual([card])
})

test('whoever was unlinked for a while has one record of what came meanwhile', async () => {
  const { world } = scene
  const { zhang } = world.people
  const personIds = [zhang.member.member_id]
  const { incident, assigned } = await composeIncident(world, { title: '中途解绑', personIds })
  await enqueue(world, assigned)
  const card = await theCardOf(world, incident)
  await settledRecords(world, incident)
  onTestFailed(() => link(world, zhang))
  await unlink(world, zhang)
  const meanwhile = followUp(assigned, { event_type: 'i_notify' })
  await enqueue(world, meanwhile)
  const ofEvent = async () => (await recordsOf(world, incident)).filter(({ event_id: id }) => id === meanwhile.event_id)
  // The member cannot be reached; the chat that has the card can, and nobody knows whose it is.
  await eventually('both are on record', async () => (await ofEvent()).length === 2)
  await link(world, zhang)
  const [only] = await eventually('one is left', async () => {
    const rows = await ofEvent()
    return rows.length === 1 && rows[0]?.status === 'updated' && rows
  })
  expect(only).toMatchObject({ target_id: zhang.user.userId, member_id: zhang.member.member_id })
  expect(timesTold(world, card, zhang)).toBe(1)
})

test('a storm is told in words, once in each group that has the card', async () => {
  const { world } = scene
  const incident = await fire(world, {
    title: '风暴中心',
    chats: [inGroup(world.groups.oncall), inGroup(world.groups.platform)],
  })
  const card = await theCardOf(world, incident)
  await settledRecords(world, incident)
  const [assigned] = world.flashduty.control
    .events()
    .filter((event) => event.incident.incident_id === incident.incident_id && event.event_type === 'i_assign')
  if (!assigned) throw new Error('never assigned')
  const storm = {
    ...assigned,
    event_id: 'storm0000000000000000000000000001',
    event_time: assigned.event_time + 1_000,
    event_type: 'i_storm',
    incident: { ...assigned.incident, alert_cnt: 500, updated_at: assigned.incident.updated_at + 1 },
  }
  await world.flashduty.control.enqueue(storm)
  await world.flashduty.control.enqueue(storm, { jobId: 'the-same-again' })
  const said = () =>
    world.dingtalk.journal
      .requests('groupMessages/send')
      .filter(({ body }) => JSON.stringify(body).includes('风暴中心'))
      .map(({ body }) => (body as { openConversationId: string }).openConversationId)
  await eventually('both groups were told', () => said().length >= 2)
  await everybodySees(world, card, '风暴中心')
  await eventually('the event is settled', async () => {
    const rows = (await recordsOf(world, incident)).filter(({ event_id: id }) => id === storm.event_id)
    return rows.length > 0 && rows.every(({ status, duplicates }) => status !== 'pending' && duplicates === 1)
  })
  expect(said().sort()).toEqual(
    [world.groups.oncall.openConversationId, world.groups.platform.openConversationId].sort(),
  )
})

test('a group gets no more new cards a minute than the integration allows it; the rest wait', async () => {
  const { world } = scene
  await changeIntegration(scene, '--group-per-minute', '2')
  onTestFailed(() => changeIntegration(scene, '--group-per-minute', '0'))
  const group = world.dingtalk.control.createGroup({
    title: '限量群',
    memberUserIds: Object.values(world.people).map(({ user }) => user.userId),
  })
  await install(world, [group])
  const incidents: Incident[] = []
  for (const title of ['一', '二', '三']) incidents.push(await fire(world, { title, chats: [inGroup(group)] }))
  const created = () => incidents.filter((incident) => cardsOf(world, incident).length > 0).length
  await eventually('two have come', () => created() === 2)
  await eventually('the third is put off', async () => {
    const open = await Promise.all(incidents.map((incident) => recordsOf(world, incident)))
    return open.flat().filter(({ status, kind }) => kind === 'group' && status === 'pending').length === 1
  })
  expect(created()).toBe(2)
  await changeIntegration(scene, '--group-per-minute', '0')
  await eventually('it comes once it is allowed', () => created() === 3)
})

afterAll(() => {
  expectSilence(scene.world, scene.app.lines)
})
