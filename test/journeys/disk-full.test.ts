import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'

import type { OnWriter } from '../../src/storage/db.ts'
import { inboxOf, makeToken, post } from '../support/bridge.ts'
import { startDaemon } from '../support/daemon.ts'
import { eventually } from '../support/eventually.ts'
import { composeIncident } from '../support/jobs.ts'
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
  install,
  listGroups,
  press,
  recordsOf,
  settledRecords,
  theCardOf,
} from '../support/journey.ts'
import { readyz } from '../support/readyz.ts'
import { createWorld, type LogLine, type RunningApp, type World } from '../support/world.ts'

const UNLIMITED = 2 ** 30
/** What needs room on any page size. */
const LONG = '磁盘'.repeat(30_000)

let world: World
let token: Record<string, string>
beforeAll(async () => {
  world = await createWorld({
    dingtalk: { redeliveryDelaysMs: [300, ...Array.from({ length: 200 }, () => 1_000)], systemPingMs: 0 },
  })
  token = { 'x-flashduty-token': (await makeToken(world)).token }
})
afterAll(() => world.close())

type Running = { url: string; lines: LogLine[] }

/** Everything that comes in while there is no room, and afterwards. `fill` and `free` take the room and give it back. */
async function expectRefusalAndRecovery(
  daemon: Running,
  fill: () => Promise<void>,
  free: () => Promise<void>,
): Promise<void> {
  const { control, journal } = world.dingtalk
  const { li } = world.people
  const { oncall, platform } = world.groups
  const title = `平台运维群 ${daemon.url.at(-1)}${daemon.lines.length}`
  const shown = await fire(world, { title: '写满之前', chats: [inGroup(oncall)] })
  const card = await theCardOf(world, shown)
  await settledRecords(world, shown)
  const posted = await composeIncident(world, { title: '写满时的 Webhook', chats: [inGroup(oncall)] })
  expect((await readyz(daemon.url)).status).toBe(200)

  await fill()
  const waiting = await fire(world, { title: '写满时的告警', description: LONG, chats: [inGroup(oncall)] })
  await eventually('the job is put off', () => daemon.lines.some(({ msg }) => msg === 'deliver-delayed'))
  await eventually('it is told', async () => {
    const { status, missing } = await readyz(daemon.url)
    expect(status).toBe(503)
    expect(missing['database']).toMatch(/SQLITE_(FULL|IOERR)/)
    return true
  })
  await eventually('and logged', () => daemon.lines.some(({ msg }) => msg === 'store-refuses'))

  const refused = await post(daemon.url, posted.assigned, token)
  expect(refused).toMatchObject({ status: 503, body: { error: 'STORE_UNAVAILABLE' } })
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
  const pressed = answerOf(await press(world, card, li, '认领'))
  expect(pressed.tips).toContain('服务暂不可用')
  expect(pressed.title).toContain('待处理')
  const eventId = control.renameGroup(platform.openConversationId, title)
  await eventually('an answer to the event', () => {
    const pushes = journal.of('frame-sent').filter(({ businessId }) => businessId === eventId)
    const replies = journal.of('frame-received').filter((reply) => pushes.some((p) => p.messageId === reply.messageId))
    return replies.some((reply) => JSON.stringify(reply.frame).includes('LATER'))
  })
  expect(cardsOf(world, waiting)).toEqual([])
  expect(actsOn(world, shown)).toEqual([])
  expect((await readyz(daemon.url)).status).toBe(503)

  await free()
  await eventually('ready again, by itself', async () => (await readyz(daemon.url)).status === 200)
  expect(inboxOf(world, posted.assigned.event_id)).toEqual([])
  expect((await post(daemon.url, posted.assigned, token)).body).toEqual({ accepted: true, duplicate: false })
  expect(await control.eventSettled(eventId)).toBe('success')
  const known = (await listGroups(world)).find((row) => row.openConversationId === platform.openConversationId)
  expect(known?.title).toBe(title)
  expect(answerOf(await press(world, card, li, '认领')).title).toContain('处理中')
  for (const incident of [waiting, posted.incident, shown]) {
    const its = await theCardOf(world, incident)
    const told = (await settledRecords(world, incident)).filter(({ event_type: type }) => type === 'i_assign')
    expect(told).toMatchObject([{ status: 'success', duplicates: 0 }])
    expect(told[0]?.note ?? '').not.toContain('REDELIVERED')
    expect(callsFor(world, 'createAndDeliver', its)).toHaveLength(1)
    expect(Object.values(control.placementsOf(its))).toEqual([1])
  }
  await everybodySees(world, card, '处理中')
  expect(actsOn(world, shown)).toHaveLength(1)
  expect((await recordsOf(world, shown)).filter(({ kind }) => kind === 'action')).toMatchObject([{ status: 'success' }])
}

const ANNOUNCED = ['store-refuses', 'press-not-stored', 'event-not-stored', 'http-unavailable', 'sweep-failed']

describe('a database that may not grow', () => {
  let app: RunningApp
  let writer: Parameters<OnWriter>[0]
  beforeAll(async () => {
    app = await bootImpatient(world, { sweepMs: 500, onWriter: (connection) => (writer = connection) })
    await install(world, Object.values(world.groups))
  })
  afterEach(() => writer.pragma(`max_page_count = ${UNLIMITED}`))
  afterAll(() => app.stop())

  const fill = async (): Promise<void> => void writer.pragma('max_page_count = 1')
  const free = async (): Promise<void> => void writer.pragma(`max_page_count = ${UNLIMITED}`)

  test('takes nothing in, says so, and recovers by itself', async () => {
    await expectRefusalAndRecovery(app, fill, free)
  })

  test('is not asked again and again by what it refused: a second time is as the first', async () => {
    app.lines.splice(0)
    await expectRefusalAndRecovery(app, fill, free)
    expect(app.lines.filter(({ msg }) => msg === 'store-refuses')).toHaveLength(1)
    expect(app.lines.filter(({ msg }) => msg === 'store-takes-again')).toHaveLength(1)
  })

  test('what DingTalk has done when the room ends is not done again', async () => {
    const full = new Promise<void>((resolve) => {
      const unsubscribe = world.dingtalk.journal.subscribe((entry) => {
        if (entry.type !== 'request' || entry.api !== 'createAndDeliver') return
        unsubscribe()
        void fill().then(resolve)
      })
    })
    const incident = await fire(world, { title: '写到一半', chats: [inGroup(world.groups.oncall)] })
    await full
    const { assigned } = await composeIncident(world, { title: '太大', description: LONG })
    expect((await post(app.url, assigned, token)).status).toBe(503)
    await free()
    const card = await theCardOf(world, incident)
    for (const { note } of await settledRecords(world, incident)) expect(note ?? '').not.toContain('REDELIVERED')
    expect(callsFor(world, 'createAndDeliver', card)).toHaveLength(1)
    expect(callsFor(world, 'deliver', card)).toEqual([])
  })

  afterAll(() => {
    expectSilence(world, app.lines, { errors: ANNOUNCED })
  })
})

/** The system itself refuses every write to a file: `prlimit` of util-linux takes the right away and gives it back. */
const canLimit = await promisify(execFile)('prlimit', ['--version']).then(
  () => true,
  () => false,
)

test.skipIf(!canLimit)(
  'a process whose writes the system refuses takes nothing in, says so, and recovers by itself',
  async () => {
    const daemon = await startDaemon(world.env)
    const limit = async (bytes: number | 'unlimited'): Promise<void> => {
      await promisify(execFile)('prlimit', ['--pid', String(daemon.pid), `--fsize=${bytes}:`])
    }
    try {
      const url = String(daemon.lines.find(({ msg }) => msg === 'ready')?.['url'])
      await expectRefusalAndRecovery(
        { url, lines: daemon.lines },
        () => limit(1),
        () => limit('unlimited'),
      )
    } finally {
      await daemon.end('SIGTERM')
    }
    expectSilence(world, daemon.lines, { errors: ANNOUNCED })
  },
  60_000,
)
