import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest'

import type { Incident } from '../sandbox/flashduty/types.ts'
import { eventually } from '../support/eventually.ts'
import { HeldPatience } from '../support/held-patience.ts'
import { chooseHttpMode, lead } from '../support/http-door.ts'
import {
  actsOn,
  answerOf,
  changeIntegration,
  everybodySees,
  expectSilence,
  fire,
  inGroup,
  openScene,
  press,
  type Scene,
  settledRecords,
  theCardOf,
  view,
} from '../support/journey.ts'
import type { Person } from '../support/world.ts'

/** So long that only what a test says decides: how long a press had lain unread, and when its presser has had enough. */
const BUDGET_MS = 60_000
const ANSWER_MS = 70_000
const TOO_LATE_MS = 80_000
const WORKING = '处理中，卡片稍后更新'

const patience = new HeldPatience()
let waitedMs = 0

let scene: Scene
beforeAll(async () => {
  scene = await openScene({
    dingtalk: { cardDeadlineMs: 120_000 },
    overrides: {
      action: { answerBudgetMs: BUDGET_MS, patience: patience.settings.patience },
      deadlines: { press: { answerMs: ANSWER_MS, tooLateMs: TOO_LATE_MS } },
      eventLoop: { waitedMs: () => waitedMs },
    },
  })
  lead(scene.world, scene.app)
})
afterEach(() => {
  waitedMs = 0
  scene.world.flashduty.control.clearFaults()
})
afterAll(async () => {
  expectSilence(scene.world, scene.app.lines, { errors: ['click-failed'] })
  await scene.close()
})

type Alert = { incident: Incident; card: string }

async function alertGroup(title: string): Promise<Alert> {
  const { world } = scene
  const incident = await fire(world, { title, chats: [inGroup(world.groups.oncall)] })
  const card = await theCardOf(world, incident)
  await settledRecords(world, incident)
  return { incident, card }
}

const pressed = ({ card }: Alert) => press(scene.world, card, scene.world.people.li, '认领')

async function expectCounted({ incident, card }: Alert): Promise<void> {
  await everybodySees(scene.world, card, '处理中')
  expect(actsOn(scene.world, incident)).toHaveLength(1)
}

/** What the robot said to the person alone. */
function saidTo({ user }: Person): string[] {
  return scene.world.dingtalk.journal
    .requests('oToMessages/batchSend')
    .filter(({ body }) => (body as { userIds: string[] }).userIds.includes(user.userId))
    .map(({ body }) => (JSON.parse((body as { msgParam: string }).msgParam) as { content: string }).content)
}

/** Presses, and says how often Flashduty had been asked to act by the time the presser had the answer. */
async function pressAndCount(alert: Alert): Promise<{ tips: string; acts: number }> {
  const { world } = scene
  let acts = -1
  const stop = world.dingtalk.journal.subscribe((entry) => {
    if (entry.type === 'view' && entry.cause === 'press-answer') acts = actsOn(world, alert.incident).length
  })
  const { tips } = answerOf(await pressed(alert))
  stop()
  return { tips, acts }
}

describe('a press by the Stream', () => {
  test('whose time is nearly over is answered 处理中, then carried out', async () => {
    const alert = await alertGroup('读得晚')
    waitedMs = BUDGET_MS - 100
    expect(await pressAndCount(alert)).toEqual({ tips: WORKING, acts: 0 })
    await expectCounted(alert)
  })

  test('whose time is over is carried out without an answer', async () => {
    const alert = await alertGroup('读得太晚')
    const line = scene.app.lines.length
    waitedMs = TOO_LATE_MS
    let isAnswered = false
    void pressed(alert).then(({ outcome }) => (isAnswered = outcome === 'answered'))
    await expectCounted(alert)
    const overdue = () => scene.app.lines.slice(line).filter(({ msg }) => msg === 'frame-overdue')
    await eventually('the log says so', () => overdue().length > 0)
    expect(overdue()).toHaveLength(1)
    expect(isAnswered).toBe(false)
  })

  test('whose time is over, and which Flashduty refuses, is told why by the robot', async () => {
    const { li } = scene.world.people
    const alert = await alertGroup('读得太晚又被拒绝')
    li.member.licensed = false
    try {
      waitedMs = TOO_LATE_MS
      void pressed(alert)
      await eventually('the robot says so', () => saidTo(li).some((text) => text.includes('读得太晚又被拒绝')))
    } finally {
      li.member.licensed = true
    }
    expect(view(scene.world, alert.card, li).title).toContain('待处理')
  })

  test('that had waited less gets the result; whoever has had enough gets 处理中, and the truth follows', async () => {
    const { world } = scene
    const alert = await alertGroup('等得及')
    waitedMs = BUDGET_MS / 2
    expect(answerOf(await pressed(alert)).title).toContain('处理中')

    const other = await alertGroup('等不及')
    world.flashduty.control.addFault({ path: '/incident/ack', effect: { kind: 'delay', ms: 1_000 } })
    const answer = pressed(other)
    await eventually('Flashduty is asked', () => actsOn(world, other.incident).length === 1)
    patience.end()
    expect(answerOf(await answer).tips).toBe(WORKING)
    await expectCounted(other)
  })

  test('is handed to the queue after the answer too', async () => {
    const { world } = scene
    await changeIntegration(scene, '--acting', 'queue')
    onTestFinished(() => changeIntegration(scene, '--acting', 'member-key'))
    const consumer = await world.flashduty.control.consumeActions()
    const alert = await alertGroup('读得晚，走队列')
    waitedMs = BUDGET_MS - 100
    expect(answerOf(await pressed(alert)).tips).toBe(WORKING)
    await everybodySees(world, alert.card, '处理中')
    expect(consumer.taken.filter(({ incident_id: id }) => id === alert.incident.incident_id)).toHaveLength(1)
  })
})

describe('a press by HTTP', () => {
  beforeAll(async () => {
    await chooseHttpMode(scene.world)
    await changeIntegration(scene, '--events', 'http', '--stream', 'off')
    await eventually('the address is registered', () =>
      scene.world.dingtalk.journal.requests('callbacks/register').some(({ status }) => status === 200),
    )
  })
  afterAll(async () => {
    const { clientId } = scene.world.dingtalkApp
    scene.world.dingtalk.control.updateApp(clientId, { eventMode: 'STREAM' })
    await changeIntegration(scene, '--events', 'stream', '--stream', 'on')
    await eventually('it is connected', () => scene.world.dingtalk.control.connections(clientId).length === 2)
  })

  test('whose time is nearly over is answered 处理中, then carried out', async () => {
    const alert = await alertGroup('HTTP 读得晚')
    waitedMs = BUDGET_MS - 100
    expect(await pressAndCount(alert)).toEqual({ tips: WORKING, acts: 0 })
    await expectCounted(alert)
  })

  test('whose time is over gets no answer that would show, and is carried out', async () => {
    const alert = await alertGroup('HTTP 读得太晚')
    waitedMs = TOO_LATE_MS
    expect(await pressed(alert)).toMatchObject({ outcome: 'failed', reason: 'HTTP 503' })
    await expectCounted(alert)
  })
})
