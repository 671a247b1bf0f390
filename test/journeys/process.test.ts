import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import type { Incident } from '../sandbox/flashduty/types.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
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
  view,
} from '../support/journey.ts'
import { readyz } from '../support/readyz.ts'
import { createWorld, type LogLine, type World } from '../support/world.ts'

const RESTART = 7_001

let world: World
let running: Daemon | undefined
const lines: LogLine[] = []

beforeAll(async () => {
  world = await createWorld({ dingtalk: { redeliveryDelaysMs: [300, 1_000, 1_000], systemPingMs: 0 } })
  await start()
  await install(world, Object.values(world.groups))
})
beforeEach(async () => {
  if (!running) await start()
})
afterEach(() => {
  world.dingtalk.control.clearFaults()
  world.flashduty.control.clearFaults()
})
afterAll(async () => {
  if (running) await end('SIGKILL')
  await world.close()
})

async function start(): Promise<Daemon> {
  running = await startDaemon(world.env)
  return running
}

/** Ends the daemon that runs and keeps its log for the last look. */
async function end(signal: 'SIGTERM' | 'SIGKILL') {
  const daemon = running
  running = undefined
  if (!daemon) throw new Error('no daemon is running')
  const startedAt = performance.now()
  const gone = await daemon.end(signal)
  lines.push(...daemon.lines)
  return { ...gone, tookMs: performance.now() - startedAt, lines: daemon.lines }
}

function urlOf(daemon: Daemon): string {
  return String(daemon.lines.find(({ msg }) => msg === 'ready')?.['url'])
}

async function fireMany(count: number, title: string): Promise<Incident[]> {
  const incidents: Incident[] = []
  for (let index = 1; index <= count; index++) {
    incidents.push(await fire(world, { title: `${title} ${index}`, chats: [inGroup(world.groups.oncall)] }))
  }
  return incidents
}

/** How many messages show the incident's one card, over all places. */
function messagesOf(incident: Incident): number {
  const cards = cardsOf(world, incident)
  expect(cards.length, `cards of ${incident.title}`).toBeLessThanOrEqual(1)
  return cards
    .flatMap((card) => Object.values(world.dingtalk.control.placementsOf(card)))
    .reduce((sum, messages) => sum + messages, 0)
}

async function notesOf(incident: Incident): Promise<(string | null)[]> {
  const records = await settledRecords(world, incident)
  const delivered = records.filter(({ kind }) => kind === 'group').filter((row) => row.event_type === 'i_assign')
  expect(delivered).toMatchObject([{ status: 'success' }])
  return delivered.map(({ note }) => note)
}

test('SIGTERM amid deliveries finishes those under way, and the next start does the rest', async () => {
  const slow = { kind: 'delay', ms: 300 } as const
  world.dingtalk.control.addFault({ api: 'createAndDeliver', times: 1_000, effect: slow })
  const incidents = await fireMany(40, '滚动重启')
  const created = () => incidents.filter((incident) => cardsOf(world, incident).length > 0).length
  await eventually('the first cards are there', () => created() >= 8)

  const ended = await end('SIGTERM')
  expect(ended).toMatchObject({ code: 0, signal: null })
  expect(ended.tookMs).toBeLessThan(3_000)
  expect(ended.lines.map(({ msg }) => msg)).toContain('stopped')
  expect(created()).toBeLessThan(incidents.length)

  await start()
  for (const incident of incidents) {
    expect(await notesOf(incident)).toEqual([null])
    expect(messagesOf(incident)).toBe(1)
    const calls = callsFor(world, 'createAndDeliver', await theCardOf(world, incident))
    expect(calls.filter(({ status }) => status === 200)).toHaveLength(1)
  }
})

test('kill -9 amid deliveries and updates loses nothing, and only an unknown outcome is told twice', async () => {
  const { control, journal } = world.dingtalk
  const shown = await fireMany(2, '更新被打断')
  const shownCards = await Promise.all(shown.map((incident) => theCardOf(world, incident)))
  for (const incident of shown) await settledRecords(world, incident)
  const updatesBefore = journal.requests('updateCard').length
  control.addFault({ api: 'updateCard', effect: { kind: 'hang' } })
  control.addFault({ api: 'updateCard', effect: { kind: 'apply-then-hang' } })
  for (const incident of shown) {
    await world.flashduty.control.act(incident.incident_id, 'ack', world.people.zhang.member.member_id)
  }

  const before = journal.requests('createAndDeliver').length
  control.addFault({ api: 'createAndDeliver', times: 3, effect: { kind: 'hang' } })
  control.addFault({ api: 'createAndDeliver', times: 3, effect: { kind: 'apply-then-hang' } })
  control.addFault({ api: 'createAndDeliver', times: 100, effect: { kind: 'delay', ms: 200 } })
  const incidents = await fireMany(30, '断电')
  const calls = () => journal.requests('createAndDeliver').slice(before)
  await eventually('calls are under way', () => {
    const answered = calls().filter(({ status }) => status === 200)
    return answered.length >= 3 && journal.requests('updateCard').length === updatesBefore + 2
  })
  const ended = await end('SIGKILL')
  expect(ended.signal).toBe('SIGKILL')
  const trackOf = (call: { body: unknown }) => (call.body as { outTrackId: string }).outTrackId
  const hung = calls().filter(({ status, answer }) => status === 0 && answer === null)
  const unanswered = calls().filter(({ status, answer }) => status === 0 && answer !== null)
  expect([hung.length, unanswered.length]).toEqual([3, 3])
  const hungCards = hung.map(trackOf)
  const unansweredCards = unanswered.map(trackOf)
  expect(incidents.filter((incident) => cardsOf(world, incident).length > 0).length).toBeLessThan(incidents.length)
  control.clearFaults()

  await start()
  for (const incident of incidents) {
    const [note] = await notesOf(incident)
    const card = await theCardOf(world, incident)
    expect(messagesOf(incident), `${incident.title}, noted ${note}`).toBe(note === 'REDELIVERED' ? 2 : 1)
    if (hungCards.includes(card)) expect(note).toBeNull()
    if (unansweredCards.includes(card)) expect(note).toBe('REDELIVERED')
  }
  for (const card of shownCards) await everybodySees(world, card, '处理中')
  for (const incident of shown) {
    await settledRecords(world, incident)
    expect(messagesOf(incident)).toBe(1)
  }
})

describe('in the middle of a press', () => {
  test('kill -9: the click is carried out once, before or after the death', async () => {
    const { li } = world.people
    const [asked, applied, working] = await fireMany(3, '按到一半')
    if (!asked || !applied || !working) throw new Error('three were fired')
    const cards = new Map<Incident, string>()
    for (const incident of [asked, applied, working]) cards.set(incident, await theCardOf(world, incident))
    const pressAck = (incident: Incident) => press(world, cards.get(incident) ?? '', li, '认领')

    world.flashduty.control.addFault({ path: '/incident/ack', effect: { kind: 'hang' } })
    expect(answerOf(await pressAck(working)).tips).toBe('处理中，卡片稍后更新')
    world.flashduty.control.addFault({ path: '/incident/ack', effect: { kind: 'hang' } })
    const first = pressAck(asked)
    await eventually('Flashduty is asked', () => actsOn(world, asked).length === 1)
    world.flashduty.control.addFault({ path: '/incident/ack', effect: { kind: 'apply-then-hang' } })
    const second = pressAck(applied)
    await eventually('Flashduty has done it', () => actsOn(world, applied).length === 1)
    await end('SIGKILL')
    expect([(await first).outcome, (await second).outcome]).toEqual(['failed', 'failed'])

    await start()
    for (const incident of [asked, applied, working]) {
      const records = await settledRecords(world, incident)
      expect(records.filter(({ kind }) => kind === 'action')).toMatchObject([
        { target_id: li.user.userId, event_type: 'ack', status: 'success', reason_code: null },
      ])
      await everybodySees(world, cards.get(incident) ?? '', '处理中')
      expect(view(world, cards.get(incident) ?? '', world.people.zhang).tips).toContain('李四 于')
      const carriedOut = world.flashduty.control
        .events()
        .filter((event) => event.incident.incident_id === incident.incident_id && event.event_type === 'i_ack')
      expect(carriedOut).toHaveLength(1)
      expect(actsOn(world, incident)).toHaveLength(incident === applied ? 1 : 2)
      expect(messagesOf(incident)).toBe(1)
    }
  })

  test('kill -9: a custom action under way is never run again, and the presser is sent to the console', async () => {
    const { li } = world.people
    const { control } = world.flashduty
    control.setCustomAction({ integrationId: RESTART, name: '重启实例', outcome: 'ok' })
    const delivery = { custom_actions: [{ integration_id: RESTART, name: '重启实例' }] }
    const fields = { title: '动作按到一半', chats: [inGroup(world.groups.oncall)], delivery }
    const [run, hung] = [await fire(world, fields), await fire(world, fields)]
    const cards = [await theCardOf(world, run), await theCardOf(world, hung)]
    const path = '/incident/custom-action/do'
    control.addFault({ path, effect: { kind: 'apply-then-hang' } })
    const first = press(world, cards[0] ?? '', li, '重启实例')
    await eventually('it is run', () => actsOn(world, run).length === 1)
    control.addFault({ path, effect: { kind: 'hang' } })
    const second = press(world, cards[1] ?? '', li, '重启实例')
    await eventually('it is asked for', () => actsOn(world, hung).length === 1)
    await end('SIGKILL')
    expect([(await first).outcome, (await second).outcome]).toEqual(['failed', 'failed'])

    await start()
    for (const incident of [run, hung]) {
      const records = await settledRecords(world, incident)
      expect(records.filter(({ kind }) => kind === 'action')).toMatchObject([
        { event_type: 'custom', status: 'failed', reason_code: 'OUTCOME_UNKNOWN' },
      ])
      expect(actsOn(world, incident)).toHaveLength(1)
      const told = () =>
        world.dingtalk.journal
          .requests('oToMessages/batchSend')
          .filter(({ body }) => JSON.stringify(body).includes(`#${incident.num} 动作按到一半`))
      await eventually('the presser is told', () => told().length === 1)
    }
    expect(control.customRuns()).toHaveLength(1)
  })

  test('SIGTERM: the presser is answered, and what takes longer is finished before the end', async () => {
    const { zhang, li } = world.people
    const [quick, slow] = await fireMany(2, '边按边停')
    if (!quick || !slow) throw new Error('two were fired')
    const [quickCard, slowCard] = [await theCardOf(world, quick), await theCardOf(world, slow)]
    world.flashduty.control.addFault({ path: '/incident/ack', effect: { kind: 'delay', ms: 900 } })
    world.flashduty.control.addFault({ path: '/incident/ack', effect: { kind: 'delay', ms: 3_000 } })
    const first = press(world, quickCard, li, '认领')
    await eventually('Flashduty is asked', () => actsOn(world, quick).length === 1)
    const second = press(world, slowCard, zhang, '认领')
    await eventually('Flashduty is asked again', () => actsOn(world, slow).length === 1)

    const ending = end('SIGTERM')
    expect(answerOf(await first).title).toContain('处理中')
    expect(answerOf(await second).tips).toBe('处理中，卡片稍后更新')
    const ended = await ending
    expect(ended).toMatchObject({ code: 0, signal: null })
    expect(ended.tookMs).toBeLessThan(6_000)
    for (const incident of [quick, slow]) {
      const presses = (await recordsOf(world, incident)).filter(({ kind }) => kind === 'action')
      expect(presses).toMatchObject([{ status: 'success' }])
    }

    await start()
    for (const [incident, card] of [
      [quick, quickCard],
      [slow, slowCard],
    ] as const) {
      await everybodySees(world, card, '处理中')
      await settledRecords(world, incident)
      expect(actsOn(world, incident)).toHaveLength(1)
    }
  })
})

describe('a start that cannot work', () => {
  test('wrong settings are all named at once, never by value', async () => {
    const wrong = {
      REDIS_URL: 'http://redis.example',
      DATABASE_URL: 'mysql://db',
      HTTP_PORT: '99999',
      SECRET_KEY: 'too-short-a-secret',
      LOG_LEVEL: 'loud',
    }
    const failure = await startDaemon({ ...world.env, ...wrong }).catch((error: unknown) => error)
    const text = (failure as Error).message
    expect(text).toContain('ended with 1 before')
    for (const [name, value] of Object.entries(wrong)) {
      expect(text).toContain(name)
      expect(text).not.toContain(value)
    }
    expect(text.trim().split('\n')).toHaveLength(2 + Object.keys(wrong).length)
  })

  test('a port that is taken is named, and the process ends', async () => {
    const taken = createServer()
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    const { port } = taken.address() as AddressInfo
    await end('SIGTERM')
    const startedAt = performance.now()
    const failure = await startDaemon({ ...world.env, HTTP_PORT: String(port) }).catch((error: unknown) => error)
    expect(performance.now() - startedAt).toBeLessThan(8_000)
    await new Promise((resolve) => taken.close(resolve))
    const text = (failure as Error).message
    expect(text).toContain('ended with 1 before')
    expect(text).toContain(`HTTP_PORT`)
    expect(text).toContain(String(port))
    expect(text).not.toContain('"crashed"')
  })

  test('a Redis that is not there is waited for', async () => {
    await end('SIGTERM')
    await world.redis.stop()
    const daemon = await start()
    expect(await readyz(urlOf(daemon))).toMatchObject({ status: 503, missing: { redis: 'does not answer' } })
    await world.redis.restart()
    await eventually('ready', async () => (await readyz(urlOf(daemon))).status === 200)
    const incident = await fire(world, { title: 'Redis 回来了', chats: [inGroup(world.groups.oncall)] })
    await theCardOf(world, incident)
    await settledRecords(world, incident)
    expect(messagesOf(incident)).toBe(1)
  })
})

afterAll(async () => {
  const ended = await end('SIGTERM')
  expect(ended).toMatchObject({ code: 0, signal: null })
  const repeats = world.dingtalk.control
    .cards()
    .filter((card) => lines.some((line) => line['outTrackId'] === card && line.msg === 'card-delivered'))
  expectSilence(world, lines, { errors: ['redis-absent', 'redis-state', 'click-failed'], repeats })
})
