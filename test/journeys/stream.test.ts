import { afterAll, afterEach, beforeAll, describe, expect, onTestFailed, test } from 'vitest'

import { DEADLINES } from '../../src/domain/deadlines.ts'
import type { Incident } from '../sandbox/flashduty/types.ts'
import { eventually } from '../support/eventually.ts'
import { Gate } from '../support/gate.ts'
import {
  actsOn,
  answerOf,
  bootImpatient,
  everybodySees,
  expectSilence,
  fire,
  type ImpatientApp,
  inGroup,
  listGroups,
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

/** Whoever waited for an opening that hangs would wait for ever. */
const NEVER_MS = 86_400_000

/** Old connections stay open as long as in earnest, and so is the time for an event: a lost one has to come again. */
const OVERRIDES = {
  supervisor: { lingerMs: 12_000 },
  connection: { openTimeoutMs: NEVER_MS, handshakeTimeoutMs: NEVER_MS },
  deadlines: { event: DEADLINES.event },
}

let scene: Scene
/** The daemon that runs now; some tests end it and start another. */
let app: ImpatientApp
const earlierLines: LogLine[] = []

beforeAll(async () => {
  // Long enough redeliveries that an event outlives a connection that fell silent.
  const dingtalk = { eventDeadlineMs: 3_000, disconnectSilenceMs: 8_000 }
  scene = await openScene({ dingtalk, overrides: OVERRIDES })
  app = scene.app
})
afterEach(() => {
  scene.world.dingtalk.control.clearFaults()
  scene.world.flashduty.control.clearFaults()
})
afterAll(async () => {
  await app.stop()
  await scene.close()
})

const clientId = (): string => scene.world.dingtalkApp.clientId
const connections = (): string[] => scene.world.dingtalk.control.connections(clientId())
const opens = () => scene.world.dingtalk.journal.requests('connections/open')

/** The `stream-state` lines since a line of the log. */
function statesSince(line: number): LogLine[] {
  return app.lines.slice(line).filter(({ msg }) => msg === 'stream-state')
}

/** Resolves when two connections are open that were not there before, and the daemon says it is ready. */
async function reconnected(before: string[]): Promise<void> {
  const areNew = () => connections().filter((id) => !before.includes(id)).length === 2
  await eventually('new connections', areNew)
  await eventually('ready', async () => (await readyz(app.url)).status === 200)
}

async function alertGroup(title: string): Promise<{ incident: Incident; card: string }> {
  const { world } = scene
  const incident = await fire(world, { title, chats: [inGroup(world.groups.oncall)] })
  const card = await theCardOf(world, incident)
  await settledRecords(world, incident)
  return { incident, card }
}

/** A new alert is acknowledged by a press, and everybody sees it. */
async function expectPressesWork(title: string): Promise<void> {
  const { world } = scene
  const { incident, card } = await alertGroup(title)
  expect(answerOf(await press(world, card, world.people.li, '认领')).title).toContain('处理中')
  await everybodySees(world, card, '处理中')
  expect(actsOn(world, incident)).toHaveLength(1)
}

/** What became of the event for our app; the one of another integration may be gone. */
async function settled(eventId: string): Promise<string | undefined> {
  const { journal } = scene.world.dingtalk
  const outcome = () =>
    journal.of('event-settled').find((entry) => entry.eventId === eventId && entry.clientId === clientId())?.outcome
  return eventually(`${eventId} has settled`, outcome)
}

function pushesOf(eventId: string) {
  return scene.world.dingtalk.journal.of('frame-sent').filter(({ businessId }) => businessId === eventId)
}

describe('a connection that ends', () => {
  test('on notice is replaced while it still carries the answers that are due', async () => {
    const { world } = scene
    const { control, journal } = world.dingtalk
    const { incident, card } = await alertGroup('换连接时按')
    const before = connections()
    const line = app.lines.length
    const gate = new Gate()
    world.flashduty.control.addFault({ path: '/incident/ack', effect: gate.effect })
    const pressed = press(world, card, world.people.li, '认领')
    await eventually('Flashduty is asked', () => actsOn(world, incident).length === 1)
    control.disconnect(clientId())
    await reconnected(before)
    gate.open()
    expect(journal.of('stream-close').filter(({ connectionId }) => before.includes(connectionId))).toEqual([])
    expect(answerOf(await pressed).title).toContain('处理中')
    await everybodySees(world, card, '处理中')
    await expectPressesWork('换连接后按')

    await eventually('the old ones are gone', () =>
      before.every((id) => journal.of('stream-close').some(({ connectionId }) => connectionId === id)),
    )
    expect(connections()).toHaveLength(2)
    expect(statesSince(line).map(({ state }) => state)).toEqual(['connecting', 'open'])
  })

  test('without a word is replaced at once, with one line for each change', async () => {
    const { control } = scene.world.dingtalk
    const before = connections()
    const line = app.lines.length
    control.dropConnections(clientId())
    await reconnected(before)
    expect(connections()).toHaveLength(2)
    expect(statesSince(line).map(({ state }) => state)).toEqual(['connecting', 'open'])
    await expectPressesWork('断线之后')
  })

  test('in the middle of a press: it counts once, and the next press is answered', async () => {
    const { world } = scene
    const { li, zhang } = world.people
    const { control } = world.dingtalk
    const { incident, card } = await alertGroup('按到一半断线')
    const before = connections()
    const gate = new Gate()
    world.flashduty.control.addFault({ path: '/incident/ack', effect: gate.effect })
    const pressed = press(world, card, li, '认领')
    await eventually('Flashduty is asked', () => actsOn(world, incident).length === 1)
    control.dropConnections(clientId())
    expect((await pressed).outcome).toBe('failed')
    gate.open()
    await reconnected(before)

    await everybodySees(world, card, '处理中')
    expect(view(world, card, zhang).tips).toContain('李四 于')
    expect(answerOf(await press(world, card, zhang, '关闭')).title).toContain('已关闭')
    await everybodySees(world, card, '已关闭')
    expect(actsOn(world, incident).map(({ path }) => path)).toEqual(['/incident/ack', '/incident/resolve'])
    const presses = (await settledRecords(world, incident)).filter(({ kind }) => kind === 'action')
    expect(presses).toMatchObject([{ status: 'success' }, { status: 'success' }])
  })

  test('and stays away: presses fail without a trace, alerts still arrive, and both are whole afterwards', async () => {
    const { world } = scene
    const { control } = world.dingtalk
    const { incident, card } = await alertGroup('断线期间按')
    const before = connections()
    const line = app.lines.length
    const openedBefore = opens().length
    control.addFault({ api: 'connections/open', times: 1_000, effect: { kind: 'reset' } })
    control.dropConnections(clientId())
    await eventually('it is missed', async () => (await readyz(app.url)).status === 503)
    expect((await press(world, card, world.people.li, '认领')).outcome).toBe('failed')
    expect(actsOn(world, incident)).toEqual([])
    const eventId = control.renameGroup(world.groups.platform.openConversationId, '断线时改的名')
    await alertGroup('断线期间告警')
    await eventually('it was tried again and again', () => opens().length >= openedBefore + 8)
    expect((await fetch(`${app.url}/healthz`)).status).toBe(200)

    control.clearFaults()
    await reconnected(before)
    expect(answerOf(await press(world, card, world.people.li, '认领')).title).toContain('处理中')
    await everybodySees(world, card, '处理中')
    expect(actsOn(world, incident)).toHaveLength(1)
    expect((await recordsOf(world, incident)).filter(({ kind }) => kind === 'action')).toHaveLength(1)
    expect(await settled(eventId)).toBe('success')
    expect(statesSince(line).map(({ state }) => state)).toEqual(['connecting', 'waiting', 'open'])
  })
})

describe('an event', () => {
  /** Lets the next frame out and reads nothing that comes back. */
  function loseNextAnswer(): void {
    const { control, journal } = scene.world.dingtalk
    const unsubscribe = journal.subscribe((entry) => {
      if (entry.type !== 'frame-sent') return
      unsubscribe()
      queueMicrotask(() => control.freeze(clientId(), entry.connectionId))
    })
  }

  test('whose acknowledgement was lost comes again under a new messageId and takes effect once', async () => {
    const { world } = scene
    const { control } = world.dingtalk
    const { openConversationId } = world.groups.platform
    const statusOf = async () =>
      (await listGroups(world)).find((row) => row.openConversationId === openConversationId)?.status
    const before = connections()
    loseNextAnswer()
    const removed = control.uninstallCoolApp(openConversationId, clientId())
    await eventually('it has taken effect', async () => (await statusOf()) === 'uninstalled')
    control.dropConnections(clientId())
    await reconnected(before)
    const installed = control.installCoolApp(openConversationId, clientId())
    expect(await settled(installed)).toBe('success')
    expect(await statusOf()).toBe('installed')

    expect(await settled(removed)).toBe('success')
    const messageIds = pushesOf(removed).map(({ messageId }) => messageId)
    expect(messageIds.length).toBeGreaterThanOrEqual(2)
    expect(new Set(messageIds).size).toBe(messageIds.length)
    expect(await statusOf()).toBe('installed')
    const effects = app.lines.filter((line) => line['eventId'] === removed && line.msg !== 'event-duplicate')
    expect(effects).toHaveLength(1)
  })

  test('that comes twice although it was acknowledged is answered twice and takes effect once (F28)', async () => {
    const { world } = scene
    const { control } = world.dingtalk
    for (const id of ['delivery.duplicate-same-id', 'delivery.duplicate-new-id'] as const) {
      control.injectStreamFault({ id, clientId: clientId() })
      const line = app.lines.length
      const eventId = control.renameGroup(world.groups.platform.openConversationId, `改名 ${id}`)
      expect(await settled(eventId)).toBe('success')
      expect(pushesOf(eventId)).toHaveLength(2)
      const said = app.lines.slice(line).filter((entry) => entry['eventId'] === eventId)
      expect(said.filter(({ msg }) => msg === 'event-duplicate')).toHaveLength(1)
      expect(said.filter(({ msg }) => msg !== 'event-duplicate')).toHaveLength(1)
    }
  })
})

test('a connection that is alive but silent is noticed and replaced', async () => {
  const { world } = scene
  const { control } = world.dingtalk
  const { openConversationId } = world.groups.oncall
  const { card } = await alertGroup('连接没声音')
  const before = connections()
  const line = app.lines.length
  control.freeze(clientId())
  const eventId = control.renameGroup(openConversationId, '没声音时改的名')
  await reconnected(before)
  const told = (name: string) => app.lines.slice(line).filter(({ msg }) => msg === name)
  expect(told('stream-suspected')).toHaveLength(2)
  // DingTalk may go on using the silent one for a while, and a press that goes there has failed.
  const [connectionId = ''] = connections().filter((id) => !before.includes(id))
  expect(answerOf(await press(world, card, world.people.li, '认领', connectionId)).title).toContain('处理中')
  expect(await settled(eventId)).toBe('success')
  const known = (await listGroups(world)).find((row) => row.openConversationId === openConversationId)
  expect(known?.title).toBe('没声音时改的名')
  await eventually('the silent ones are given up', () => told('stream-closed').length === 2)
  expect(told('stream-closed')).toMatchObject([{ silent: true }, { silent: true }])
  const silent = connections()
  control.dropConnections(clientId())
  await reconnected(silent)
})

describe('a second integration', () => {
  test('has a connection and troubles of its own', async () => {
    const { world } = scene
    const { control, journal } = world.dingtalk
    const second = control.createApp()
    const added = await world.cli(
      ...['integration', 'add', '--json', '--name', '第二集成', '--corp-id', second.corpId],
      ...['--agent-id', second.agentId, '--client-id', second.clientId, '--client-secret', 'mistyped'],
      ...['--aes-key', 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG', '--token', 'demoToken02'],
    )
    expect(added).toMatchObject({ code: 0, err: '' })
    const { id } = JSON.parse(added.out) as { id: string }
    onTestFailed(async () => void (await world.cli('integration', 'remove', id, '--yes')))
    const before = connections()
    await eventually('its trouble is told', async () => {
      const { missing } = await readyz(app.url)
      expect(Object.keys(missing)).toEqual(['stream of 第二集成'])
      expect(missing['stream of 第二集成']).toContain('APP_CREDENTIAL_INVALID')
      return true
    })
    await expectPressesWork('另一个集成有误')

    expect((await world.cli('integration', 'set', id, '--client-secret', second.clientSecret)).code).toBe(0)
    await eventually('both are open', () => control.connections(second.clientId).length === 2)
    await eventually('ready', async () => (await readyz(app.url)).status === 200)
    const renamed = control.renameGroup(world.groups.oncall.openConversationId, '两个集成都知道')
    expect(await settled(renamed)).toBe('success')
    expect(new Set(pushesOf(renamed).map(({ connectionId }) => connectionId)).size).toBe(2)
    control.dropConnections(second.clientId)
    await eventually('its new connection', () => control.connections(second.clientId).length === 2)
    expect((await world.cli('integration', 'remove', id, '--yes')).code).toBe(0)
    await eventually('it is gone', () => control.connections(second.clientId).length === 0)
    expect(connections()).toEqual(before)
    expect(journal.of('stream-close').filter(({ connectionId }) => before.includes(connectionId))).toEqual([])
    await expectPressesWork('又只有一个集成')
  })
})

describe('a stop', () => {
  type Trouble = { name: string; begin: () => void; under: (line: number) => boolean }
  const hang = { kind: 'hang' } as const
  const asked = (line: number) => statesSince(line).length > 0
  const troubles: Trouble[] = [
    {
      name: 'while the gateway is asked',
      begin: () => scene.world.dingtalk.control.addFault({ api: 'connections/open', times: 1_000, effect: hang }),
      under: asked,
    },
    {
      name: 'while the socket is opened',
      begin: () => scene.world.dingtalk.control.addHandshakeFault({ times: 1_000, effect: hang }),
      under: asked,
    },
    {
      name: 'in the pause before the next try',
      begin: () => {
        const effect = { kind: 'answer', status: 503, body: '' } as const
        scene.world.dingtalk.control.addFault({ api: 'connections/open', times: 1_000, effect })
      },
      under: (line) => app.lines.slice(line).some(({ state }) => state === 'waiting'),
    },
    {
      name: 'with a connection that is silent',
      begin: () => scene.world.dingtalk.control.freeze(clientId()),
      under: () => true,
    },
  ]

  test.each(troubles)('$name waits for nothing of it, and is clean and final', async ({ name, begin, under }) => {
    const { control } = scene.world.dingtalk
    const line = app.lines.length
    const openedBefore = opens().length
    begin()
    if (!name.includes('silent')) control.dropConnections(clientId())
    await eventually('that is so', () => under(line))
    await app.stop()
    earlierLines.push(...app.lines)
    expect(statesSince(line).at(-1)).toMatchObject({ state: 'stopped' })
    expect(statesSince(line).filter(({ state }) => state === 'stopped')).toHaveLength(1)
    const openedAtStop = opens().length
    control.dropConnections(clientId())
    control.clearFaults()
    app = await bootImpatient(scene.world, OVERRIDES)
    await eventually('both connections', () => connections().length === 2)
    expect(opens()).toHaveLength(openedAtStop + 2)
    expect(openedAtStop).toBeGreaterThanOrEqual(openedBefore)
    await expectPressesWork(`停了再起：${name}`)
  })
})

afterAll(() => {
  expectSilence(scene.world, [...earlierLines, ...app.lines])
})
