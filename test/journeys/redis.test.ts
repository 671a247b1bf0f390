import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFailed, test } from 'vitest'

import { DELIVER_QUEUE } from '../../src/queue/jobs.ts'
import type { ApiName } from '../sandbox/dingtalk/types.ts'
import type { Incident } from '../sandbox/flashduty/types.ts'
import { isCardDue } from '../support/due.ts'
import { eventually } from '../support/eventually.ts'
import { nextMillisecond, withQueue } from '../support/jobs.ts'
import {
  actsOn,
  answerOf,
  bootImpatient,
  callsFor,
  cardsOf,
  everybodySees,
  expectSilence,
  fire,
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
import type { LogLine, RunningApp } from '../support/world.ts'

/** No sweep mends what was lost; a click's next try waits long enough to be lost on the way. */
const OVERRIDES = { sweepMs: 3_600_000, action: { retryMs: 1_500 } }
let scene: Scene
/** The daemon that runs now; some tests end it and start another. */
let app: RunningApp
const earlierLines: LogLine[] = []

beforeAll(async () => {
  scene = await openScene({ overrides: OVERRIDES })
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

async function stopApp(): Promise<void> {
  await app.stop()
  earlierLines.push(...app.lines)
}

async function bootAgain(): Promise<void> {
  app = await bootImpatient(scene.world, OVERRIDES)
}

async function isAlive(): Promise<boolean> {
  return (await fetch(`${app.url}/healthz`)).status === 200
}

/** DingTalk refuses calls for their number, so that what is due stays due until the faults are cleared. */
function throttle(...apis: ApiName[]): void {
  const code = 'Forbidden.AccessDenied.QpsLimitForAppkeyAndApi'
  const effect = { kind: 'answer', status: 403, body: { code, message: 'too many' } } as const
  for (const api of apis) scene.world.dingtalk.control.addFault({ api, times: 100_000, effect })
}

const isReady = () => eventually('ready', async () => (await readyz(app.url)).status === 200)

async function alertGroup(title: string): Promise<{ incident: Incident; card: string }> {
  const { world } = scene
  const incident = await fire(world, { title, chats: [inGroup(world.groups.oncall)] })
  const card = await theCardOf(world, incident)
  await settledRecords(world, incident)
  return { incident, card }
}

function fireMany(count: number, title: string): Promise<Incident[]> {
  const { world } = scene
  const chats = [inGroup(world.groups.oncall)]
  return Promise.all(Array.from({ length: count }, (_, index) => fire(world, { title: `${title} ${index}`, chats })))
}

async function withRedis<T>(use: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(scene.world.redis.url, { maxRetriesPerRequest: 1 })
  try {
    return await use(redis)
  } finally {
    redis.disconnect()
  }
}

/** Resolves once the daemon has stored this event of the incident. */
function accepted(incident: Incident, eventType: string): Promise<unknown> {
  return eventually(`${eventType} of ${incident.title} is accepted`, async () =>
    (await recordsOf(scene.world, incident)).some((record) => record.event_type === eventType),
  )
}

/** Resolves when all events are taken in and all cards show them: no call of an earlier test comes later. */
async function nothingLeft(): Promise<void> {
  const { world } = scene
  await eventually('nothing is left to do', async () => {
    const jobs = await withQueue(world, (queue) => queue.getJobCounts('wait', 'active', 'delayed'))
    return Object.values(jobs).every((count) => count === 0) && !isCardDue(world)
  })
}

async function expectToldOnce(incident: Incident): Promise<void> {
  const { world } = scene
  const records = await settledRecords(world, incident)
  const told = records.filter(({ kind, event_type: type }) => kind === 'group' && type === 'i_assign')
  expect(told).toMatchObject([{ status: 'success', note: null }])
  const [card, ...others] = cardsOf(world, incident)
  expect(others).toEqual([])
  expect(world.dingtalk.control.placementsOf(card ?? '')).toEqual({ [world.groups.oncall.openConversationId]: 1 })
  const created = callsFor(world, 'createAndDeliver', card ?? '').filter(({ status }) => status === 200)
  expect(created).toHaveLength(1)
}

describe('FLUSHALL', () => {
  test('while nothing is going on is not noticed by anybody', async () => {
    const { world } = scene
    await world.redis.flush()
    await isReady()
    const { incident, card } = await alertGroup('清空之后')
    expect(answerOf(await press(world, card, world.people.li, '认领')).title).toContain('处理中')
    await everybodySees(world, card, '处理中')
    expect(actsOn(world, incident)).toHaveLength(1)
    await expectToldOnce(incident)
  })

  test('amid creates and updates: all that was accepted comes about, once', async () => {
    const { world } = scene
    const shown = await fireMany(3, '已有卡片')
    const cards = await Promise.all(shown.map((incident) => theCardOf(world, incident)))
    await Promise.all(shown.map((incident) => settledRecords(world, incident)))
    throttle('createAndDeliver', 'updateCard')
    const incidents = await fireMany(10, '投递途中')
    for (const incident of shown) {
      await world.flashduty.control.act(incident.incident_id, 'ack', world.people.zhang.member.member_id)
    }
    for (const incident of incidents) await accepted(incident, 'i_assign')
    for (const incident of shown) await accepted(incident, 'i_ack')
    expect(incidents.flatMap((incident) => cardsOf(world, incident))).toEqual([])
    await world.redis.flush()
    world.dingtalk.control.clearFaults()

    for (const incident of incidents) await expectToldOnce(incident)
    for (const card of cards) await everybodySees(world, card, '处理中')
    for (const incident of shown) {
      const records = await settledRecords(world, incident)
      expect(records.filter(({ event_type: type }) => type === 'i_ack')).toMatchObject([{ status: 'updated' }])
    }
  })

  test('amid jobs being taken in: handed over again, each is still told once', async () => {
    const { world } = scene
    const incidents = await fireMany(10, '接收途中')
    await world.redis.flush()
    const ids = new Set(incidents.map((incident) => incident.incident_id))
    const events = world.flashduty.control.events().filter(({ incident }) => ids.has(incident.incident_id))
    expect(events).toHaveLength(20)
    for (const event of events) await world.flashduty.control.enqueue(event)
    for (const incident of incidents) {
      await accepted(incident, 'i_assign')
      await theCardOf(world, incident)
      await expectToldOnce(incident)
    }
  })

  test('while a press waits for Flashduty to come back: it is carried out, once', async () => {
    const { world } = scene
    const { incident, card } = await alertGroup('点了就清空')
    const away = { kind: 'error', status: 503, code: 'ServiceUnavailable', message: 'away' } as const
    world.flashduty.control.addFault({ path: '/incident/ack', effect: away })
    expect(answerOf(await press(world, card, world.people.li, '认领')).tips).toBe('处理中，卡片稍后更新')
    await world.redis.flush()

    await everybodySees(world, card, '处理中')
    expect(view(world, card, world.people.zhang).tips).toContain('李四 于')
    expect(actsOn(world, incident).map(({ status }) => status)).toEqual([503, 200])
    const presses = (await settledRecords(world, incident)).filter(({ kind }) => kind === 'action')
    expect(presses).toMatchObject([{ status: 'success' }])
  })
})

describe('without Redis', () => {
  test('killed and back empty: presses and events are taken all the while, and what was due is done', async () => {
    const { world } = scene
    const { li, zhang } = world.people
    const { control } = world.dingtalk
    const { incident: pressed, card: pressedCard } = await alertGroup('断开时按')
    const { incident: changed, card: changedCard } = await alertGroup('断开前变更')
    throttle('createAndDeliver', 'updateCard')
    const incidents = await fireMany(6, '断开前告警')
    await world.flashduty.control.act(changed.incident_id, 'resolve', world.people.zhang.member.member_id)
    for (const incident of incidents) await accepted(incident, 'i_assign')
    await accepted(changed, 'i_rslv')
    const linesBefore = app.lines.length
    await world.redis.stop()

    await eventually('it is missed', async () => (await readyz(app.url)).status === 503)
    expect((await readyz(app.url)).missing).toEqual({ redis: 'does not answer' })
    expect(await isAlive()).toBe(true)
    expect(answerOf(await press(world, pressedCard, li, '认领')).title).toContain('处理中')
    expect(actsOn(world, pressed).map(({ status }) => status)).toEqual([200])
    const group = control.createGroup({ title: '断开时装的群', memberUserIds: [zhang.user.userId] })
    const installed = control.installCoolApp(group.openConversationId, world.dingtalkApp.clientId)
    expect(await control.eventSettled(installed)).toBe('success')
    expect(incidents.flatMap((incident) => cardsOf(world, incident))).toEqual([])
    control.clearFaults()
    expect(await isAlive()).toBe(true)

    await world.redis.restart()
    await isReady()
    for (const incident of incidents) await expectToldOnce(incident)
    await everybodySees(world, pressedCard, '处理中')
    await everybodySees(world, changedCard, '已关闭')
    await eventually('the group is known by title', async () => {
      const known = (await listGroups(world)).find((row) => row.openConversationId === group.openConversationId)
      return known?.title === '断开时装的群'
    })
    const states = app.lines.slice(linesBefore).filter(({ msg }) => msg === 'redis-state')
    for (const role of ['worker', 'producer']) {
      const told = states.filter((line) => line['role'] === role).map((line) => line['state'])
      expect(told).toContain('lost')
      expect(told.at(-1)).toBe('ready')
      // Once each, however many errors there were between.
      expect(told.filter((state, index) => state === told[index - 1])).toEqual([])
    }
  })

  test('there but silent: presses are answered in time, and the cards follow once it speaks', async () => {
    const { world } = scene
    const { li } = world.people
    const { incident, card } = await alertGroup('卡住时按')
    process.kill(world.redis.pid, 'SIGSTOP')
    try {
      expect(answerOf(await press(world, card, li, '认领')).title).toContain('处理中')
      await eventually('it is missed', async () => {
        expect(await readyz(app.url)).toEqual({ status: 503, missing: { redis: 'does not answer' }, notes: [] })
        return true
      })
      expect(answerOf(await press(world, card, li, '关闭')).title).toContain('已关闭')
      expect(await isAlive()).toBe(true)
    } finally {
      process.kill(world.redis.pid, 'SIGCONT')
    }
    await everybodySees(world, card, '已关闭')
    await isReady()
    expect(actsOn(world, incident).map(({ path }) => path)).toEqual(['/incident/ack', '/incident/resolve'])
    await settledRecords(world, incident)
  })

  test('what it could not be told is made up for as soon as it is back', async () => {
    const { world } = scene
    const { incident, card } = await alertGroup('断开时丢了一拍')
    // Flashduty's own event would have the card drawn anyway.
    const events = world.flashduty.control.holdEvents()
    onTestFailed(() => events.release(() => []))
    const line = app.lines.length
    await world.redis.stop()
    expect(answerOf(await press(world, card, world.people.li, '认领')).title).toContain('处理中')
    const since = () => app.lines.slice(line)
    await eventually('the tick is lost', () => since().some(({ msg }) => msg === 'tick-lost'))
    // The client of Redis keeps a command over some tries to connect, and then gives it up.
    const tries = () => since().filter(({ msg, queue }) => msg === 'worker-error' && queue === DELIVER_QUEUE).length
    await eventually('Redis has been away for long', () => tries() >= 5)
    await world.redis.restart()
    await everybodySees(world, card, '处理中')
    await events.release()
    await accepted(incident, 'i_ack')
    await settledRecords(world, incident)
    await isReady()
  })
})

describe('at a start', () => {
  test('jobs enqueued while the daemon was away are done, in their newest state', async () => {
    const { world } = scene
    const { incident: known, card } = await alertGroup('停机前告警')
    await stopApp()
    const chats = [inGroup(world.groups.oncall)]
    const act: typeof world.flashduty.control.act = async (...args) => {
      await nextMillisecond(world)
      return world.flashduty.control.act(...args)
    }
    const waiting = await fire(world, { title: '停机时告警', chats })
    await act(waiting.incident_id, 'ack', world.people.zhang.member.member_id)
    const over = await fire(world, { title: '停机时告警又恢复', chats })
    await act(over.incident_id, 'resolve', world.people.zhang.member.member_id)
    await act(known.incident_id, 'resolve', world.people.zhang.member.member_id)
    await bootAgain()

    await everybodySees(world, card, '已关闭')
    await everybodySees(world, await theCardOf(world, waiting), '处理中')
    await expectToldOnce(waiting)
    for (const incident of [known, over]) await settledRecords(world, incident)
    for (const late of cardsOf(world, over)) await everybodySees(world, late, '已关闭')
  })

  test('a Redis that is absent is asked for, and the daemon is ready when it comes', async () => {
    const { world } = scene
    const { incident, card } = await alertGroup('没有 Redis 也能按')
    await stopApp()
    await world.redis.stop()
    await bootAgain()
    // A connection that is not there yet would be a note.
    await eventually('Redis alone is missed', async () => {
      expect(await readyz(app.url)).toEqual({ status: 503, missing: { redis: 'does not answer' }, notes: [] })
      return true
    })
    expect(await isAlive()).toBe(true)
    expect(answerOf(await press(world, card, world.people.li, '认领')).title).toContain('处理中')

    await world.redis.restart()
    await isReady()
    await everybodySees(world, card, '处理中')
    expect(actsOn(world, incident)).toHaveLength(1)
    await expectToldOnce((await alertGroup('Redis 来了')).incident)
  })
})

describe('ticks that mean nothing', () => {
  // What cannot be read as a job stays.
  afterEach(() => scene.world.redis.flush())

  const GARBAGE = [
    {},
    { clickId: 'no-such-click' },
    { clickId: 7 },
    { clickId: "' or 1=1 --" },
    { outTrackId: 'fd-no-such-card', integrationId: 'nobody' },
    ['a', 'list'],
    'text',
    7,
    null,
  ]
  const queueNames = () => [
    ...['create', 'update', 'group'].map((api) => `flashduty-dingtalk-pace-${scene.world.integrationId}-${api}`),
    'flashduty-dingtalk-click',
  ]

  /** Writes into each queue of ticks; nobody is called for it, and what means something is done as before. */
  async function expectHarmless(write: (queue: Queue, redis: Redis) => Promise<void>): Promise<void> {
    const { world } = scene
    const APIS = ['createAndDeliver', 'deliver', 'updateCard', 'sceneGroups/query'] as const
    const calls = () =>
      APIS.reduce((sum, api) => sum + world.dingtalk.journal.requests(api).length, 0) +
      world.flashduty.control.requests().length
    const { card } = await alertGroup('脏数据之前')
    await nothingLeft()
    const before = calls()
    await withRedis(async (redis) => {
      for (const name of queueNames()) {
        const queue = new Queue(name, { connection: redis })
        await write(queue, redis)
        await queue.add('last', {})
        await eventually(`${name} has been read to its end`, async () => (await queue.getWaitingCount()) === 0)
        await queue.close()
      }
    })
    await isReady()
    expect(calls()).toBe(before)
    expect(answerOf(await press(world, card, world.people.li, '认领')).title).toContain('处理中')
    await everybodySees(world, card, '处理中')
    await expectToldOnce((await alertGroup('脏数据之后')).incident)
  }

  test('with data of any kind do no harm, and are gone', async () => {
    await expectHarmless(async (queue) => {
      for (const data of GARBAGE) await queue.add('whatever', data)
    })
    await withRedis(async (redis) => {
      for (const name of queueNames()) {
        const queue = new Queue(name, { connection: redis })
        const left = async () => (await queue.getJobs()).filter((job) => job.name === 'whatever').length
        await eventually(`${name} holds none of them`, async () => (await left()) === 0)
        await queue.close()
      }
    })
  })

  test('written by something that is not BullMQ do no harm', async () => {
    await expectHarmless(async (queue, redis) => {
      await redis.hset(queue.toKey('not-json'), { name: 'x', data: '{', opts: '{}', timestamp: '0' })
      await redis.lpush(queue.toKey('wait'), 'not-json', 'not-there')
    })
  })
})

afterAll(() => {
  expectSilence(scene.world, [...earlierLines, ...app.lines], {
    errors: ['redis-state', 'redis-absent'],
  })
})
