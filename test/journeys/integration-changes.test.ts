import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'

import type { PressResult } from '../sandbox/dingtalk/types.ts'
import type { Incident } from '../sandbox/flashduty/types.ts'
import { eventually } from '../support/eventually.ts'
import { HeldPatience } from '../support/held-patience.ts'
import {
  actsOn,
  answerOf,
  bootImpatient,
  type ImpatientApp,
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
import { readyz } from '../support/readyz.ts'
import type { LogLine } from '../support/world.ts'

/** Nobody here runs out of time: what is asked is who answers, not how soon. */
const DEADLINE_MS = 60_000
const patience = new HeldPatience()
const OVERRIDES = {
  action: patience.settings,
  deadlines: { press: { answerMs: DEADLINE_MS - 2_000, tooLateMs: DEADLINE_MS - 1_000 } },
}

let scene: Scene
let app: ImpatientApp
const earlierLines: LogLine[] = []
beforeAll(async () => {
  scene = await openScene({ dingtalk: { cardDeadlineMs: DEADLINE_MS }, overrides: OVERRIDES })
  app = scene.app
})
afterEach(() => {
  vi.restoreAllMocks()
  scene.world.flashduty.control.clearFaults()
})
afterAll(async () => {
  expectSilence(scene.world, [...earlierLines, ...app.lines])
  await app.stop()
  await scene.close()
})

const connections = (): string[] => scene.world.dingtalk.control.connections(scene.world.dingtalkApp.clientId)
const opens = (): number => scene.world.dingtalk.journal.requests('connections/open').length
const change = (...fields: string[]) => changeIntegration({ world: scene.world, app }, ...fields)

/** How many connections there are to be. */
let wanted = 2
async function changeConnections(): Promise<void> {
  wanted = wanted === 2 ? 3 : 2
  await change('--connections', String(wanted))
}
/** Resolves with them once there are so many. */
const allOpen = () =>
  eventually('all are open', () => {
    const open = connections()
    return open.length === wanted && open
  })

type Alert = { incident: Incident; card: string }

async function alertGroup(title: string): Promise<Alert> {
  const { world } = scene
  const incident = await fire(world, { title, chats: [inGroup(world.groups.oncall)] })
  const card = await theCardOf(world, incident)
  await settledRecords(world, incident)
  return { incident, card }
}

const alertMany = (title: string, count: number): Promise<Alert[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => alertGroup(`${title} ${index + 1}`)))

const pressed = ({ card }: Alert): Promise<PressResult> => press(scene.world, card, scene.world.people.li, '认领')

/** 李四 presses, and the push goes over that connection. */
function pressOver(connectionId: string, { card }: Alert): Promise<PressResult> {
  const { world } = scene
  const button = view(world, card, world.people.li).buttons.find(({ text }) => text === '认领')
  if (!button || !('id' in button)) throw new Error('there is no such button')
  const userId = world.people.li.user.userId
  return world.dingtalk.control.press({ outTrackId: card, userId, buttonId: button.id, connectionId })
}

/** The press has counted, once, and everybody sees it. */
async function expectCounted({ incident, card }: Alert): Promise<void> {
  await everybodySees(scene.world, card, '处理中')
  expect(actsOn(scene.world, incident)).toHaveLength(1)
}

/** Presses one alert on each of our connections as soon as we have said goodbye on it. */
function pressAtGoodbye(alerts: Alert[]): { connectionId: string; result: Promise<PressResult> }[] {
  const pushed: { connectionId: string; result: Promise<PressResult> }[] = []
  const close = Reflect.get(WebSocket.prototype, 'close') as (this: WebSocket, ...args: unknown[]) => void
  vi.spyOn(WebSocket.prototype, 'close').mockImplementation(function (this: WebSocket, code, reason) {
    close.call(this, code, reason)
    const connectionId = this.url ? new URL(this.url).searchParams.get('ticket') : null
    const alert = alerts[pushed.length]
    if (connectionId && alert) pushed.push({ connectionId, result: pressOver(connectionId, alert) })
  })
  return pushed
}

describe('a change that does not concern the connections', () => {
  test('leaves them as they are, and answers what is pressed before, during and after', async () => {
    const { world } = scene
    const before = await allOpen()
    const openedBefore = opens()
    const [first, ...others] = await alertMany('改名时按', 5)
    if (!first) throw new Error('no alert')
    // Presses that the former settings took in are still under way when the new ones are in force.
    world.flashduty.control.addFault({ path: '/incident/ack', effect: { kind: 'delay', ms: 1_500 } })
    const under = pressed(first)
    await eventually('Flashduty is asked', () => actsOn(world, first.incident).length === 1)
    const changing = change('--name', '改名的集成')
    const during = others.map(pressed)
    await changing
    const after = await alertGroup('改名之后按')
    for (const result of await Promise.all([under, ...during, pressed(after)])) {
      expect(answerOf(result).title).toContain('处理中')
    }
    await Promise.all([first, ...others, after].map(expectCounted))
    expect(connections()).toEqual(before)
    expect(opens()).toBe(openedBefore)
    expect((await readyz(app.url)).status).toBe(200)
  })

  test('has the name in force, and events go on being taken in', async () => {
    const { world } = scene
    const { openConversationId } = world.groups.platform
    await change('--name', '又改名的集成', '--qps', '19')
    const eventId = world.dingtalk.control.renameGroup(openConversationId, '改设置后改的名')
    expect(await world.dingtalk.control.eventSettled(eventId)).toBe('success')
    world.dingtalk.control.dropConnections(world.dingtalkApp.clientId)
    await eventually('its trouble is told by the new name, or over', async () => {
      const { status, missing } = await readyz(app.url)
      return status === 200 || 'stream of 又改名的集成' in missing
    })
    await allOpen()
    await eventually('ready', async () => (await readyz(app.url)).status === 200)
  })
})

describe('a change that needs other connections', () => {
  test('opens them before it closes the former, and answers what was pressed before', async () => {
    const { world } = scene
    const { journal } = world.dingtalk
    const before = await allOpen()
    const [early, ...others] = await alertMany('换连接数时按', 4)
    if (!early) throw new Error('no alert')
    world.flashduty.control.addFault({ path: '/incident/ack', effect: { kind: 'delay', ms: 1_200 } })
    const changing = changeConnections()
    const isNew = (id: string): boolean => !before.includes(id)
    const under = pressOver(before[0] ?? '', early)
    await eventually('the new ones open', () => connections().some(isNew))
    const during = others.map((alert, index) => pressOver(before[index % before.length] ?? '', alert))
    await changing
    expect(answerOf(await under).title).toContain('处理中')
    const results = await Promise.all(during)
    for (const result of results) {
      if (result.outcome === 'failed') expect(result.reason).toMatch(/no connection|connection closed/)
    }
    const pushedTo = others.filter((_, index) => {
      const result = results[index]
      return result?.outcome === 'answered' || result?.reason !== 'no connection'
    })
    await Promise.all([early, ...pushedTo].map(expectCounted))
    await eventually('the new ones alone', () => connections().length === wanted && connections().every(isNew))
    const opened = journal.of('stream-open').filter(({ connectionId }) => connections().includes(connectionId))
    const closed = journal.of('stream-close').filter(({ connectionId }) => before.includes(connectionId))
    expect([opened.length, closed.length]).toEqual([wanted, before.length])
    expect(Math.min(...opened.map(({ seq }) => seq))).toBeLessThan(Math.min(...closed.map(({ seq }) => seq)))
  })

  test('carries out what was pushed when goodbye was said, and the card tells', async () => {
    const alerts = await alertMany('再见时按', wanted)
    const before = await allOpen()
    const pushed = pressAtGoodbye(alerts)
    await changeConnections()
    expect(pushed.map(({ connectionId }) => connectionId).sort()).toEqual([...before].sort())
    for (const { result } of pushed)
      expect(await result).toMatchObject({ outcome: 'failed', reason: 'connection closed' })
    await Promise.all(alerts.map(expectCounted))
  })

  test('to what DingTalk refuses is taken up all the same, and its trouble told', async () => {
    const { clientSecret } = scene.world.dingtalkApp
    await change('--client-secret', 'mistyped', '--name', '密钥错了')
    expect(connections()).toEqual([])
    expect((await readyz(app.url)).missing['stream of 密钥错了']).toContain('APP_CREDENTIAL_INVALID')
    await change('--client-secret', clientSecret, '--name', '钉钉值班')
    await eventually('ready', async () => (await readyz(app.url)).status === 200)
    const alert = await alertGroup('密钥改对之后')
    expect(answerOf(await pressed(alert)).title).toContain('处理中')
    await expectCounted(alert)
  })
})

test('a stop carries out what was pushed when goodbye was said, and the next start shows it', async () => {
  await allOpen()
  const alerts = await alertMany('停的时候按', wanted)
  const pushed = pressAtGoodbye(alerts)
  await app.stop()
  earlierLines.push(...app.lines)
  expect(pushed).toHaveLength(wanted)
  for (const { result } of pushed)
    expect(await result).toMatchObject({ outcome: 'failed', reason: 'connection closed' })
  for (const { incident } of alerts) expect(actsOn(scene.world, incident)).toHaveLength(1)
  vi.restoreAllMocks()
  app = await bootImpatient(scene.world, OVERRIDES)
  await Promise.all(alerts.map(expectCounted))
})
