import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'

import { hashOfJson } from '../../src/domain/canonical.ts'
import { createLog } from '../../src/log.ts'
import { actionJobId, deliverJobId, resultJobId } from '../../src/queue/jobs.ts'
import { createProducer, type Producer } from '../../src/queue/producer.ts'
import { connectImpatiently } from '../../src/queue/redis.ts'
import { type RedisServer, startRedis } from '../support/redis.ts'

const DELIVER = 'flashduty-dingtalk-deliver'

let server: RedisServer
let redis: Redis
let jobs: Queue
let producer: Producer

function connect(url: string): { redis: Redis; producer: Producer } {
  const log = createLog('silent')
  const connection = connectImpatiently({ url, prefix: 'bull' }, log)
  return { redis: connection, producer: createProducer(connection, 'bull', log, hashOfJson) }
}

beforeAll(async () => {
  server = await startRedis()
  redis = new Redis(server.url, { maxRetriesPerRequest: null })
  jobs = new Queue(DELIVER, { connection: redis })
  producer = connect(server.url).producer
})
afterAll(async () => {
  await producer?.close()
  await jobs?.close()
  redis?.disconnect()
  await server?.stop()
})

let count = 0
const newEvent = (id = `event-${count++}`) => ({ eventId: id, eventType: 'i_new' })

/** As a worker leaves it. */
async function end(jobId: string, state: 'completed' | 'failed'): Promise<void> {
  const key = (name: string) => `bull:${DELIVER}:${name}`
  const moved = await redis
    .multi()
    .lrem(key('wait'), 0, jobId)
    .hset(key(jobId), {
      finishedOn: 5,
      atm: 5,
      ...(state === 'failed' ? { failedReason: 'why' } : { returnvalue: '1' }),
    })
    .zadd(key(state), 5, jobId)
    .exec()
  expect(moved?.[0]).toEqual([null, 1])
  expect(await jobs.getJobState(jobId)).toBe(state)
}

const dataOf = async (jobId: string) => (await jobs.getJob(jobId))?.data as unknown

describe('a delivery', () => {
  test('is the job that Flashduty would add, with the event type for a name', async () => {
    const event = newEvent()
    const body = { event_id: event.eventId, incident: { title: '磁盘' } }
    expect(await producer.addDelivery(body, event)).toEqual({ jobId: `ev-${event.eventId}`, state: 'added' })
    const job = await jobs.getJob(`ev-${event.eventId}`)
    expect(job).toMatchObject({ name: 'i_new', data: body, opts: { attempts: 5 } })
    expect(await job?.getState()).toBe('waiting')
  })

  test('waits already, whatever the order of its keys', async () => {
    const event = newEvent()
    const { jobId } = await producer.addDelivery({ a: 1, b: { c: 2, d: 3 } }, event)
    const waiting = await jobs.getWaitingCount()
    expect(await producer.addDelivery({ b: { d: 3, c: 2 }, a: 1 }, event)).toEqual({ jobId, state: 'waiting' })
    expect(await jobs.getWaitingCount()).toBe(waiting)
  })

  test('was worked off already', async () => {
    const event = newEvent()
    const { jobId } = await producer.addDelivery({ a: 1 }, event)
    await end(jobId, 'completed')
    expect(await producer.addDelivery({ a: 1 }, event)).toEqual({ jobId, state: 'ended' })
    expect(await jobs.getJobState(jobId)).toBe('completed')
  })

  test('that failed is run again with all its attempts', async () => {
    const event = newEvent()
    const { jobId } = await producer.addDelivery({ a: 1 }, event)
    await end(jobId, 'failed')
    expect(await producer.addDelivery({ a: 1 }, event)).toEqual({ jobId, state: 'added' })
    expect(await jobs.getJobState(jobId)).toBe('waiting')
    expect((await jobs.getJob(jobId))?.attemptsMade).toBe(0)
  })

  test.each(['waiting', 'completed', 'failed'] as const)('beside another body whose job is %s', async (state) => {
    const event = newEvent()
    const plain = deliverJobId(event.eventId)
    await jobs.add('other', { a: 'other' }, { jobId: plain })
    if (state !== 'waiting') await end(plain, state)
    const own = `${plain}-${hashOfJson({ a: 1 })}`
    expect(await producer.addDelivery({ a: 1 }, event)).toEqual({ jobId: own, state: 'added' })
    expect(await producer.addDelivery({ a: 1 }, event)).toEqual({ jobId: own, state: 'waiting' })
    await end(own, 'failed')
    expect(await producer.addDelivery({ a: 1 }, event)).toEqual({ jobId: own, state: 'added' })
    await end(own, 'completed')
    expect(await producer.addDelivery({ a: 1 }, event)).toEqual({ jobId: own, state: 'ended' })
    expect(await dataOf(own)).toEqual({ a: 1 })
    expect(await dataOf(plain)).toEqual({ a: 'other' })
    expect(await jobs.getJobState(plain)).toBe(state)
    const third = await producer.addDelivery({ a: 3 }, event)
    expect(third).toEqual({ jobId: `${plain}-${hashOfJson({ a: 3 })}`, state: 'added' })
  })

  test.each(['not JSON', '['.repeat(50_000) + ']'.repeat(50_000), ''])(
    'beside what is no body: %.10s',
    async (data) => {
      const event = newEvent()
      const plain = deliverJobId(event.eventId)
      await jobs.add('other', {}, { jobId: plain })
      await redis.hset(`bull:${DELIVER}:${plain}`, { data })
      const { jobId, state } = await producer.addDelivery({ a: 1 }, event)
      expect({ jobId, state }).toEqual({ jobId: `${plain}-${hashOfJson({ a: 1 })}`, state: 'added' })
      expect(await dataOf(jobId)).toEqual({ a: 1 })
      await redis.del(`bull:${DELIVER}:${plain}`)
    },
  )

  test('beside others that took both of its ids', async () => {
    const event = newEvent()
    const plain = deliverJobId(event.eventId)
    const own = `${plain}-${hashOfJson({ a: 1 })}`
    for (const jobId of [plain, own]) await jobs.add('other', { a: jobId }, { jobId })
    expect(await producer.addDelivery({ a: 1 }, event)).toEqual({ jobId: `${own}-2`, state: 'added' })
    expect(await dataOf(`${own}-2`)).toEqual({ a: 1 })
    await jobs.add('other', { a: 0 }, { jobId: `${own}-3` })
    await jobs.add('other', { a: 0 }, { jobId: `${own}-2` })
    expect(await producer.addDelivery({ a: 1 }, event)).toEqual({ jobId: `${own}-2`, state: 'waiting' })
  })

  test('ends in an error when there is no id for it', async () => {
    const event = newEvent()
    const own = `ev-${event.eventId}-${hashOfJson({ a: 1 })}`
    for (const jobId of [`ev-${event.eventId}`, own, `${own}-2`, `${own}-3`]) await jobs.add('other', {}, { jobId })
    await expect(producer.addDelivery({ a: 1 }, event)).rejects.toThrow('taken')
  })

  test('of a type of any length has a bounded name', async () => {
    const { jobId } = await producer.addDelivery({ a: 1 }, { ...newEvent(), eventType: 'x'.repeat(400_000) })
    expect((await jobs.getJob(jobId))?.name).toBe('x'.repeat(200))
  })
})

describe('another producer', () => {
  test('that was quicker between the look and the add does not swallow the body', async () => {
    const other = connect(server.url)
    onTestFinished(() => other.producer.close())
    const event = newEvent()
    const plain = deliverJobId(event.eventId)
    const look = other.redis.hgetall.bind(other.redis)
    let overtaken = 0
    Object.assign(other.redis, {
      async hgetall(key: string) {
        const seen = await look(key)
        if (overtaken++ === 0) expect((await producer.addDelivery({ a: 'quick' }, event)).jobId).toBe(plain)
        return seen
      },
    })
    const added = await other.producer.addDelivery({ a: 'slow' }, event)
    expect(overtaken).toBeGreaterThan(1)
    expect(added).toEqual({ jobId: `${plain}-${hashOfJson({ a: 'slow' })}`, state: 'added' })
    expect(await dataOf(added.jobId)).toEqual({ a: 'slow' })
    expect(await dataOf(plain)).toEqual({ a: 'quick' })
  })

  test('or many at once: every body is in a job', async () => {
    const event = newEvent()
    const bodies = Array.from({ length: 40 }, (_, n) => ({ n: n % 20 }))
    const others = [1, 2, 3].map(() => connect(server.url).producer)
    onTestFinished(async () => void (await Promise.all(others.map((one) => one.close()))))
    const added = await Promise.all(bodies.map((body, n) => (others[n % 3] ?? producer).addDelivery(body, event)))
    for (const [n, { jobId, state }] of added.entries()) {
      expect(await dataOf(jobId)).toEqual(bodies[n])
      expect(['added', 'waiting']).toContain(state)
    }
    expect(new Set(added.map(({ jobId }) => jobId)).size).toBe(20)
  })
})

describe('a Redis that does not take it', () => {
  test('because it is not there', async () => {
    const nowhere = connect('redis://127.0.0.1:1')
    onTestFinished(() => nowhere.producer.close())
    await expect(nowhere.producer.addDelivery({ a: 1 }, newEvent())).rejects.not.toHaveProperty('failure')
  })

  test('because it is full says so', async () => {
    await redis.config('SET', 'maxmemory', '1')
    onTestFinished(async () => void (await redis.config('SET', 'maxmemory', '0')))
    const error = await producer.addDelivery({ a: 1 }, newEvent()).catch((cause: unknown) => cause)
    expect(error).toMatchObject({ name: 'ReplyError', message: expect.stringMatching(/OOM/) as string })
  })

  test('or lets the answer go astray is unknown, not nothing', async () => {
    const other = connect(server.url)
    onTestFinished(() => other.producer.close())
    const event = newEvent()
    const look = other.redis.hgetall.bind(other.redis)
    let looks = 0
    Object.assign(other.redis, {
      hgetall: (key: string) => (looks++ === 0 ? look(key) : Promise.reject(new Error('Command timed out'))),
    })
    await expect(other.producer.addDelivery({ a: 1 }, event)).rejects.toMatchObject({
      failure: { kind: 'unknown-outcome', code: 'ENQUEUE_UNKNOWN' },
    })
    expect(await producer.addDelivery({ a: 1 }, event)).toEqual({ jobId: `ev-${event.eventId}`, state: 'waiting' })
  })
})

describe('ids of jobs', () => {
  test.each(['c0ffee', '0123456789abcdef0123456789abcdef', 'a-b_c', 'x'.repeat(200), '7'])('of %s stay plain', (id) => {
    expect(deliverJobId(id)).toBe(`ev-${id}`)
    expect(resultJobId(id, 3)).toBe(`res-${id}-3`)
    expect(actionJobId(id)).toBe(`act-${id}`)
  })

  const ODD = [
    ...['cli:1', 'cli.1', 'cli_1', 'cli 1', 'cli/1', 'cli\n1', 'cli1', '值班', '值机', '', ' ', '.', '_', '__'],
    ...['\uD83D', '\uDE00', '😀', '\uFFFD', 'é', 'e\u0301', '__proto__', 'x'.repeat(201), 'x'.repeat(202)],
    ...[`${'x'.repeat(400_000)}a`, `${'x'.repeat(400_000)}b`, 'a.b', 'a.b.c', 'a:b', deliverJobId('a:b').slice(3)],
  ]

  test.each([
    ['deliveries', deliverJobId],
    ['results', (id: string) => resultJobId(id, 1)],
    ['actions', actionJobId],
  ])('of %s never become one, are short and without a colon', (_what, idOf) => {
    const ids = ODD.map(idOf)
    expect(new Set(ids).size).toBe(ODD.length)
    for (const id of ids) expect(id).toMatch(/^[\w.-]{1,210}$/)
  })

  test('of results differ by sequence as well', () => {
    const pairs = [
      ['a', 11],
      ['a-1', 1],
      ['a:1', 1],
      ['a', 1],
    ] as const
    expect(new Set(pairs.map(([id, seq]) => resultJobId(id, seq))).size).toBe(4)
  })

  test('are taken by BullMQ', async () => {
    for (const id of ODD) {
      const { jobId, state } = await producer.addDelivery({ id }, newEvent(`odd${id}`))
      expect(state).toBe('added')
      expect(await dataOf(jobId)).toEqual({ id })
    }
  })
})
