import { randomUUID } from 'node:crypto'
import { join } from 'node:path'

import { afterAll, beforeAll, expect, test } from 'vitest'

import { openDb } from '../../src/storage/db.ts'
import { listTokens } from '../../src/storage/tokens.ts'
import type { Incident } from '../sandbox/flashduty/types.ts'
import { inboxOf, makeToken, post } from '../support/bridge.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { eventually } from '../support/eventually.ts'
import { composeIncident, endedJob } from '../support/jobs.ts'
import {
  actsOn,
  cardsOf,
  everybodySees,
  expectSilence,
  fire,
  inGroup,
  install,
  press,
  settledRecords,
  theCardOf,
} from '../support/journey.ts'
import { readyz } from '../support/readyz.ts'
import { createWorld, type LogLine, type World } from '../support/world.ts'

let world: World
const daemons = new Set<Daemon>()
beforeAll(async () => {
  world = await createWorld({ dingtalk: { redeliveryDelaysMs: [300, 1_000, 1_000], systemPingMs: 0 } })
})
afterAll(async () => {
  for (const daemon of daemons) await daemon.end('SIGKILL')
  await world.close()
})

async function start(env: Record<string, string> = world.env): Promise<Daemon> {
  const daemon = await startDaemon(env)
  daemons.add(daemon)
  return daemon
}

const urlOf = (daemon: Daemon): string => String(daemon.lines.find(({ msg }) => msg === 'ready')?.['url'])
/** A database that nobody has opened yet. */
const freshDatabase = (): string => join(world.config.databasePath, '..', '..', `fresh-${randomUUID()}`, 'fresh.db')
const errorsOf = (lines: LogLine[]): LogLine[] => lines.filter(({ level }) => level === 'error' || level === 'fatal')

test('a new database is made by one of those who open it, whole or not at all', async () => {
  const path = freshDatabase()
  const opened = await Promise.all([openDb(path), openDb(path), openDb(path)])
  for (const db of opened) {
    expect(await listTokens(db.read, { all: true })).toEqual([])
    await db.close()
  }
})

test('several that are started at once over an empty folder agree on one database, one key and one Redis', async () => {
  const env = {
    ...world.env,
    DATABASE_URL: `sqlite:${freshDatabase()}`,
    REDIS_PREFIX: 'fresh',
  }
  const started = await Promise.all([start(env), start(env), start(env), start(env)])
  for (const daemon of started) {
    expect(await readyz(urlOf(daemon))).toMatchObject({ missing: { integration: expect.any(String) as string } })
    expect(errorsOf(daemon.lines)).toEqual([])
    expect(await daemon.end('SIGTERM')).toMatchObject({ code: 0 })
    daemons.delete(daemon)
  }
})

test('two share the alerts and the presses, and one goes on when the other is killed', async () => {
  const { zhang, li } = world.people
  const { control } = world.dingtalk
  const token = { 'x-flashduty-token': (await makeToken(world)).token }
  const [doomed, other] = await Promise.all([start(), start()])
  await install(world, Object.values(world.groups))
  await eventually('all connections', () => control.connections(world.dingtalkApp.clientId).length === 4)

  const incidents: Incident[] = []
  const posted: string[] = []
  const presses: Promise<number>[] = []
  let alive = true

  /** A person presses until somebody answers. @returns the number of tries */
  const pressUntilAnswered = async (incident: Incident, index: number): Promise<number> => {
    const card = await theCardOf(world, incident)
    for (let tries = 1; ; tries++) {
      const pressed = await press(world, card, index % 2 === 0 ? li : zhang, '认领')
      if (pressed.outcome === 'answered') return tries
      if (tries === 10) throw new Error(`${incident.title}: ${pressed.reason}`)
    }
  }
  /** As a sender that was not answered 200 tries the other address. */
  const postSomewhere = async (index: number, body: { event_id: string }): Promise<void> => {
    const first = index % 4 === 1 && alive ? doomed : other
    const answer = await post(urlOf(first), body, token).catch(() => post(urlOf(other), body, token))
    expect(answer).toMatchObject({ status: 200, body: { accepted: true } })
    posted.push(body.event_id)
  }
  const alert = async (index: number): Promise<void> => {
    const fields = { title: `双机 ${index}`, chats: [inGroup(world.groups.oncall)] }
    if (index % 2 === 0) {
      incidents.push(await fire(world, fields))
    } else {
      const { incident, created, assigned } = await composeIncident(world, fields)
      await postSomewhere(index, created)
      await postSomewhere(index, assigned)
      // And once more to the other one, as after a time-out.
      await post(urlOf(other), assigned, token)
      incidents.push(incident)
    }
    const incident = incidents.at(-1)
    if (incident) presses.push(pressUntilAnswered(incident, index))
  }

  for (let index = 0; index < 80; index++) await alert(index)
  const shown = () => incidents.filter((incident) => cardsOf(world, incident).length > 0).length
  await eventually('half of the cards are there', () => shown() >= 40)
  alive = false
  await doomed.end('SIGKILL')
  daemons.delete(doomed)
  expect(shown()).toBeLessThan(80)
  for (let index = 80; index < 120; index++) await alert(index)

  // What the dead one held is free after its leases; the process manager starts it again meanwhile.
  const onItsOwn = incidents.slice(80)
  for (const incident of onItsOwn) await theCardOf(world, incident)
  const again = await start()
  const tries = await Promise.all(presses)

  const repeats: string[] = []
  for (const [index, incident] of incidents.entries()) {
    const rows = await settledRecords(world, incident)
    const card = await theCardOf(world, incident)
    const told = rows.filter(({ kind, event_type: type }) => kind === 'group' && type === 'i_assign')
    expect(told, `of ${incident.title}`).toMatchObject([{ status: 'success' }])
    // What the dead one had taken in without saying so comes again, as whoever sent it.
    expect(told[0]?.duplicates, `of ${incident.title}`).toBeLessThanOrEqual(index < 80 ? 1 : 0)
    const messages = Object.values(control.placementsOf(card))
    if (told[0]?.note === 'REDELIVERED') repeats.push(card)
    else expect(messages, `of ${incident.title}`).toEqual([1])
    expect(rows.filter(({ kind, status }) => kind === 'action' && status === 'success')).toHaveLength(1)
    const acks = world.flashduty.control
      .events()
      .filter((event) => event.incident.incident_id === incident.incident_id && event.event_type === 'i_ack')
    expect(acks, `of ${incident.title}`).toHaveLength(1)
    if (tries[index] === 1 && index >= 80) expect(actsOn(world, incident), `of ${incident.title}`).toHaveLength(1)
    await everybodySees(world, card, '处理中')
  }
  // Only calls that were under way when it was killed.
  expect(repeats.length).toBeLessThanOrEqual(5)
  for (const eventId of posted) {
    expect(inboxOf(world, eventId).filter(({ payload }) => payload !== null)).toEqual([])
  }
  for (const daemon of [doomed, other]) {
    for (const work of ['delivery-accepted', 'card-created', 'webhook-accepted', 'click-done']) {
      expect(daemon.lines.filter(({ msg }) => msg === work).length, `lines ${work}`).toBeGreaterThan(0)
    }
  }
  for (const daemon of [other, again]) {
    expect(await daemon.end('SIGTERM')).toMatchObject({ code: 0 })
    daemons.delete(daemon)
  }
  expectSilence(world, [...doomed.lines, ...other.lines, ...again.lines], { repeats })
})

test('kill -9 between the answer to a webhook and its job loses nothing', async () => {
  const token = { 'x-flashduty-token': (await makeToken(world)).token }
  const first = await start()
  const composed = []
  for (let index = 1; index <= 10; index++) {
    composed.push(await composeIncident(world, { title: `收下即断电 ${index}`, chats: [inGroup(world.groups.oncall)] }))
  }
  // Nothing can be enqueued between the answer and the end.
  await world.redis.stop()
  for (const { assigned } of composed) {
    expect((await post(urlOf(first), assigned, token)).body).toEqual({ accepted: true, duplicate: false })
  }
  await first.end('SIGKILL')
  daemons.delete(first)
  await world.redis.restart()
  const second = await start()
  for (const { incident, assigned } of composed) {
    const card = await theCardOf(world, incident)
    expect((await endedJob(world, `ev-${assigned.event_id}`)).state).toBe('completed')
    await settledRecords(world, incident)
    expect(Object.values(world.dingtalk.control.placementsOf(card))).toEqual([1])
  }
  expect(await second.end('SIGTERM')).toMatchObject({ code: 0 })
  daemons.delete(second)
  expect(errorsOf(second.lines)).toEqual([])
})
