import { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { claimKey } from '../../src/queue/redis.ts'
import { startFlashduty } from '../sandbox/flashduty/index.ts'
import { inboxOf, makeToken, post } from '../support/bridge.ts'
import { changeDatabase, readDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { composeIncident, endedJob, enqueue, followUp, readJob } from '../support/jobs.ts'
import {
  cardsOf,
  everybodySees,
  expectSilence,
  inGroup,
  listRecords,
  openScene,
  recordsOf,
  type Scene,
  settledRecords,
  theCardOf,
} from '../support/journey.ts'
import { lockDatabase } from '../support/lock.ts'
import { VisitorClock } from '../support/visitor-clock.ts'
import { DATA_SOURCE_ID, type LogLine } from '../support/world.ts'

const DAY_MS = 86_400_000

let scene: Scene
let token: string
let release = (): void => {}
const clock = new VisitorClock()
beforeAll(async () => {
  scene = await openScene({ overrides: { clock, sweepMs: 300 } })
  token = (await makeToken(scene.world)).token
})
/** What one test has posted is not met half done by another one, which may lock the database or stop Redis. */
afterEach(async () => {
  release()
  await eventually('nothing is under way', () =>
    UNDER_WAY.every((query) => readDatabase(scene.world, query).length === 0),
  )
})
afterAll(async () => {
  await scene.close()
})

const UNDER_WAY = [
  "select 1 from inbox where source = 'posted' and payload is not null",
  "select 1 from records where status in ('pending', 'retrying')",
  'select 1 from cards where lease_owner is not null',
]

const bearer = () => ({ authorization: `Bearer ${token}` })
const send = (body: unknown, headers: Record<string, string> = bearer()) => post(scene.app.url, body, headers)
const compose = (title: string) => composeIncident(scene.world, { title, chats: [inGroup(scene.world.groups.oncall)] })
const records = (...filter: string[]) => listRecords(scene.world, ...filter)

describe('a posted webhook', () => {
  test('is answered and becomes a card', async () => {
    const { incident, created, assigned } = await compose('经 Webhook 到达')
    expect(await send(created)).toMatchObject({ status: 200, body: { accepted: true, duplicate: false } })
    const answer = await send(assigned)
    expect(answer).toMatchObject({ status: 200, body: { accepted: true, duplicate: false } })
    await theCardOf(scene.world, incident)
    const settled = await settledRecords(scene.world, incident)
    expect(settled.filter(({ kind }) => kind === 'group')).toMatchObject([{ status: 'success', duplicates: 0 }])
    expect((await endedJob(scene.world, `ev-${assigned.event_id}`)).state).toBe('completed')
    // Planned, so only the id is kept.
    expect(inboxOf(scene.world, assigned.event_id)).toMatchObject([
      { source: 'deliver', payload: null },
      { source: 'posted', payload: null },
    ])
  })

  test('of the sender itself: both its events are taken, and the card follows what comes after', async () => {
    const { world } = scene
    const webhookUrl = `${scene.app.url}/api/v1/deliver`
    const sender = await startFlashduty({ webhookUrl, webhookHeaders: bearer(), integrationId: DATA_SOURCE_ID })
    try {
      const { channel_id: channelId } = sender.control.createChannel('数据库')
      const fields = { title: '真实的 Webhook', channelId, chats: [inGroup(world.groups.oncall)] }
      const incident = await sender.control.fireIncident(fields)
      const card = await theCardOf(world, incident)
      await sender.control.act(incident.incident_id, 'resolve')
      await everybodySees(world, card, '已恢复')
      expect(sender.control.webhookPosts().map(({ status, attempt }) => [status, attempt])).toEqual([
        [200, 1],
        [200, 1],
        [200, 1],
      ])
      await settledRecords(world, incident)
    } finally {
      await sender.close()
    }
  })

  test('posted twice is one, and so is one that came by the queue before', async () => {
    const { incident, created, assigned } = await compose('重复投递')
    const both = await Promise.all([send(assigned), send(assigned)])
    expect(both.map(({ body }) => body['duplicate']).sort()).toEqual([false, true])
    await theCardOf(scene.world, incident)
    await settledRecords(scene.world, incident)
    expect((await send(assigned)).body).toEqual({ accepted: true, duplicate: true, ignored: [] })
    expect(cardsOf(scene.world, incident)).toHaveLength(1)

    await endedJob(scene.world, await enqueue(scene.world, created))
    expect((await send(created)).body).toEqual({ accepted: true, duplicate: true, ignored: [] })
    expect(inboxOf(scene.world, created.event_id)).toMatchObject([{ source: 'deliver' }])
    const rows = await recordsOf(scene.world, incident)
    expect(rows.map(({ duplicates }) => duplicates)).toEqual(rows.map(() => 0))
  })

  test('of a type nobody knows is accepted and put on record', async () => {
    const { assigned } = await compose('未知事件')
    const odd = followUp(assigned, { event_type: 'i_brand_new' })
    expect(await send(odd)).toMatchObject({ status: 200, body: { duplicate: false } })
    const record = await eventually('its record', async () =>
      (await records()).find(({ event_id: eventId }) => eventId === odd.event_id),
    )
    expect(record).toMatchObject({ status: 'skipped', reason_code: 'UNSUPPORTED_EVENT' })
    expect((await send(odd)).body['duplicate']).toBe(true)
  })

  test('whose job cannot be had because its name is taken is taken in all the same', async () => {
    const { incident, assigned } = await compose('同名任务')
    const jobId = `ev-${assigned.event_id}`
    await scene.world.flashduty.control.enqueue({ event_id: assigned.event_id }, { jobId })
    expect((await endedJob(scene.world, jobId)).state).toBe('failed')
    expect((await send(assigned)).status).toBe(200)
    await theCardOf(scene.world, incident)
    await settledRecords(scene.world, incident)
    expect((await readJob(scene.world, jobId))?.state).toBe('failed')
  })
})

describe('what cannot be accepted', () => {
  test('an invalid body is told the field, and is on record', async () => {
    const { assigned } = await compose('字段错误')
    const wrong = followUp(assigned, { incident: { incident_id: 'Fatal'.repeat(20) } })
    const answer = await send(wrong)
    expect(answer).toMatchObject({
      status: 400,
      body: { error: 'INVALID_PAYLOAD', path: 'incident.incident_id' },
    })
    expect(JSON.stringify(answer.body)).not.toContain('Fatal')
    const of = async () => (await records()).filter(({ event_id: eventId }) => eventId === wrong.event_id)
    expect(await of()).toMatchObject([
      { record_key: `job:ev-${wrong.event_id}`, status: 'failed', reason_code: 'INVALID_PAYLOAD', duplicates: 0 },
    ])
    expect((await send(wrong)).status).toBe(400)
    expect(await of()).toMatchObject([{ duplicates: 1 }])
    expect(await readJob(scene.world, `ev-${wrong.event_id}`)).toBeUndefined()
    // Mended, it is as welcome as any.
    expect(await send(followUp(assigned, {}))).toMatchObject({ status: 200 })
  })

  test('an invalid body does not take the place of the valid one of the same event', async () => {
    const { incident, assigned } = await compose('先对后错')
    await scene.world.redis.stop()
    try {
      expect((await send(assigned)).status).toBe(200)
      expect((await send({ ...assigned, incident: {} })).status).toBe(400)
    } finally {
      await scene.world.redis.restart()
    }
    await theCardOf(scene.world, incident)
    await settledRecords(scene.world, incident)
  })

  test.each([
    ['not JSON at all', '{"event_id":', 'application/json', 400, { path: '(body)', problem: 'is not JSON' }],
    ['nothing', '', 'application/json', 400, { path: '(body)' }],
    ['JSON that is no object', '[1]', 'application/json', 400, { path: '(body)' }],
    ['a form', 'event_id=1', 'application/x-www-form-urlencoded', 415, { error: 'UNSUPPORTED_MEDIA_TYPE' }],
    ['plain text', '{}', 'text/plain', 415, { error: 'UNSUPPORTED_MEDIA_TYPE' }],
  ])('%s', async (_what, text, type, status, body) => {
    expect(await send(text, { ...bearer(), 'content-type': type })).toMatchObject({ status, body })
  })

  test('JSON with a charset, or of a kind of its own, is JSON', async () => {
    for (const type of ['application/json; charset=utf-8', 'application/vnd.flashduty+json']) {
      expect((await send('{}', { ...bearer(), 'content-type': type })).status).toBe(400)
    }
  })

  test('a part nested beyond what could be carried on is left out', async () => {
    const { incident, assigned } = await compose('嵌套过深')
    const text = JSON.stringify(assigned).replace('{', `{"deep":${'['.repeat(100_000)}${']'.repeat(100_000)},`)
    const answer = await send(text)
    expect(answer).toMatchObject({ status: 200, body: { accepted: true } })
    expect(answer.body['ignored']).toEqual([{ path: 'deep.0.0.0…', problem: 'is nested deeper than 32 levels' }])
    await theCardOf(scene.world, incident)
    await settledRecords(scene.world, incident)
  })

  test('a body of more than 1 MiB; one of just under is accepted', async () => {
    const { assigned } = await compose('超大告警')
    const ofSize = (bytes: number) => {
      const bare = Buffer.byteLength(JSON.stringify(followUp(assigned, { incident: { description: '' } })))
      return followUp(assigned, { incident: { description: 'x'.repeat(bytes - bare) } })
    }
    expect(await send(ofSize(1024 * 1024 + 1))).toMatchObject({ status: 413, body: { error: 'BODY_TOO_LARGE' } })
    expect((await send(ofSize(1024 * 1024))).status).toBe(200)
  })

  test('anything while the database cannot be written: 503, nothing is kept, and later it is accepted', async () => {
    const { incident, assigned } = await compose('库忙')
    release = await lockDatabase(scene.world.config.databasePath)
    const refused = await send(assigned)
    expect(refused).toMatchObject({ status: 503, body: { error: 'STORE_UNAVAILABLE' } })
    expect(refused.headers.get('retry-after')).toBe('1')
    release()
    expect(inboxOf(scene.world, assigned.event_id)).toEqual([])
    expect((await send(assigned)).body).toEqual({ accepted: true, duplicate: false, ignored: [] })
    await theCardOf(scene.world, incident)
    await settledRecords(scene.world, incident)
  })
})

describe('while Redis is away', () => {
  test('posts are accepted, outlive the trimming of the inbox, and are delivered when it is back', async () => {
    const { world } = scene
    const composed = []
    for (let index = 1; index <= 10; index++) composed.push(await compose(`Redis 不在 ${index}`))
    await world.redis.stop()
    try {
      for (const { assigned } of composed) {
        const answer = await send(assigned)
        expect(answer).toMatchObject({ status: 200, body: { accepted: true, duplicate: false } })
        expect((await send(assigned)).body['duplicate']).toBe(true)
      }
      const [first] = composed
      if (!first) throw new Error('some were composed')
      const { event_id: eventId } = first.assigned
      const canary = { source: 'event', id: 'trimmed-long-ago' }
      const older = Date.now() - 30 * DAY_MS
      await changeDatabase(scene.world, 'update inbox set received_at = ? where id = ?', older, eventId)
      const insert = 'insert into inbox (source, id, received_at) values (?, ?, 0)'
      await changeDatabase(scene.world, insert, canary.source, canary.id)
      await eventually('a sweep has trimmed the inbox', () => inboxOf(world, canary.id).length === 0)
      expect(inboxOf(world, eventId)).toMatchObject([{ source: 'posted', payload: JSON.stringify(first.assigned) }])
    } finally {
      await world.redis.restart()
    }
    for (const { incident } of composed) await theCardOf(world, incident)
    for (const { incident, assigned } of composed) {
      const settled = await settledRecords(world, incident)
      expect(settled.filter(({ kind }) => kind === 'group')).toMatchObject([{ status: 'success' }])
      expect(inboxOf(world, assigned.event_id).filter(({ payload }) => payload !== null)).toEqual([])
    }
  })
})

test('while Redis turns out to be somebody else’s, posts are kept and not put into their queue', async () => {
  const { world } = scene
  const { incident, assigned } = await compose('别人的 Redis')
  const redis = new Redis(world.redis.url)
  const key = claimKey(world.config.redis.prefix)
  const isWaiting = ({ msg, eventId }: LogLine): boolean => msg === 'webhook-waits' && eventId === assigned.event_id
  try {
    await redis.set(key, 'somebody-else')
    // What is known of a Redis holds for as long as the connection.
    await redis.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    await eventually('it is noticed', () => scene.app.lines.some(({ msg }) => msg === 'redis-foreign'))
    expect((await send(assigned)).body).toEqual({ accepted: true, duplicate: false, ignored: [] })
    await eventually('it waits', () => scene.app.lines.some(isWaiting))
    expect(await readJob(world, `ev-${assigned.event_id}`)).toBeUndefined()
  } finally {
    await redis.del(key)
    redis.disconnect()
  }
  await theCardOf(world, incident)
  await settledRecords(world, incident)
})

describe('tokens', () => {
  // Wrong ones of one test are no other's. Nobody may be at a card, whose lease would end with that minute.
  beforeEach(async () => {
    await eventually('nothing is under way', () => {
      const leased = readDatabase(scene.world, 'select 1 from cards where lease_owner is not null')
      if (leased.length > 0) return false
      clock.advance(61_000)
      return true
    })
  })

  test('either header will do', async () => {
    const { assigned } = await compose('两种请求头')
    expect((await send(followUp(assigned, {}), { 'x-flashduty-token': token })).status).toBe(200)
    expect((await send(followUp(assigned, {}), { authorization: `bearer  ${token}` })).status).toBe(200)
  })

  test('are printed once, long, and kept as hashes only', async () => {
    const { world } = scene
    const printed = await world.cli('token', 'api', '--name', '值班 Webhook')
    const made = printed.out.trim()
    expect(Buffer.from(made.replace('fdt_api_', ''), 'base64url').length * 8).toBeGreaterThanOrEqual(128)
    const listed = await world.cli('token', 'list', '--json')
    expect(listed.out).not.toContain(made)
    const rows = JSON.parse(listed.out) as { id: string; kind: string; name: string }[]
    expect(rows).toContainEqual(expect.objectContaining({ kind: 'api', name: '值班 Webhook' }))
    const dump = JSON.stringify(readDatabase(world, 'select * from tokens'))
    expect(dump).toContain('值班 Webhook')
    expect(dump).not.toContain(made)
    expect(dump).not.toContain(made.replace('fdt_api_', ''))
  })

  test('a revoked one is refused at once, and is revoked once', async () => {
    const { world } = scene
    const { id, token: made } = await makeToken(world)
    const { assigned } = await compose('令牌吊销')
    const headers = { 'x-flashduty-token': made }
    expect((await send(assigned, headers)).status).toBe(200)
    expect(await world.cli('token', 'revoke', id)).toMatchObject({ code: 0 })
    expect(await send(assigned, headers)).toMatchObject({ status: 401 })
    expect(await world.cli('token', 'revoke', id)).toMatchObject({ code: 1, out: '' })
    expect((await world.cli('token', 'list')).out).not.toContain(id)
    expect((await world.cli('token', 'list', '--all')).out).toContain(id)
  })

  test('wrong ones are refused, and after ten of a minute with a 429; the right one is let in even then', async () => {
    const { world } = scene
    const { assigned } = await compose('暴力猜测')
    const admin = await makeToken(world, 'admin')
    const wrong: Record<string, string>[] = [
      {},
      { authorization: token },
      { authorization: `Basic ${Buffer.from(`x:${token}`).toString('base64')}` },
      { authorization: `Bearer ${admin.token}` },
      { authorization: `Bearer ${token}x` },
    ]
    const before = scene.app.lines.length
    for (const headers of wrong) expect((await send(assigned, headers)).status).toBe(401)
    const answers = []
    for (let index = 0; index < 12; index++)
      answers.push(await send(assigned, { 'x-flashduty-token': `guess-${index}` }))
    const last = answers.at(-1)
    expect(last?.status).toBe(429)
    expect(Number(last?.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(inboxOf(world, assigned.event_id)).toEqual([])
    expect((await send(assigned)).status).toBe(200)
    const lines = scene.app.lines.slice(before).filter(({ msg }) => msg === 'token-refused')
    expect(lines.map((line) => line['limited'])).toEqual([false, true])
  })

  test('wrong ones are counted for whom a proxy on this host names, and an IPv6 client by its /64', async () => {
    const { assigned } = await compose('代理之后的猜测')
    const guess = async (from: string) => (await send(assigned, { 'x-forwarded-for': from })).status
    const statuses: number[] = []
    for (let index = 0; index < 11; index++) statuses.push(await guess(`198.51.100.1, 2001:db8:0:7::${index}`))
    expect(statuses).toEqual([...Array.from({ length: 10 }, () => 401), 429])
    expect(await guess('2001:db8:0:8::1')).toBe(401)
    expect(await guess('192.0.2.99')).toBe(401)
  })

  test('are asked for before anything is read', async () => {
    expect((await send('not json', {})).status).not.toBe(400)
    expect((await fetch(`${scene.app.url}/api/v1/deliver`)).status).toBe(404)
  })
})

test('the log tells each story by its ids, without payloads and tokens', async () => {
  const { incident, assigned } = await compose('日志里不该有的标题')
  await send(assigned)
  await theCardOf(scene.world, incident)
  await settledRecords(scene.world, incident)
  const log = JSON.stringify(scene.app.lines)
  expect(scene.app.lines).toContainEqual(
    expect.objectContaining({
      component: 'bridge',
      msg: 'webhook-accepted',
      eventId: assigned.event_id,
      incidentId: incident.incident_id,
      duplicate: false,
    }),
  )
  for (const secret of ['日志里不该有的标题', token, token.slice(8), 'guess-3']) expect(log).not.toContain(secret)
})

afterAll(() => {
  expectSilence(scene.world, scene.app.lines, {
    errors: ['http-unavailable', 'redis-state', 'redis-foreign', 'sweep-failed'],
  })
})
