import { tmpdir } from 'node:os'

import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'

import { within } from '../../src/lifecycle.ts'
import type { Incident } from '../sandbox/flashduty/types.ts'
import { eventually } from '../support/eventually.ts'
import {
  actsOn,
  answerOf,
  callsFor,
  cardsOf,
  everybodySees,
  expectSilence,
  fire,
  inGroup,
  install,
  press,
  recordsOf,
  settledRecords,
  theCardOf,
} from '../support/journey.ts'
import { isAlive, openPm2, type Pm2, type Pm2Process, ROOT } from '../support/pm2.ts'
import { readyz } from '../support/readyz.ts'
import { createWorld, type World } from '../support/world.ts'

const NAME = 'flashduty-dingtalk'
const CONFIG = `${ROOT}ecosystem.config.js`
/** What the README promises for a stop. */
const DRAIN_MS = 12_000
let world: World
let pm2: Pm2

beforeAll(async () => {
  world = await createWorld({ dingtalk: { redeliveryDelaysMs: [300, 1_000, 1_000], systemPingMs: 0 } })
  pm2 = await openPm2(world.env)
  await command('start', 'ecosystem.config.js')
  await install(world, Object.values(world.groups))
})
beforeEach(async () => {
  if ((await pm2.find(NAME))?.status !== 'online') await command('start', 'ecosystem.config.js')
})
afterAll(async () => {
  await pm2?.close()
  await world?.close()
})

async function command(...args: string[]): Promise<void> {
  const { code, text } = await pm2.run(args)
  if (code !== 0) throw new Error(`pm2 ${args.join(' ')} ended with ${code}\n${text}\n${await pm2.errorsOf(NAME)}`)
}

async function current(): Promise<Pm2Process> {
  const found = await pm2.find(NAME)
  if (!found) throw new Error('pm2 does not know the daemon')
  return found
}

/** Where the life that runs now listens. */
async function urlNow(): Promise<string> {
  const { pid } = await current()
  const ready = (await pm2.linesOf(NAME)).find((line) => line.msg === 'ready' && line['pid'] === pid)
  if (!ready) throw new Error(`process ${pid} has not said ready`)
  return String(ready['url'])
}

async function expectReady(url: string): Promise<void> {
  const { status, missing } = await readyz(url)
  expect({ status, missing }).toEqual({ status: 200, missing: {} })
}

function fireHere(title: string): Promise<Incident> {
  return fire(world, { title, chats: [inGroup(world.groups.oncall)] })
}

async function expectToldOnce(incident: Incident): Promise<void> {
  const card = await theCardOf(world, incident)
  const records = await settledRecords(world, incident)
  expect(records.filter(({ kind, event_type: type }) => kind === 'group' && type === 'i_assign')).toMatchObject([
    { status: 'success', note: null },
  ])
  expect(world.dingtalk.control.placementsOf(card)).toEqual({ [world.groups.oncall.openConversationId]: 1 })
  expect(callsFor(world, 'createAndDeliver', card).filter(({ status }) => status === 200)).toHaveLength(1)
}

test('pm2 waits longer than the daemon may take, for its start and for its stop', async () => {
  const { apps } = (await import(CONFIG)) as { apps: Record<string, unknown>[] }
  expect(apps).toHaveLength(1)
  expect(apps[0]).toMatchObject({ name: NAME, exec_mode: 'fork', instances: 1, wait_ready: true })
  expect(apps[0]?.kill_timeout).toBeGreaterThanOrEqual(DRAIN_MS + 2_000)
})

test('`pm2 start` comes back when the daemon takes work', async () => {
  const { status, restarts } = await current()
  expect([status, restarts]).toEqual(['online', 0])
  await expectReady(await urlNow())
  await expectToldOnce(await fireHere('开机第一条'))

  await command('stop', NAME)
  await command('start', NAME)
  // No waiting here: pm2 has waited.
  await expectReady(await urlNow())
  expect((await current()).restarts).toBe(restarts)
})

test('`pm2 reload` ends the old process in order, starts a new one, and loses nothing on the way', async () => {
  const { li } = world.people
  const before = await current()
  const pressed = await fireHere('重载时按下')
  const pressedCard = await theCardOf(world, pressed)
  await settledRecords(world, pressed)
  world.dingtalk.control.addFault({ api: 'createAndDeliver', times: 1_000, effect: { kind: 'delay', ms: 700 } })
  world.flashduty.control.addFault({ path: '/incident/ack', effect: { kind: 'delay', ms: 2_500 } })
  const incidents: Incident[] = []
  for (let index = 1; index <= 10; index++) incidents.push(await fireHere(`重载之前 ${index}`))
  const pressing = press(world, pressedCard, li, '认领')
  await eventually('Flashduty is asked', () => actsOn(world, pressed).length === 1)
  await eventually('cards are being made', () => incidents.some((incident) => cardsOf(world, incident).length > 0))

  const reloading = command('reload', NAME).then(() => 'done' as const)
  for (let index = 1; (await within(100, reloading)) === 'timeout'; index++) {
    incidents.push(await fireHere(`重载之中 ${index}`))
  }
  incidents.push(await fireHere('重载之后'))

  const after = await current()
  expect(after).toMatchObject({ status: 'online', restarts: before.restarts + 1 })
  expect(after.pid).not.toBe(before.pid)
  expect(isAlive(before.pid)).toBe(false)
  await expectReady(await urlNow())
  expect(await pm2.notes()).toMatch(/exited with code \[0\] via signal \[SIGINT\]/)
  expect(await pm2.notes()).not.toMatch(/exited with code \[[^0]|SIGKILL/)
  const said = (await pm2.linesOf(NAME)).map(({ msg }) => msg)
  expect(said.filter((msg) => msg === 'stopped').length).toBe(said.filter((msg) => msg === 'stopping').length)

  expect(answerOf(await pressing).tips).toBe('处理中，卡片稍后更新')
  await everybodySees(world, pressedCard, '处理中')
  expect(actsOn(world, pressed)).toHaveLength(1)
  world.dingtalk.control.clearFaults()
  expect(incidents.length).toBeGreaterThan(12)
  for (const incident of incidents) await expectToldOnce(incident)
})

test('`pm2 stop` lets what is under way finish, and the next start does what came meanwhile', async () => {
  const { zhang } = world.people
  const before = await current()
  const pressed = await fireHere('停机时按下')
  const card = await theCardOf(world, pressed)
  await settledRecords(world, pressed)
  world.flashduty.control.addFault({ path: '/incident/ack', effect: { kind: 'delay', ms: 3_000 } })
  const pressing = press(world, card, zhang, '认领')
  await eventually('Flashduty is asked', () => actsOn(world, pressed).length === 1)

  const startedAt = performance.now()
  await command('stop', NAME)
  expect(performance.now() - startedAt).toBeLessThan(DRAIN_MS)
  expect(await current()).toMatchObject({ pid: 0, status: 'stopped', exitCode: 0, restarts: before.restarts })
  expect(isAlive(before.pid)).toBe(false)
  expect((await pm2.linesOf(NAME)).at(-1)?.msg).toBe('stopped')
  expect(await pm2.notes()).not.toContain('SIGKILL')
  expect(answerOf(await pressing).tips).toBe('处理中，卡片稍后更新')
  expect((await settledRecords(world, pressed)).filter(({ kind }) => kind === 'action')).toMatchObject([
    { status: 'success' },
  ])

  const meanwhile = [await fireHere('停机期间 1'), await fireHere('停机期间 2')]
  expect(meanwhile.flatMap((incident) => cardsOf(world, incident))).toEqual([])
  await command('start', NAME)
  for (const incident of meanwhile) await expectToldOnce(incident)
  await everybodySees(world, card, '处理中')
  expect(actsOn(world, pressed)).toHaveLength(1)
})

test('a daemon that dies is started again', async () => {
  const before = await current()
  process.kill(before.pid, 'SIGKILL')
  const after = await eventually('another one is ready', async () => {
    const now = await current()
    return now.pid !== before.pid && now.status === 'online' && (await readyz(await urlNow())).status === 200 && now
  })
  expect(after.restarts).toBe(before.restarts + 1)
  await expectToldOnce(await fireHere('死而复生'))
})

test('`pm2 stop` while Redis is away is as orderly', async () => {
  const before = await current()
  const { li } = world.people
  const pressed = await fireHere('没有 Redis 时按下')
  const card = await theCardOf(world, pressed)
  await settledRecords(world, pressed)
  world.dingtalk.control.addFault({ api: 'createAndDeliver', effect: { kind: 'delay', ms: 4_000 } })
  world.flashduty.control.addFault({ path: '/incident/ack', effect: { kind: 'delay', ms: 3_000 } })
  const slow = await fireHere('Redis 走的时候正在发')
  await eventually('it is planned', async () => (await recordsOf(world, slow)).length > 0)
  const pressing = press(world, card, li, '认领')
  await eventually('Flashduty is asked', () => actsOn(world, pressed).length === 1)
  await world.redis.stop()
  await eventually('that is noticed', async () => (await readyz(await urlNow())).missing['redis'])

  await command('stop', NAME)
  expect(await current()).toMatchObject({ status: 'stopped', exitCode: 0, restarts: before.restarts })
  const lines = await pm2.linesOf(NAME)
  expect(lines.at(-1)?.msg).toBe('stopped')
  // One line per connection, however often it was tried again.
  expect(lines.filter(({ state }) => state === 'lost')).toHaveLength(2)
  expect(answerOf(await pressing).tips).toBe('处理中，卡片稍后更新')
  expect((await settledRecords(world, pressed)).filter(({ kind }) => kind === 'action')).toMatchObject([
    { status: 'success' },
  ])

  await world.redis.restart()
  await command('start', NAME)
  await expectToldOnce(slow)
  await everybodySees(world, card, '处理中')
  expect(actsOn(world, pressed)).toHaveLength(1)
})

test('a start with wrong settings is seen in pm2, with their names', async () => {
  // One of its own: pm2 remembers the environment of a process that it restarts again and again.
  const other = await openPm2({ ...world.env, HTTP_PORT: '99999', LOG_LEVEL: 'loud' })
  try {
    await other.run(['start', 'ecosystem.config.js'])
    const errors = await eventually('the reason is told', async () => {
      const told = await other.errorsOf(NAME)
      return told.includes('LOG_LEVEL') && told
    })
    expect(errors).toContain('HTTP_PORT')
    expect(await other.linesOf(NAME)).toEqual([])
    await eventually('it is started again', async () => ((await other.find(NAME))?.restarts ?? 0) > 0)
  } finally {
    await other.close()
  }
})

test('it starts from any folder', async () => {
  await command('delete', NAME)
  const { code, text } = await pm2.run(['start', CONFIG], { cwd: tmpdir() })
  expect({ code, text }).toMatchObject({ code: 0 })
  expect((await current()).status).toBe('online')
  await expectToldOnce(await fireHere('从别处启动'))
})

afterAll(async () => {
  await command('stop', NAME)
  expectSilence(world, await pm2.linesOf(NAME), { errors: ['redis-state'] })
})
