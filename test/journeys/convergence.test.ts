import { afterEach, describe, expect, test, afterAll } from 'vitest'

import { paceQueue } from '../../src/queue/jobs.ts'
import type { IncidentEvent } from '../sandbox/flashduty/types.ts'
import { eventually } from '../support/eventually.ts'
import { composeActs, composeIncident, endedJob, enqueue, followUp, pauseJobs } from '../support/jobs.ts'
import { expectNewestShown } from '../support/shuffled-events.ts'
import {
  buttonTexts,
  callsFor,
  cardsOf,
  everybodySees,
  expectSilence,
  inGroup,
  settledRecords,
  theCardOf,
  useScene,
  view,
} from '../support/journey.ts'
import {
  alertGroup,
  byTarget,
  expectDistance,
  requestsAbout,
  rowsOf,
  SPACING_MS,
  takeIn,
  titlesShown,
} from '../support/story.ts'

/** How far the daemon's clock has been put forward. */
let aheadMs = 0
const clock = { nowMs: () => Date.now() + aheadMs }
const scene = useScene({ overrides: { clock, delivery: { spacingMs: SPACING_MS }, sweepMs: 500 } })
afterEach(() => {
  scene.world.dingtalk.control.clearFaults()
})

describe('the same event again', () => {
  test('however often and whenever it comes, is one card and one record that counts', async () => {
    const { world } = scene
    const { oncall } = world.groups
    const { li, wang } = world.people
    const { incident, assigned } = await composeIncident(world, {
      title: '重复的告警',
      chats: [inGroup(oncall)],
      personIds: [li.member.member_id, wang.member.member_id],
    })
    const jobs = await Promise.all(Array.from({ length: 5 }, () => enqueue(world, assigned)))
    for (const job of jobs) expect(await endedJob(world, job)).toMatchObject({ state: 'completed' })
    const card = await theCardOf(world, incident)
    await settledRecords(world, incident)
    const [acked] = await composeActs(world, incident, ['ack'])
    if (!acked) throw new Error('an acknowledgement is one event')
    await takeIn(world, acked)
    await everybodySees(world, card, '处理中')
    await takeIn(world, assigned, acked, acked)

    const records = await settledRecords(world, incident)
    const unlinked = { kind: 'person', target: `member:${wang.member.member_id}`, status: 'failed' }
    expect(rowsOf(records, assigned)).toEqual(
      [
        { kind: 'group', target: oncall.openConversationId, status: 'success', reason: null, duplicates: 5 },
        { kind: 'person', target: li.user.userId, status: 'success', reason: null, duplicates: 5 },
        { ...unlinked, reason: 'NOT_LINKED', duplicates: 5 },
      ].sort(byTarget),
    )
    expect(rowsOf(records, acked)).toEqual(
      [oncall.openConversationId, li.user.userId]
        .sort()
        .map((target) => expect.objectContaining({ target, status: 'updated', duplicates: 2 }) as unknown),
    )
    expect(cardsOf(world, incident)).toEqual([card])
    expect(callsFor(world, 'createAndDeliver', card)).toHaveLength(1)
    expect(callsFor(world, 'updateCard', card)).toHaveLength(1)
    expect(callsFor(world, 'deliver', card)).toEqual([])
    expect(view(world, card, li).title).toContain('处理中')
  })

  test('stays one record also when it first came before there was a card', async () => {
    const { world } = scene
    const { incident, created, assigned } = await composeIncident(world, {
      title: '先来的重复',
      chats: [inGroup(world.groups.oncall)],
    })
    await takeIn(world, created, assigned)
    await theCardOf(world, incident)
    await takeIn(world, created, created)
    const records = await settledRecords(world, incident)
    expect(rowsOf(records, created)).toEqual([
      { kind: 'none', target: '', status: 'skipped', reason: 'NO_TARGET', duplicates: 2 },
    ])
  })
})

describe('events out of order', () => {
  test('an older one that comes late changes nothing and says so', async () => {
    const { world } = scene
    const { incident, card } = await alertGroup(world, '先关后认')
    const acts = await composeActs(world, incident, ['ack', { title: '改过名' }, 'resolve'])
    const [acked, renamed, resolved] = acts as [IncidentEvent, IncidentEvent, IncidentEvent]
    await takeIn(world, resolved)
    await everybodySees(world, card, '已关闭')
    await takeIn(world, renamed, acked)
    const records = await settledRecords(world, incident)
    for (const late of [acked, renamed]) {
      expect(rowsOf(records, late)).toMatchObject([{ kind: 'group', status: 'skipped', reason: 'STALE_EVENT' }])
    }
    expect(rowsOf(records, resolved)).toMatchObject([{ kind: 'group', status: 'updated' }])
    expect(callsFor(world, 'updateCard', card)).toHaveLength(1)
    await everybodySees(world, card, '已关闭')
  })

  test('an alert that its own acknowledgement has overtaken is sent, as it is by now', async () => {
    const { world } = scene
    const { incident, assigned } = await composeIncident(world, { chats: [inGroup(world.groups.oncall)] })
    const acts = await composeActs(world, incident, ['ack'])
    await takeIn(world, ...acts, assigned)
    const card = await theCardOf(world, incident)
    const records = await settledRecords(world, incident)
    expect(rowsOf(records, assigned)).toMatchObject([{ kind: 'group', status: 'success' }])
    for (const title of titlesShown(world, card)) expect(title).toContain('处理中')
    await everybodySees(world, card, '处理中')
  })

  test('an alert that its own closing has overtaken costs no call', async () => {
    const { world } = scene
    const { incident, assigned } = await composeIncident(world, { chats: [inGroup(world.groups.oncall)] })
    await takeIn(world, ...(await composeActs(world, incident, ['resolve'])), assigned)
    const records = await settledRecords(world, incident)
    expect(rowsOf(records, assigned)).toMatchObject([{ kind: 'group', status: 'skipped', reason: 'ALREADY_CLOSED' }])
    expect(requestsAbout(world, incident)).toEqual([])
  })

  test('shuffled, repeated and with some lost: the newest is shown, and nothing older after it', async () => {
    await expectNewestShown(scene.world, 1)
  })
})

test('ten changes while the card waits for its update cost one call, end at the newest, and each is told to be shown', async () => {
  const { world } = scene
  const { incident, card } = await alertGroup(world, '十连改')
  const titles = Array.from({ length: 10 }, (_, index) => ({ title: `十连改 之 ${index + 1}。` }))
  const acts = await composeActs(world, incident, titles)
  const go = await pauseJobs(world, paceQueue(world.integrationId, 'update'))
  try {
    const jobs = await Promise.all(acts.map((body) => enqueue(world, body)))
    for (const job of jobs) await endedJob(world, job)
  } finally {
    await go()
  }
  await everybodySees(world, card, '十连改 之 10。')
  const records = await settledRecords(world, incident)
  const changes = records.filter(({ event_type: type }) => type === 'i_r_title')
  expect(changes).toHaveLength(10)
  for (const { status, reason_code: reason } of changes) {
    // What came after a newer one is shown by it, too.
    expect(['updated', 'STALE_EVENT']).toContain(reason ?? status)
  }
  expect(rowsOf(records, acts[9] as IncidentEvent)).toMatchObject([{ status: 'updated' }])
  expect(callsFor(world, 'updateCard', card)).toHaveLength(1)
})

describe('an incident closed before its card was sent', () => {
  test('while DingTalk throttles: costs no call, and a reopening is told', async () => {
    const { world } = scene
    const { control } = world.dingtalk
    const busy = { code: 'Forbidden.AccessDenied.QpsLimitForAppkeyAndApi', message: '暂时禁用' }
    const chats = [inGroup(world.groups.oncall)]
    const first = await composeIncident(world, { title: '被限流的', chats })
    const { incident, assigned } = await composeIncident(world, { title: '来不及发的', chats })
    const acts = await composeActs(world, incident, ['resolve', 'reopen'])
    const [resolved, ...reopened] = acts as [IncidentEvent, ...IncidentEvent[]]
    const effect = { kind: 'answer', status: 403, body: busy } as const
    control.addFault({ api: 'createAndDeliver', bodyContains: first.incident.incident_id, effect })
    await enqueue(world, first.assigned)
    await eventually('the pacer pauses', () =>
      requestsAbout(world, first.incident).some(({ status }) => status === 403),
    )
    const go = await pauseJobs(world, paceQueue(world.integrationId, 'create'))
    try {
      await takeIn(world, assigned, resolved)
    } finally {
      await go()
    }

    await theCardOf(world, first.incident)
    const records = await settledRecords(world, incident)
    for (const event of [assigned, resolved]) {
      expect(rowsOf(records, event)).toMatchObject([{ kind: 'group', status: 'skipped', reason: 'ALREADY_CLOSED' }])
    }
    expect(requestsAbout(world, incident)).toEqual([])
    await settledRecords(world, first.incident)

    await takeIn(world, ...reopened)
    const card = await theCardOf(world, incident)
    await everybodySees(world, card, '待处理')
    expect(view(world, card, world.people.li).title).toContain('[REOPEN]')
  })

  test('while DingTalk hangs: nothing is sent once it is known that nothing was', async () => {
    const { world } = scene
    const { incident, assigned } = await composeIncident(world, { chats: [inGroup(world.groups.oncall)] })
    world.dingtalk.control.addFault({
      api: 'createAndDeliver',
      bodyContains: incident.incident_id,
      effect: { kind: 'hang' },
    })
    await takeIn(world, assigned)
    await eventually('the call hangs', () => requestsAbout(world, incident).length === 1)
    await takeIn(world, ...(await composeActs(world, incident, ['resolve'])))
    const records = await settledRecords(world, incident)
    for (const { status, reason_code: reason } of records) {
      expect([status, reason]).toEqual(['skipped', 'ALREADY_CLOSED'])
    }
    expect(cardsOf(world, incident)).toEqual([])
    const creates = requestsAbout(world, incident).filter(({ api }) => api === 'createAndDeliver')
    expect(creates).toHaveLength(1)
  })
})

describe('a snooze', () => {
  const awake = ['暂缓 2 小时', '暂缓 4 小时', '暂缓 12 小时', '关闭', '取消认领', '查看详情']

  test('that Flashduty ends is over on the same card', async () => {
    const { world } = scene
    const { zhang } = world.people
    const { incident, card } = await alertGroup(world, '暂缓后回来')
    const { control } = world.flashduty
    await control.act(incident.incident_id, 'ack', zhang.member.member_id)
    await control.act(incident.incident_id, { snoozeMinutes: 600 }, zhang.member.member_id)
    await everybodySees(world, card, '已暂缓至')
    await control.endSnooze(incident.incident_id)
    await everybodySees(world, card, '待处理')
    expect(buttonTexts(view(world, card, zhang))).toEqual(['认领', '关闭', '查看详情', '快速静默', '刷新'])
    await settledRecords(world, incident)
    expect(cardsOf(world, incident)).toEqual([card])
  })

  test('that nobody ends is over at its time, unless it was put off again', async () => {
    const { world } = scene
    const untilS = Math.ceil(clock.nowMs() / 1000) + 3_600
    const snooze = async (title: string) => {
      const { incident, card } = await alertGroup(world, title)
      const [acked] = (await composeActs(world, incident, ['ack'])) as [IncidentEvent]
      const snoozed = followUp(acked, { event_type: 'i_snooze', incident: { snoozed_before: untilS } })
      await takeIn(world, acked, snoozed)
      return { incident, card, snoozed }
    }
    const once = await snooze('暂缓一次')
    const twice = await snooze('暂缓两次')
    await takeIn(world, followUp(twice.snoozed, { incident: { snoozed_before: untilS + 3_600 } }))
    for (const { incident, card } of [once, twice]) {
      await everybodySees(world, card, '已暂缓至')
      await settledRecords(world, incident)
    }
    const shownAt = performance.now()
    await eventually('clients have drawn it', () => performance.now() - shownAt > SPACING_MS)
    aheadMs += untilS * 1_000 - clock.nowMs()
    await everybodySees(world, once.card, '处理中')
    expect(buttonTexts(view(world, once.card, world.people.zhang))).toEqual(awake)
    await everybodySees(world, twice.card, '已暂缓至')
    const ours = [once, twice].map(({ incident }) => incident.incident_id)
    const over = scene.app.lines.filter(({ msg }) => msg === 'snooze-over').map((line) => line['incidentId'])
    expect(over.filter((id) => ours.includes(String(id)))).toEqual([once.incident.incident_id])
  })
})

afterAll(() => {
  expectDistance(scene.world)
  expectSilence(scene.world, scene.app.lines)
})
