import { once } from 'node:events'
import { type IncomingHttpHeaders, type IncomingMessage, type ServerResponse, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type RedisServer, startRedis } from '../../support/redis.ts'
import { startFlashduty } from './index.ts'
import type { FlashdutySandbox, FlashdutySettings, IncidentEvent } from './types.ts'

const closing: (() => Promise<unknown>)[] = []
let redis: RedisServer

beforeAll(async () => {
  redis = await startRedis()
})
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})
afterAll(() => redis.stop())

async function start(
  settings: FlashdutySettings,
): Promise<{ flashduty: FlashdutySandbox; fire: () => Promise<string> }> {
  const flashduty = await startFlashduty(settings)
  closing.push(() => flashduty.close())
  const { channel_id: channelId } = flashduty.control.createChannel('支付核心')
  const { member_id: memberId } = flashduty.control.createMember({ member_name: '李雷' })
  const fire = async () => {
    const incident = await flashduty.control.fireIncident({ title: '磁盘将满', channelId, personIds: [memberId] })
    return incident.incident_id
  }
  return { flashduty, fire }
}

type Got = { event: IncidentEvent; headers: IncomingHttpHeaders; method: string | undefined }

/** Somebody who is posted to; `answer` decides what becomes of each post. */
async function receiver(answer: (response: ServerResponse, request: IncomingMessage) => void = (r) => void r.end()) {
  const got: Got[] = []
  const server = createServer((request, response) => {
    let text = ''
    request.on('data', (chunk: Buffer) => (text += chunk.toString()))
    request.on('end', () => {
      got.push({ event: JSON.parse(text) as IncidentEvent, headers: request.headers, method: request.method })
      answer(response, request)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = () => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  }
  closing.push(close)
  return { got, close, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/flashduty` }
}

describe('the queue', () => {
  async function openQueue(prefix?: string): Promise<Queue> {
    const connection = new Redis(redis.url, { maxRetriesPerRequest: null })
    const queue = new Queue('flashduty-dingtalk-deliver', { connection, ...(prefix === undefined ? {} : { prefix }) })
    closing.push(async () => {
      await queue.close()
      connection.disconnect()
      await redis.flush()
    })
    return queue
  }

  test('every event is a job of contract A, in the order of the acts', async () => {
    const { flashduty, fire } = await start({ redisUrl: redis.url })
    const queue = await openQueue()
    const id = await fire()
    await flashduty.control.act(id, 'resolve')
    const jobs = await queue.getWaiting()
    expect(jobs.map((job) => job.name)).toEqual(['i_new', 'i_assign', 'i_rslv'])
    expect(jobs.map((job) => job.data as unknown)).toEqual(flashduty.control.events())
    expect(jobs.map((job) => job.id)).toEqual(flashduty.control.events().map((event) => `ev-${event.event_id}`))
    expect(jobs[0]?.opts).toMatchObject({
      attempts: 5,
      backoff: { type: 'exponential', delay: 2000 },
      removeOnComplete: { age: 86_400 },
      removeOnFail: { age: 604_800 },
    })
  })

  test('an event that is enqueued twice is there once; other bodies go as they are', async () => {
    const { flashduty, fire } = await start({ redisUrl: redis.url, redisPrefix: 'fd' })
    const queue = await openQueue('fd')
    await fire()
    const [event] = flashduty.control.events()
    expect(await flashduty.control.enqueue(event)).toBe(`ev-${event?.event_id}`)
    expect(await queue.getWaitingCount()).toBe(2)
    const odd = await flashduty.control.enqueue({ what: 'ever' }, { attempts: 1 })
    expect(await queue.getJob(odd)).toMatchObject({ name: 'unknown', data: { what: 'ever' }, opts: { attempts: 1 } })
    expect(await flashduty.control.enqueue(event, { jobId: 'again' })).toBe('again')
    expect(await queue.getWaitingCount()).toBe(4)
  })

  test('a Redis that went away fails the hand-over, and not the Open API', async () => {
    const own = await startRedis()
    closing.push(() => own.stop())
    const { flashduty, fire } = await start({ redisUrl: own.url })
    const id = await fire()
    await own.stop()
    await expect(fire()).rejects.toThrow(/retries|Redis|Connection/)
    const { app_key: key } = flashduty.control.createMember({ member_name: '王芳' })
    const answer = await fetch(`${flashduty.apiUrl}/incident/ack?app_key=${key}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ incident_ids: [id] }),
    })
    expect(answer.status).toBe(200)
    await flashduty.control.idle()
  })

  test('is off unless asked for', async () => {
    const { flashduty } = await start({})
    await expect(flashduty.control.enqueue({})).rejects.toThrow('off')
  })
})

describe('the webhook', () => {
  test('posts the event with the headers that were set', async () => {
    const { got, url } = await receiver()
    const { flashduty, fire } = await start({ webhookUrl: url, webhookHeaders: { 'X-Secret': 's3cret' } })
    await fire()
    expect(got.map((post) => post.event)).toEqual(flashduty.control.events())
    expect(got[0]).toMatchObject({
      method: 'POST',
      headers: { 'x-secret': 's3cret', 'content-type': 'application/json' },
    })
    expect(flashduty.control.webhookPosts()).toMatchObject([{ attempt: 1, status: 200, error: undefined }, {}])
  })

  test.each([
    ['an error status', (response: ServerResponse) => void response.writeHead(500).end(), 'Status Code 500'],
    [
      'a status that is nearly success',
      (response: ServerResponse) => void response.writeHead(204).end(),
      'Status Code 204',
    ],
    ['a reset connection', (response: ServerResponse) => void response.socket?.resetAndDestroy(), 'read ECONNRESET'],
  ])('%s is no reason to try again', async (_what, answer, error) => {
    const { got, url } = await receiver(answer)
    const { flashduty, fire } = await start({ webhookUrl: url })
    await fire()
    expect(got).toHaveLength(2)
    expect(flashduty.control.webhookPosts()).toMatchObject([
      { attempt: 1, error },
      { attempt: 1, error },
    ])
  })

  test('an end of the connection without an answer is tried once more, with the same event', async () => {
    const { got, url } = await receiver((response) => void response.socket?.end())
    const { flashduty, fire } = await start({ webhookUrl: url })
    await fire()
    expect(got.map(({ event }) => event.event_type)).toEqual(['i_new', 'i_new', 'i_assign', 'i_assign'])
    expect(got[1]?.event).toEqual(got[0]?.event)
    expect(flashduty.control.webhookPosts().map(({ attempt, error }) => `${attempt} ${error}`)).toEqual([
      '1 EOF',
      '2 EOF',
      '1 EOF',
      '2 EOF',
    ])
  })

  test('two seconds for the headers, then it is lost; a body that does not end is tried once more', async () => {
    const silent = await receiver(() => {})
    const endless = await receiver((response) => void response.write('…'))
    const { flashduty: one } = await start({ webhookUrl: silent.url })
    const { flashduty: two } = await start({ webhookUrl: endless.url })
    const fireOnlyNew = async ({ control }: FlashdutySandbox) => {
      const hold = control.holdEvents()
      await control.fireIncident({ title: 't', channelId: control.createChannel('c').channel_id })
      await hold.release((events) => events.slice(0, 1))
      return control.webhookPosts().map(({ attempt, error }) => `${attempt} ${error}`)
    }
    expect(await Promise.all([fireOnlyNew(one), fireOnlyNew(two)])).toEqual([
      ['1 deadline exceeded while awaiting headers'],
      ['1 deadline exceeded while reading body', '2 deadline exceeded while reading body'],
    ])
  })

  test('nobody there: lost, and the act is done all the same', async () => {
    const { url, close } = await receiver()
    await close()
    const { flashduty, fire } = await start({ webhookUrl: url })
    expect(flashduty.control.incident(await fire()).progress).toBe('Triggered')
    expect(flashduty.control.webhookPosts()[0]?.error).toMatch(/ECONNREFUSED/)
  })

  test('held events go out on release, in the order asked for', async () => {
    const { got, url } = await receiver()
    const { flashduty, fire } = await start({ webhookUrl: url })
    const hold = flashduty.control.holdEvents()
    expect(() => flashduty.control.holdEvents()).toThrow('already')
    const id = await fire()
    await flashduty.control.act(id, 'resolve')
    expect(hold.held.map((event) => event.event_type)).toEqual(['i_new', 'i_assign', 'i_rslv'])
    expect(got).toEqual([])
    await hold.release((events) => events.toReversed())
    await flashduty.control.act(id, { title: '改名' })
    expect(got.map(({ event }) => event.event_type)).toEqual(['i_rslv', 'i_assign', 'i_new', 'i_r_title'])
  })
})
