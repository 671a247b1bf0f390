import { afterAll, afterEach, describe, expect, test } from 'vitest'

import type { Incident, IncidentEvent } from '../sandbox/flashduty/types.ts'
import { changeDatabase, readDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { composeActs, endedJob, enqueue, nextMillisecond, pauseJobs } from '../support/jobs.ts'
import {
  answerOf,
  callsFor,
  everybodySees,
  expectSilence,
  inGroup,
  press,
  recordsOf,
  settledRecords,
  theCardOf,
  useScene,
  view,
} from '../support/journey.ts'
import { changed, composeAlert, usePosts } from '../support/odd-bodies.ts'

/** Times that cannot be believed: no event with one of them makes those after it stale. */

/** How far the daemon's clock is ahead of the others'. */
let offsetMs = 0
const scene = useScene({ overrides: { clock: { nowMs: () => Date.now() + offsetMs }, sweepMs: 300 } })
const send = usePosts(scene)
afterEach(() => {
  offsetMs = 0
})

const HOUR_S = 3_600
/** What people may do one after the other, and what the card says then. */
const ACTS = ['ack', 'unack', 'ack', 'resolve'] as const
const WORDS = ['处理中', '待处理', '处理中', '已关闭']
/** The first second of the year 2100. */
const Y2100 = 4_102_444_800

const seconds = (): number => Math.floor(Date.now() / 1_000)

type Times = { updated_at?: unknown; event_time?: unknown }
type Row = [what: string, times: () => Times]

const wrong: Row[] = [
  ['updated_at an hour ahead', () => ({ updated_at: seconds() + HOUR_S })],
  ['event_time an hour ahead', () => ({ event_time: Date.now() + HOUR_S * 1_000 })],
  ['both an hour ahead', () => ({ updated_at: seconds() + HOUR_S, event_time: Date.now() + HOUR_S * 1_000 })],
  ['both six minutes ahead', () => ({ updated_at: seconds() + 360, event_time: Date.now() + 360_000 })],
  ['updated_at in 2100', () => ({ updated_at: Y2100 })],
  ['updated_at in 2100, in milliseconds', () => ({ updated_at: Y2100 * 1_000 })],
  ['event_time in 2100', () => ({ event_time: Y2100 * 1_000 })],
  ['event_time in 2100, in seconds', () => ({ event_time: Y2100 })],
  ['both in 2100', () => ({ updated_at: Y2100, event_time: Y2100 * 1_000 })],
  ['both in 2100, as ISO 8601', () => ({ updated_at: '2100-01-01T00:00:00Z', event_time: '2100-01-01T00:00:00Z' })],
  ['both in 9999', () => ({ updated_at: 253_402_300_799, event_time: 253_402_300_799_999 })],
  ['both beyond all time', () => ({ updated_at: Number.MAX_SAFE_INTEGER, event_time: Number.MAX_SAFE_INTEGER })],
  ['both below zero', () => ({ updated_at: -1, event_time: -1 })],
  ['both 0', () => ({ updated_at: 0, event_time: 0 })],
  ['both in words', () => ({ updated_at: 'now', event_time: 'soon' })],
  ['neither', () => ({ updated_at: undefined, event_time: undefined })],
  ['no event_time', () => ({ event_time: undefined })],
  ['no updated_at', () => ({ updated_at: undefined })],
]

function at(body: IncidentEvent, { updated_at: updatedAt, event_time: eventTime }: Times, times: Times) {
  const own = { updated_at: updatedAt ?? body.incident.updated_at, event_time: eventTime ?? body.event_time, ...times }
  return changed(body, { event_time: own.event_time, incident: { updated_at: own.updated_at } })
}

/** The event with some of its times replaced. */
const withTimes = (body: IncidentEvent, times: Times) => at(body, {}, times)

/** Takes the body in as a job of its own. */
async function take(body: unknown): Promise<void> {
  expect(await endedJob(scene.world, await enqueue(scene.world, body))).toMatchObject({ state: 'completed' })
}

type Stored = { rev: number; progress: string; version_updated_at: number; version_event_time: number }

function stored(incident: Incident): Stored | undefined {
  const query = 'select rev, progress, version_updated_at, version_event_time from incidents where incident_id = ?'
  return readDatabase<Stored>(scene.world, query, incident.incident_id)[0]
}

/** An alert that was not handed over yet. `next`: what happens to it now, built but not handed over. */
async function story() {
  const { world } = scene
  const { incident, assigned } = await composeAlert(world)
  const next = async (act: Parameters<typeof composeActs>[2][number]): Promise<IncidentEvent> => {
    const [event] = await composeActs(world, incident, [act])
    if (!event) throw new Error('nothing happened')
    return event
  }
  return { incident, assigned, next }
}

/** The same event as if all of it had been a minute earlier. */
function earlier(body: IncidentEvent, byS = 60): IncidentEvent {
  const moved = structuredClone(body)
  moved.event_time -= byS * 1_000
  moved.incident.updated_at -= byS
  return moved
}

describe('a first event with times that cannot be believed does not make later ones stale', () => {
  test.each(wrong)('%s', async (_what, times) => {
    const { world } = scene
    const { incident, assigned } = await composeAlert(world)
    await take(withTimes(earlier(assigned), times()))
    const card = await theCardOf(world, incident)
    await everybodySees(world, card, '待处理')
    // What Flashduty tells of it from now on is genuine.
    await world.flashduty.control.act(incident.incident_id, 'resolve')
    await everybodySees(world, card, '已恢复')
    const records = await settledRecords(world, incident)
    expect(records.filter(({ reason_code: why }) => why === 'STALE_EVENT')).toEqual([])
  })
})

describe('one in the middle counts when it comes, and the next one after it', () => {
  test.each(wrong.filter(([what]) => !/^(no|event_time)\b/.test(what)))('%s', async (_what, times) => {
    const { world } = scene
    const { incident, assigned, next } = await story()
    await take(earlier(assigned))
    const card = await theCardOf(world, incident)
    await send(withTimes(earlier(await next('ack'), 30), times()))
    await everybodySees(world, card, '处理中')
    await take(await next('resolve'))
    await everybodySees(world, card, '已关闭')
    await settledRecords(world, incident)
  })
})

test.each<[what: string, times: () => Times]>([
  ['event_time in 2100', () => ({ event_time: Y2100 * 1_000 })],
  ['event_time an hour ahead', () => ({ event_time: Date.now() + HOUR_S * 1_000 })],
])('%s: the next event of the same second, which comes after it, is not stale', async (_what, times) => {
  const { world } = scene
  const { incident, assigned, next } = await story()
  const last = await next('resolve')
  const second = last.incident.updated_at - 10
  const atMs = (ms: number): Times => ({ updated_at: second, event_time: second * 1_000 + ms })
  await take(at(assigned, atMs(100), times()))
  await theCardOf(world, incident)
  await take(at(last, atMs(600), {}))
  await settledRecords(world, incident)
  expect(stored(incident)).toMatchObject({ progress: 'Closed' })
})

test('of events that waited in the queue, the one that happened last is not stale', async () => {
  const { world } = scene
  const { incident, assigned, next } = await story()
  await take(assigned)
  await theCardOf(world, incident)
  const resume = await pauseJobs(world)
  const jobs: string[] = []
  try {
    jobs.push(await enqueue(world, withTimes(await next('ack'), { updated_at: Y2100, event_time: Y2100 * 1_000 })))
    jobs.push(await enqueue(world, await next('resolve')))
    await nextMillisecond(world)
  } finally {
    await resume()
  }
  for (const job of jobs) expect(await endedJob(world, job)).toMatchObject({ state: 'completed' })
  await settledRecords(world, incident)
  expect(stored(incident)).toMatchObject({ progress: 'Closed' })
})

describe('the event’s other time counts', () => {
  test.each<[what: string, times: Times]>([
    ['updated_at in 2100', { updated_at: Y2100 }],
    ['updated_at an hour ahead', { updated_at: seconds() + HOUR_S }],
    ['event_time in 2100', { event_time: Y2100 * 1_000 }],
    ['no updated_at', { updated_at: undefined }],
    ['no event_time', { event_time: undefined }],
  ])('%s: an old event stays old', async (_what, times) => {
    const { world } = scene
    const { incident, assigned, next } = await story()
    await take(await next('ack'))
    await take(withTimes(earlier(assigned), times))
    const card = await theCardOf(world, incident)
    const records = await settledRecords(world, incident)
    expect(records.length).toBeGreaterThan(0)
    await everybodySees(world, card, '处理中')
    expect(stored(incident)).toMatchObject({ rev: 1, progress: 'Processing' })
  })
})

describe('a replay of an event with times that cannot be believed changes nothing', () => {
  test.each<Row>(wrong.filter(([what]) => what.startsWith('both') || what === 'neither'))(
    '%s',
    async (_what, times) => {
      const { world } = scene
      const { incident, assigned, next } = await story()
      const odd = withTimes(earlier(assigned), times())
      await take(odd)
      const card = await theCardOf(world, incident)
      await take(await next('resolve'))
      await everybodySees(world, card, '已关闭')
      const before = stored(incident)
      await settledRecords(world, incident)
      const put = callsFor(world, 'updateCard', card).length
      const rows = await recordsOf(world, incident)

      await take(odd)
      expect((await send(odd)).body).toMatchObject({ duplicate: true })
      expect(stored(incident)).toEqual(before)
      expect(view(world, card, world.people.zhang).title).toContain('已关闭')
      expect(callsFor(world, 'updateCard', card)).toHaveLength(put)
      const bare = (all: typeof rows) => all.map(({ record_key: key, status }) => [key, status]).sort()
      expect(bare(await settledRecords(world, incident))).toEqual(bare(rows))
    },
  )

  test.each<[what: string, delivery: () => Record<string, unknown>]>([
    ['for another group', () => ({ chats: [inGroup(scene.world.groups.platform)] })],
    ['with another rid', () => ({ rid: 'another' })],
  ])('also when it comes again %s: it is as old as its first arrival', async (_what, delivery) => {
    const { world } = scene
    const { incident, assigned, next } = await story()
    await take(assigned)
    const card = await theCardOf(world, incident)
    const event = await next('ack')
    const times = { updated_at: Y2100, event_time: Y2100 * 1_000 }
    await take(withTimes(event, times))
    await everybodySees(world, card, '处理中')
    await take(await next('resolve'))
    await everybodySees(world, card, '已关闭')
    await take(changed(withTimes(event, times) as IncidentEvent, { delivery: delivery() }))
    await settledRecords(world, incident)
    expect(stored(incident)).toMatchObject({ progress: 'Closed' })
  })
})

describe('never below what is known', () => {
  test('each event that cannot be believed is newer than all before it', async () => {
    const { world } = scene
    const { incident, assigned, next } = await story()
    await take(assigned)
    const card = await theCardOf(world, incident)
    for (const [index, act] of ACTS.entries()) {
      const before = stored(incident)
      await take(withTimes(await next(act), { updated_at: Y2100 - index, event_time: (Y2100 - index) * 1_000 }))
      await everybodySees(world, card, WORDS[index] ?? '')
      const after = stored(incident)
      expect(after?.rev).toBe((before?.rev ?? 0) + 1)
      const version = (of: Stored | undefined) => [of?.version_updated_at ?? 0, of?.version_event_time ?? 0]
      expect(version(after) > version(before)).toBe(true)
    }
    await settledRecords(world, incident)
  })

  test('a snooze does not look over because its event says that it is 2100', async () => {
    const { world } = scene
    const { zhang } = world.people
    const { incident, assigned, next } = await story()
    await take(assigned)
    const card = await theCardOf(world, incident)
    for (const act of ['ack', { snoozeMinutes: 120 }] as const) {
      await take(withTimes(await next(act), { updated_at: Y2100, event_time: Y2100 * 1_000 }))
    }
    await eventually('the card says so', () => view(world, card, zhang).title.includes('暂缓'))
    await settledRecords(world, incident)
  })
})

describe('what an earlier version believed is mended by the next event', () => {
  test.each<[what: string, column: string, value: number]>([
    ['updated_at', 'version_updated_at', Y2100],
    ['event_time', 'version_event_time', Y2100 * 1_000],
    ['updated_at an hour ahead', 'version_updated_at', seconds() + HOUR_S],
  ])('a stored %s', async (_what, column, value) => {
    const { world } = scene
    const { zhang } = world.people
    const { incident, assigned, next } = await story()
    await take(assigned)
    const card = await theCardOf(world, incident)
    await everybodySees(world, card, '待处理')
    await settledRecords(world, incident)
    const first = await next('ack')
    const last = await next('resolve')
    await changeDatabase(world, `update incidents set ${column} = ? where incident_id = ?`, value, incident.incident_id)
    await take(last)
    await everybodySees(world, card, '已关闭')
    expect(stored(incident)?.[column as 'version_updated_at']).toBeLessThan(value)
    // From then on an older one is old again.
    await take(first)
    expect(view(world, card, zhang).title).toContain('已关闭')
    expect(stored(incident)).toMatchObject({ progress: 'Closed' })
    await settledRecords(world, incident)
  })

  test('also one that cannot be believed itself, and a press', async () => {
    const { world } = scene
    const { zhang } = world.people
    const poison = async (incident: Incident): Promise<void> => {
      const query = 'update incidents set version_updated_at = ?, version_event_time = ? where incident_id = ?'
      await changeDatabase(world, query, Y2100, Y2100 * 1_000, incident.incident_id)
    }
    const { incident, assigned, next } = await story()
    await take(assigned)
    const card = await theCardOf(world, incident)
    await settledRecords(world, incident)
    await poison(incident)
    const kept = world.flashduty.control.holdEvents()
    try {
      expect(answerOf(await press(world, card, zhang, '认领')).title).toContain('处理中')
      await everybodySees(world, card, '处理中')
    } finally {
      await kept.release(() => [])
    }
    await poison(incident)
    await take(withTimes(await next('resolve'), { updated_at: Y2100, event_time: Y2100 * 1_000 }))
    await everybodySees(world, card, '已关闭')
    expect(stored(incident)?.version_updated_at).toBeLessThan(Y2100)
    await settledRecords(world, incident)
  })
})

describe('the daemon’s clock is two hours behind', () => {
  test('genuine events count in the order of their arrival, and replays change nothing', async () => {
    const { world } = scene
    offsetMs = -2 * HOUR_S * 1_000
    const { incident, assigned, next } = await story()
    await take(assigned)
    const card = await theCardOf(world, incident)
    await everybodySees(world, card, '待处理')
    const events = [assigned]
    for (const [index, act] of ACTS.entries()) {
      const event = await next(act)
      events.push(event)
      await take(event)
      await everybodySees(world, card, WORDS[index] ?? '')
    }
    const before = stored(incident)
    for (const event of events) await take(event)
    expect(stored(incident)).toEqual(before)
    await settledRecords(world, incident)
  })

  test('a press changes the card, and so does what comes after it', async () => {
    const { world } = scene
    const { zhang } = world.people
    offsetMs = -2 * HOUR_S * 1_000
    const { incident, assigned } = await composeAlert(world)
    await take(assigned)
    const card = await theCardOf(world, incident)
    expect(answerOf(await press(world, card, zhang, '认领')).title).toContain('处理中')
    await everybodySees(world, card, '处理中')
    await world.flashduty.control.act(incident.incident_id, 'resolve', zhang.member.member_id)
    await everybodySees(world, card, '已关闭')
    await settledRecords(world, incident)
  })

  test('once it is put right, events go on, and those from before are old', async () => {
    const { world } = scene
    offsetMs = -2 * HOUR_S * 1_000
    const { incident, assigned, next } = await story()
    await take(assigned)
    const card = await theCardOf(world, incident)
    const first = await next('ack')
    await take(first)
    await everybodySees(world, card, '处理中')
    offsetMs = 0
    await take(assigned)
    expect(stored(incident)).toMatchObject({ progress: 'Processing' })
    await take(await next('resolve'))
    await everybodySees(world, card, '已关闭')
    await take(first)
    expect(stored(incident)).toMatchObject({ progress: 'Closed' })
    await settledRecords(world, incident)
  })

  test('and it is put two hours back while an incident is open', async () => {
    const { world } = scene
    const { incident, assigned, next } = await story()
    await take(assigned)
    const card = await theCardOf(world, incident)
    await settledRecords(world, incident)
    offsetMs = -2 * HOUR_S * 1_000
    await take(await next('ack'))
    expect(stored(incident)).toMatchObject({ progress: 'Processing' })
    await everybodySees(world, card, '处理中')
    await take(await next('resolve'))
    await everybodySees(world, card, '已关闭')
    await settledRecords(world, incident)
  })
})

test('what is not believed is said in one line of the log', async () => {
  const { world } = scene
  const { incident, assigned, next } = await story()
  await take(withTimes(assigned, { updated_at: Y2100, event_time: Y2100 * 1_000 }))
  await take(await next('resolve'))
  const said = scene.app.lines.filter(
    (line) => line.msg === 'event-time-not-believed' && line['incidentId'] === incident.incident_id,
  )
  expect(said.map((line) => line['eventId'])).toEqual([assigned.event_id])
  await theCardOf(world, incident)
  await settledRecords(world, incident)
})

afterAll(() => {
  expectSilence(scene.world, scene.app.lines)
})
