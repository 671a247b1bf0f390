import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, onTestFailed, onTestFinished, test } from 'vitest'

import { startApp } from '../../src/app.ts'
import { createLog } from '../../src/log.ts'
import type { Incident } from '../sandbox/flashduty/types.ts'
import { startDaemon } from '../support/daemon.ts'
import { eventually } from '../support/eventually.ts'
import { readJob } from '../support/jobs.ts'
import {
  bootImpatient,
  cardsOf,
  expectSilence,
  fire,
  inGroup,
  openScene,
  recordsOf,
  type Scene,
  settledRecords,
  theCardOf,
} from '../support/journey.ts'
import { readyz } from '../support/readyz.ts'
import type { LogLine, RunningApp } from '../support/world.ts'

/** A Redis works for one database; a daemon with another one must keep its hands off. */

/** The sweep comes every second instead of every minute. */
const OVERRIDES = { sweepMs: 1_000 }
/** The key by which a Redis is known to belong to one database, as the refusal names it. */
const CLAIM = 'bull:flashduty-dingtalk:installation'

let scene: Scene
/** The daemon that runs now; some tests end it and start another. */
let app: RunningApp
let folder = ''
const earlierLines: LogLine[] = []

beforeAll(async () => {
  scene = await openScene({ overrides: OVERRIDES })
  app = scene.app
  folder = await mkdtemp(join(tmpdir(), 'flashduty-dingtalk-other-'))
})
afterAll(async () => {
  await app.stop()
  await scene.close()
  await rm(folder, { recursive: true, force: true })
})

async function stopApp(): Promise<void> {
  await app.stop()
  earlierLines.push(...app.lines)
}

async function bootAgain(): Promise<void> {
  app = await bootImpatient(scene.world, OVERRIDES)
}

async function withRedis<T>(use: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(scene.world.redis.url, { maxRetriesPerRequest: 1 })
  try {
    return await use(redis)
  } finally {
    redis.disconnect()
  }
}

function fireInGroup(title: string): Promise<Incident> {
  return fire(scene.world, { title, chats: [inGroup(scene.world.groups.oncall)] })
}

async function expectToldOnce(incident: Incident): Promise<void> {
  const { world } = scene
  await theCardOf(world, incident)
  const records = await settledRecords(world, incident)
  expect(records.filter(({ kind, event_type: type }) => kind === 'group' && type === 'i_assign')).toMatchObject([
    { status: 'success', note: null },
  ])
  expect(cardsOf(world, incident)).toHaveLength(1)
}

/** What keeps a daemon with another database from starting in this process. */
async function failureOfOther(): Promise<string> {
  const config = { ...scene.world.config, databasePath: join(folder, 'other.db') }
  const started = startApp(config, createLog('fatal'), OVERRIDES)
  return started.then(
    async (other) => {
      await other.stop()
      return 'it started'
    },
    (error: Error) => error.message,
  )
}

function expectRefused(text: string): void {
  expect(text).toContain('this Redis (prefix bull) belongs to another database')
  expect(text).toContain('REDIS_PREFIX')
  expect(text).toContain(CLAIM)
  expect(text).not.toContain('"crashed"')
}

test('another database is refused with what to do about it, and its jobs are left alone', async () => {
  const { world } = scene
  await stopApp()
  const incident = await fireInGroup('不归它管')
  const env = { ...world.env, DATABASE_URL: `sqlite:${join(folder, 'other.db')}` }
  const failure = await startDaemon(env).catch((error: unknown) => error)
  const text = failure instanceof Error ? failure.message : 'it started'
  expect(text).toContain('ended with 1 before it was ready')
  expectRefused(text)
  const [first] = world.flashduty.control
    .events()
    .filter((event) => event.incident.incident_id === incident.incident_id)
  expect(await readJob(world, `ev-${first?.event_id}`)).toMatchObject({ state: 'waiting', attemptsMade: 0 })
  await bootAgain()
  await expectToldOnce(incident)
})

test('it is still refused after FLUSHALL, and when Redis came later than its owner', async () => {
  const { world } = scene
  const claim = () => withRedis((redis) => redis.get(CLAIM))
  await world.redis.flush()
  await eventually('it is claimed again', async () => (await claim()) !== null)
  expectRefused(await failureOfOther())

  await stopApp()
  await world.redis.stop()
  await bootAgain()
  await world.redis.restart()
  await eventually('it is claimed', async () => (await claim()) !== null)
  expectRefused(await failureOfOther())
})

test('a Redis that turns out to be somebody else’s later has its jobs left alone until that is put right', async () => {
  const { world } = scene
  onTestFailed(async () => void (await withRedis((redis) => redis.del(CLAIM))))
  await withRedis((redis) => redis.set(CLAIM, 'somebody-else'))
  await eventually('it is noticed', async () => {
    expect(await readyz(app.url)).toMatchObject({ status: 503, missing: { redis: 'belongs to another database' } })
    return true
  })
  expect(Object.keys((await readyz(app.url)).missing)).toEqual(['redis'])
  const incident = await fireInGroup('先别动')
  const jobs = world.flashduty.control.events().filter((event) => event.incident.incident_id === incident.incident_id)
  await eventually('its jobs have been looked at', () =>
    jobs.every(({ event_id: id }) =>
      app.lines.some(({ msg, jobId }) => msg === 'deliver-delayed' && jobId === `ev-${id}`),
    ),
  )
  expect(await recordsOf(world, incident)).toEqual([])

  await withRedis((redis) => redis.del(CLAIM))
  await eventually('ready again', async () => (await readyz(app.url)).status === 200)
  await expectToldOnce(incident)
})

test('it may share the Redis under a prefix of its own', async () => {
  const { config } = scene.world
  const database = { databasePath: join(folder, 'sharing.db') }
  const redis = { ...config.redis, prefix: 'other' }
  const other = await startApp({ ...config, ...database, redis }, createLog('fatal'), OVERRIDES)
  onTestFinished(() => other.stop())
  const { url } = other
  const ready = await readyz(url)
  expect(ready.status).toBe(503)
  expect(Object.keys(ready.missing)).toEqual(['integration'])
  expect(ready.missing['integration']).toContain('integration add')
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
  await expectToldOnce(await fireInGroup('各用各的前缀'))
})

afterAll(() => {
  expectSilence(scene.world, [...earlierLines, ...app.lines], {
    errors: ['redis-state', 'redis-absent', 'redis-foreign'],
  })
})
