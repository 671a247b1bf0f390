import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'

import { within } from '../../src/lifecycle.ts'
import type { PressResult } from '../sandbox/dingtalk/types.ts'
import type { Incident } from '../sandbox/flashduty/types.ts'
import { eventually } from '../support/eventually.ts'
import {
  actsOn,
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
import { Gate } from '../support/gate.ts'
import { PROCESS_MS } from '../support/patience.ts'
import { isAlive, openPm2, type Pm2, type Pm2Process, ROOT } from '../support/pm2.ts'
import { readyz } from '../support/readyz.ts'
import { createWorld, type LogLine, type Person, type World } from '../support/world.ts'

const NAME = 'flashduty-dingtalk'
const CONFIG = `${ROOT}ecosystem.config.js`
/** What the README promises for a stop. */
const DRAIN_MS = 12_000
/** Both times are pm2's; a slow machine needs longer, and that is not what is tried here. */
const PATIENT = { listen_timeout: PROCESS_MS, kill_timeout: PROCESS_MS }

/** @param stops `one`: without what is told of a stop a second time; `all` */
export function tellPm2(stops: 'one' | 'all'): void {
  let world: World
  let pm2: Pm2
  let folder: string
  let config: string

  beforeAll(async () => {
    world = await createWorld({ dingtalk: { redeliveryDelaysMs: [300, 1_000, 1_000], systemPingMs: 0 } })
    pm2 = await openPm2(world.env)
    folder = await mkdtemp(join(tmpdir(), 'elsewhere-'))
    config = join(folder, 'pm2.json')
    const { apps } = (await import(CONFIG)) as { apps: object[] }
    await writeFile(config, JSON.stringify({ apps: apps.map((app) => ({ ...app, ...PATIENT })) }))
    await start()
    await install(world, Object.values(world.groups))
  })
  beforeEach(async () => {
    if ((await pm2.find(NAME))?.status !== 'online') await start()
  })
  afterEach(() => {
    world.dingtalk.control.clearFaults()
    world.flashduty.control.clearFaults()
  })
  afterAll(async () => {
    await pm2?.close()
    await world?.close()
    await rm(folder, { recursive: true, force: true })
  })

  /** From a folder that has nothing to do with ours. */
  const start = (): Promise<void> => command('start', config)

  async function command(...args: string[]): Promise<void> {
    const { code, text } = await pm2.run(args, { cwd: folder })
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

  /** What the presser was told, where the machine was fast enough for DingTalk to wait for it. */
  function expectWorking(result: PressResult): void {
    if (result.outcome === 'answered') expect(result.view.tips).toBe('处理中，卡片稍后更新')
    else expect(result.reason).toMatch(/deadline|time/)
  }

  /** Carried out, told to everybody, and on one record. */
  async function expectDone(incident: Incident, card: string): Promise<void> {
    await everybodySees(world, card, '处理中')
    expect((await settledRecords(world, incident)).filter(({ kind }) => kind === 'action')).toMatchObject([
      { status: 'success' },
    ])
  }

  /** What pm2 notes while that is done. */
  async function notesOf(work: () => Promise<unknown>): Promise<string> {
    const before = (await pm2.notes()).length
    await work()
    return (await pm2.notes()).slice(before)
  }

  /** Presses while Flashduty waits; lets go as soon as the daemon is told to stop. */
  async function pressUnderWay(incident: Incident, card: string, person: Person): Promise<void> {
    const gate = new Gate()
    world.flashduty.control.addFault({ path: '/incident/ack', effect: gate.effect })
    const life = await current()
    const told = await press(world, card, person, '认领')
    expectWorking(told)
    expect(actsOn(world, incident).length).toBeGreaterThan(0)
    void eventually('it is told to stop', async () => (await saidBy(life)).some(({ msg }) => msg === 'stopping')).then(
      () => gate.open(),
    )
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

  test('`pm2 start` comes back, from any folder, when the daemon takes work', async () => {
    await command('stop', NAME)
    await start()
    // No waiting here: pm2 has waited.
    await expectReady(await urlNow())
    expect((await current()).status).toBe('online')
    await expectToldOnce(await fireHere('开机第一条'))
  })

  test('`pm2 reload` ends the old process in order, starts a new one, and loses nothing on the way', async () => {
    const before = await current()
    const pressed = await fireHere('重载时按下')
    const pressedCard = await theCardOf(world, pressed)
    await settledRecords(world, pressed)
    world.dingtalk.control.addFault({ api: 'createAndDeliver', times: 1_000, effect: { kind: 'delay', ms: 700 } })
    const incidents: Incident[] = []
    for (let index = 1; index <= 10; index++) incidents.push(await fireHere(`重载之前 ${index}`))
    await pressUnderWay(pressed, pressedCard, world.people.li)
    await eventually('cards are being made', () => incidents.some((incident) => cardsOf(world, incident).length > 0))

    const notes = await notesOf(async () => {
      const reloading = command('reload', NAME).then(() => 'done' as const)
      for (let index = 1; (await within(100, reloading)) === 'timeout'; index++) {
        incidents.push(await fireHere(`重载之中 ${index}`))
      }
    })
    incidents.push(await fireHere('重载之后'))

    const after = await current()
    expect(after).toMatchObject({ status: 'online', restarts: before.restarts + 1 })
    expect(after.pid).not.toBe(before.pid)
    expect(isAlive(before.pid)).toBe(false)
    await expectReady(await urlNow())
    expect(notes).toMatch(/exited with code \[0\] via signal \[SIGINT\]/)
    expect(notes).not.toMatch(/exited with code \[[^0]|SIGKILL/)
    await expectStopped(before)

    world.dingtalk.control.clearFaults()
    await expectDone(pressed, pressedCard)
    for (const incident of incidents) await expectToldOnce(incident)
  })

  /** What that process has said so far: only its line `ready` tells its number. */
  async function saidBy({ pid }: Pm2Process): Promise<LogLine[]> {
    const lines = await pm2.linesOf(NAME)
    const from = lines.findIndex((line) => line.msg === 'ready' && line['pid'] === pid)
    const to = lines.findIndex((line, index) => index > from && line.msg === 'stopped')
    return lines.slice(from, to < 0 ? undefined : to + 1)
  }

  /** In order, to its last line. */
  async function expectStopped(process: Pm2Process): Promise<void> {
    expect((await saidBy(process)).map(({ msg }) => msg)).toContain('stopped')
  }

  test('`pm2 stop` lets what is under way finish, and the next start does what came meanwhile', async () => {
    const before = await current()
    const pressed = await fireHere('停机时按下')
    const card = await theCardOf(world, pressed)
    await settledRecords(world, pressed)
    await pressUnderWay(pressed, card, world.people.zhang)

    const notes = await notesOf(() => command('stop', NAME))
    expect(await current()).toMatchObject({ pid: 0, status: 'stopped', exitCode: 0, restarts: before.restarts })
    expect(isAlive(before.pid)).toBe(false)
    await expectStopped(before)
    expect(notes).not.toContain('SIGKILL')

    const meanwhile = [await fireHere('停机期间 1'), await fireHere('停机期间 2')]
    expect(meanwhile.flatMap((incident) => cardsOf(world, incident))).toEqual([])
    await start()
    for (const incident of meanwhile) await expectToldOnce(incident)
    await expectDone(pressed, card)
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

  test.runIf(stops === 'all')('`pm2 stop` while Redis is away is as orderly', async () => {
    const before = await current()
    const pressed = await fireHere('没有 Redis 时按下')
    const card = await theCardOf(world, pressed)
    await settledRecords(world, pressed)
    const gate = new Gate()
    world.dingtalk.control.addFault({ api: 'createAndDeliver', effect: gate.effect })
    const slow = await fireHere('Redis 走的时候正在发')
    await eventually('it is planned', async () => (await recordsOf(world, slow)).length > 0)
    await pressUnderWay(pressed, card, world.people.li)
    await world.redis.stop()
    try {
      await eventually('that is noticed', async () => (await readyz(await urlNow())).missing['redis'])
      gate.open()
      await command('stop', NAME)
      expect(await current()).toMatchObject({ status: 'stopped', exitCode: 0, restarts: before.restarts })
      await expectStopped(before)
      // One line per connection, however often it was tried again.
      const lines = (await saidBy(before)).filter(({ msg }) => msg === 'redis-state')
      for (const role of new Set(lines.map((line) => line['role']))) {
        const told = lines.filter((line) => line['role'] === role && line['state'] !== 'closed')
        expect(told.map(({ state }) => state).join(' ')).not.toContain('lost lost')
      }
      expect(lines.some(({ state }) => state === 'lost')).toBe(true)
    } finally {
      await world.redis.restart()
    }
    await start()
    await expectToldOnce(slow)
    await expectDone(pressed, card)
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

  afterAll(async () => {
    expectSilence(world, await pm2.linesOf(NAME), { errors: ['redis-state'] })
  })
}
