import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { runCli } from '../../src/cli/program.ts'
import type { Fault, PressResult } from '../sandbox/dingtalk/types.ts'
import type { FlashdutyFault, Incident } from '../sandbox/flashduty/types.ts'
import { makeToken, post } from '../support/bridge.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { eventually } from '../support/eventually.ts'
import { Gate } from '../support/gate.ts'
import { composeIncident, endedJob } from '../support/jobs.ts'
import {
  actsOn,
  callsFor,
  cardsOf,
  everybodySees,
  expectSilence,
  fire,
  inGroup,
  install,
  type OperationRecord,
  press,
  recordsOf,
  settledRecords,
  theCardOf,
  view,
} from '../support/journey.ts'
import { createWorld, type LogLine, type World } from '../support/world.ts'

const RESTART = 7_001
/** What DingTalk says of a press that was not answered inside its deadline. */
const TOO_LATE = 'no reply in time'

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
  const gone = await daemon.end(signal)
  lines.push(...daemon.lines)
  return { ...gone, lines: daemon.lines }
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

/** Creates of such titles are met with that effect. */
function hold(title: string, times: number, effect: Fault['effect']): void {
  world.dingtalk.control.addFault({ api: 'createAndDeliver', bodyContains: title, times, effect })
}

const holdAct = (incident: Incident, path: string, effect: FlashdutyFault['effect']): void =>
  world.flashduty.control.addFault({ path, bodyContains: incident.incident_id, effect })

/** What happened to the incident: events of Flashduty's, by type. */
const happened = (incident: Incident, type: string) =>
  world.flashduty.control
    .events()
    .filter((event) => event.incident.incident_id === incident.incident_id && event.event_type === type)

const actionsOf = (records: OperationRecord[]) => records.filter(({ kind }) => kind === 'action')

/** Of a quiet machine none: a process that stood still may find that it has waited too long for an answer. */
const gaveUp = (msg: string, field: string, value: string): boolean =>
  lines.some((line) => line.msg === msg && line[field] === value)

describe('SIGTERM amid work', () => {
  let ended: Awaited<ReturnType<typeof end>>
  let underWay: Incident[]
  let waiting: Incident[]
  let quick: Incident
  let slow: Incident
  let answers: PressResult[]
  /** Before the next start. */
  const records = new Map<Incident, OperationRecord[]>()

  beforeAll(async () => {
    const { zhang, li } = world.people
    const [one, another] = await fireMany(2, '边按边停')
    if (!one || !another) throw new Error('two were fired')
    quick = one
    slow = another
    const cards = [await theCardOf(world, quick), await theCardOf(world, slow)] as const
    for (const incident of [quick, slow]) await settledRecords(world, incident)

    const [creating, acting, actingLonger] = [new Gate(), new Gate(), new Gate()]
    hold('停机途中', 3, creating.effect)
    underWay = await fireMany(3, '停机途中')
    await eventually('creates are under way', () => creating.arrived === 3)
    const code = 'Forbidden.AccessDenied.QpsLimitForAppkeyAndApi'
    hold('停机之后', 1_000, { kind: 'answer', status: 403, body: { code, message: '限流' } })
    waiting = await fireMany(3, '停机之后')
    for (const incident of waiting) {
      await eventually('it is accepted', async () => (await recordsOf(world, incident)).length > 1)
    }
    holdAct(quick, '/incident/ack', acting.effect)
    holdAct(slow, '/incident/ack', actingLonger.effect)
    const daemon = running
    const pressed = [press(world, cards[0], li, '认领'), press(world, cards[1], zhang, '认领')]
    await eventually('Flashduty is asked', () => acting.arrived + actingLonger.arrived === 2)

    const ending = end('SIGTERM')
    await eventually('it is told', () => daemon?.lines.some(({ msg }) => msg === 'stopping'))
    acting.open()
    answers = await Promise.all(pressed)
    actingLonger.open()
    creating.open()
    ended = await ending
    for (const incident of [...underWay, quick, slow]) records.set(incident, await recordsOf(world, incident))
    world.dingtalk.control.clearFaults()
    await start()
  })

  test('ends in order', () => {
    expect(ended).toMatchObject({ code: 0, signal: null })
    expect(ended.lines.map(({ msg }) => msg)).toContain('stopped')
  })

  test('finishes the deliveries under way, and the next start does the rest', async () => {
    for (const incident of [...underWay, ...waiting]) {
      const [note] = await notesOf(incident)
      const card = await theCardOf(world, incident)
      expect(messagesOf(incident), `${incident.title}, noted ${note}`).toBe(note === 'REDELIVERED' ? 2 : 1)
      if (gaveUp('card-create-failed', 'outTrackId', card) && underWay.includes(incident)) continue
      expect(note).toBeNull()
      expect(callsFor(world, 'createAndDeliver', card).filter(({ status }) => status === 200)).toHaveLength(1)
      if (underWay.includes(incident)) {
        const rows = records.get(incident)?.filter(({ event_type: type }) => type === 'i_assign')
        expect(rows).toMatchObject([{ status: 'success' }])
      }
    }
  })

  test('answers the pressers, and finishes what takes longer before the end', async () => {
    for (const answer of answers) {
      // Real deadlines: a machine that stood still is too late for them, but nobody is left without a connection.
      if (answer.outcome === 'failed') expect(answer.reason).toBe(TOO_LATE)
      else expect(`${answer.view.title} ${answer.view.tips}`).toContain('处理中')
    }
    for (const incident of [quick, slow]) {
      if (!gaveUp('click-retrying', 'incidentId', incident.incident_id)) {
        expect(actionsOf(records.get(incident) ?? [])).toMatchObject([{ status: 'success' }])
        expect(actsOn(world, incident)).toHaveLength(1)
      }
      await everybodySees(world, await theCardOf(world, incident), '处理中')
      expect(actionsOf(await settledRecords(world, incident))).toMatchObject([{ status: 'success' }])
      expect(happened(incident, 'i_ack')).toHaveLength(1)
    }
  })
})

describe('kill -9 amid work', () => {
  let incidents: Incident[]
  /** Not done by DingTalk; done by it, and the answer never came. */
  let undone: Incident[]
  let unanswered: Incident[]
  let shown: Incident[]
  let clicked: Incident[]
  let applied: Incident
  let custom: Incident[]

  beforeAll(async () => {
    const { li, zhang } = world.people
    const { control, journal } = world.dingtalk
    shown = await fireMany(2, '更新被打断')
    clicked = await fireMany(3, '按到一半')
    world.flashduty.control.setCustomAction({ integrationId: RESTART, name: '重启实例', outcome: 'ok' })
    const delivery = { custom_actions: [{ integration_id: RESTART, name: '重启实例' }] }
    const fields = { title: '动作按到一半', chats: [inGroup(world.groups.oncall)], delivery }
    custom = [await fire(world, fields), await fire(world, fields)]
    for (const incident of [...shown, ...clicked, ...custom]) {
      await theCardOf(world, incident)
      await settledRecords(world, incident)
    }

    const [first, second] = await Promise.all(shown.map((incident) => theCardOf(world, incident)))
    control.addFault({ api: 'updateCard', bodyContains: first ?? '', effect: { kind: 'hang' } })
    control.addFault({ api: 'updateCard', bodyContains: second ?? '', effect: { kind: 'apply-then-hang' } })
    for (const incident of shown) {
      await world.flashduty.control.act(incident.incident_id, 'ack', zhang.member.member_id)
    }
    hold('断电时未成', 1_000, { kind: 'hang' })
    hold('断电时已成', 3, { kind: 'apply-then-hang' })
    undone = await fireMany(4, '断电时未成')
    unanswered = await fireMany(3, '断电时已成')
    incidents = [...(await fireMany(2, '断电之前')), ...undone, ...unanswered]
    const hasCall = (incident: Incident): boolean =>
      journal.requests('createAndDeliver').some(({ body }) => trackOf(body).includes(incident.incident_id))
    await eventually('calls are under way', () => {
      const updated = [first, second].every((card) => callsFor(world, 'updateCard', card ?? '').length > 0)
      return updated && incidents.every(hasCall)
    })

    const [working, asked, done] = clicked
    const [hung, run] = custom
    if (!working || !asked || !done || !hung || !run) throw new Error('there were five')
    applied = done
    const ack = '/incident/ack'
    const pressOn = async (incident: Incident, text: string, effect: FlashdutyFault['effect']) => {
      const path = text === '认领' ? ack : '/incident/custom-action/do'
      holdAct(incident, path, effect)
      const answer = press(world, await theCardOf(world, incident), li, text)
      await eventually('Flashduty is asked', () => actsOn(world, incident).length > 0)
      return { answer }
    }
    const told = await pressOn(working, '认领', { kind: 'hang' })
    const answered = await told.answer
    if (answered.outcome === 'answered') expect(`${answered.view.title} ${answered.view.tips}`).toContain('处理中')
    const presses = [
      await pressOn(hung, '重启实例', { kind: 'hang' }),
      await pressOn(run, '重启实例', { kind: 'apply-then-hang' }),
      await pressOn(asked, '认领', { kind: 'hang' }),
      await pressOn(applied, '认领', { kind: 'apply-then-hang' }),
    ]
    expect((await end('SIGKILL')).signal).toBe('SIGKILL')
    await Promise.all(presses.map(({ answer }) => answer))
    expect(undone.flatMap((incident) => cardsOf(world, incident))).toEqual([])
    control.clearFaults()
    world.flashduty.control.clearFaults()
    await start()
  })

  test('loses no delivery, and only one of unknown outcome is told twice', async () => {
    for (const incident of incidents) {
      const [note] = await notesOf(incident)
      expect(messagesOf(incident), `${incident.title}, noted ${note}`).toBe(note === 'REDELIVERED' ? 2 : 1)
      if (undone.includes(incident)) expect(note).toBeNull()
      if (unanswered.includes(incident)) expect(note).toBe('REDELIVERED')
    }
  })

  test('loses no update', async () => {
    for (const incident of shown) {
      await everybodySees(world, await theCardOf(world, incident), '处理中')
      await settledRecords(world, incident)
      expect(messagesOf(incident)).toBe(1)
    }
  })

  test('carries out a click once, before or after the death', async () => {
    const { li, zhang } = world.people
    for (const incident of clicked) {
      expect(actionsOf(await settledRecords(world, incident))).toMatchObject([
        { target_id: li.user.userId, event_type: 'ack', status: 'success', reason_code: null },
      ])
      const card = await theCardOf(world, incident)
      await everybodySees(world, card, '处理中')
      expect(view(world, card, zhang).tips).toContain('李四 于')
      expect(happened(incident, 'i_ack')).toHaveLength(1)
      expect(messagesOf(incident)).toBe(1)
    }
    // Looking showed that it was done.
    expect(actsOn(world, applied)).toHaveLength(1)
  })

  test('runs a custom action that was under way never again, and sends the presser to the console', async () => {
    for (const incident of custom) {
      expect(actionsOf(await settledRecords(world, incident))).toMatchObject([
        { event_type: 'custom', status: 'failed', reason_code: 'OUTCOME_UNKNOWN' },
      ])
      expect(actsOn(world, incident)).toHaveLength(1)
      const told = () =>
        world.dingtalk.journal
          .requests('oToMessages/batchSend')
          .filter(({ body }) => JSON.stringify(body).includes(`#${incident.num} 动作按到一半`))
      await eventually('the presser is told', () => told().length === 1)
    }
    expect(world.flashduty.control.customRuns()).toHaveLength(1)
  })
})

test('kill -9 between the answer to a webhook and its job loses nothing', async () => {
  const token = { 'x-flashduty-token': (await makeToken(world)).token }
  const daemon = running
  if (!daemon) throw new Error('no daemon is running')
  const composed = []
  for (let index = 1; index <= 5; index++) {
    composed.push(await composeIncident(world, { title: `收下即断电 ${index}`, chats: [inGroup(world.groups.oncall)] }))
  }
  // Nothing can be enqueued between the answer and the end.
  await world.redis.stop()
  for (const { assigned } of composed) {
    await eventually('it is taken', async () => {
      const answer = await post(urlOf(daemon), assigned, token)
      return answer.status === 200 && answer.body['accepted'] === true
    })
  }
  await end('SIGKILL')
  await world.redis.restart()
  await start()
  for (const { incident, assigned } of composed) {
    await theCardOf(world, incident)
    expect((await endedJob(world, `ev-${assigned.event_id}`)).state).toBe('completed')
    await settledRecords(world, incident)
    expect(messagesOf(incident)).toBe(1)
  }
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
    let said = ''
    const print = (text: string): void => void (said += `${text}\n`)
    const edge = { stopping: AbortSignal.abort(), ready: () => {}, exitAfter: () => {} }
    expect(await runCli(['start'], { env: { ...world.env, ...wrong }, print, complain: print }, edge)).toBe(1)
    for (const [name, value] of Object.entries(wrong)) {
      expect(said).toContain(name)
      expect(said).not.toContain(value)
    }
    expect(said.trim().split('\n')).toHaveLength(1 + Object.keys(wrong).length)
  })

  test('a port that is taken is named, and the process ends', async () => {
    const taken = createServer()
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    const { port } = taken.address() as AddressInfo
    const failure = await startDaemon({ ...world.env, HTTP_PORT: String(port) }).catch((error: unknown) => error)
    await new Promise((resolve) => taken.close(resolve))
    const text = (failure as Error).message
    expect(text).toContain('ended with 1 before')
    expect(text).toContain(`HTTP_PORT`)
    expect(text).toContain(String(port))
    expect(text).not.toContain('"crashed"')
  })
})

const trackOf = (body: unknown): string => (body as { outTrackId?: string } | null)?.outTrackId ?? ''

afterAll(async () => {
  const ended = await end('SIGTERM')
  expect(ended).toMatchObject({ code: 0, signal: null })
  const repeats = world.dingtalk.control
    .cards()
    .filter((card) => lines.some((line) => line['outTrackId'] === card && line.msg === 'card-delivered'))
  expectSilence(world, lines, { errors: ['redis-absent', 'redis-state', 'click-failed'], repeats })
})
