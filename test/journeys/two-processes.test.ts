import { randomUUID } from 'node:crypto'
import { join } from 'node:path'

import { afterAll, beforeAll, expect, test } from 'vitest'

import { openDb } from '../../src/storage/db.ts'
import { listTokens } from '../../src/storage/tokens.ts'
import type { Fault } from '../sandbox/dingtalk/types.ts'
import type { Incident } from '../sandbox/flashduty/types.ts'
import { inboxOf, makeToken, post } from '../support/bridge.ts'
import { type Daemon, startDaemon } from '../support/daemon.ts'
import { eventually } from '../support/eventually.ts'
import { composeIncident } from '../support/jobs.ts'
import {
  cardsOf,
  everybodySees,
  expectSilence,
  fire,
  inGroup,
  install,
  press,
  settledRecords,
  theCardOf,
  view,
} from '../support/journey.ts'
import { readyz } from '../support/readyz.ts'
import { createWorld, type LogLine, type Person, type World } from '../support/world.ts'

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
  for (const daemon of await Promise.all([start(env), start(env)])) {
    expect(await readyz(urlOf(daemon))).toMatchObject({ missing: { integration: expect.any(String) as string } })
    expect(errorsOf(daemon.lines)).toEqual([])
    expect(await daemon.end('SIGTERM')).toMatchObject({ code: 0 })
    daemons.delete(daemon)
  }
})

/** What each of two that share the work has said once it had its part of all of it. */
const WORK = ['delivery-accepted', 'card-created', 'webhook-accepted', 'click-done']
const hasWorked = ({ lines }: Daemon): boolean => WORK.every((work) => lines.some(({ msg }) => msg === work))

test('two share the alerts and the presses, and one goes on when the other is killed', async () => {
  const { zhang, li } = world.people
  const { control, journal } = world.dingtalk
  const token = { 'x-flashduty-token': (await makeToken(world)).token }
  const [doomed, other] = await Promise.all([start(), start()])
  await install(world, Object.values(world.groups))
  await eventually('all connections', () => control.connections(world.dingtalkApp.clientId).length === 4)

  const incidents: Incident[] = []
  const posted: string[] = []
  const presses: Promise<void>[] = []
  let alive = true

  /** A person presses until somebody answers, or until they see that a press without an answer has counted. */
  const pressUntilAnswered = async (incident: Incident, person: Person): Promise<void> => {
    const card = await theCardOf(world, incident)
    await eventually(`${incident.title} is answered`, async () => {
      if (view(world, card, person).title.includes('处理中')) return true
      return (await press(world, card, person, '认领')).outcome === 'answered'
    })
  }
  /** As a sender that was not answered 200 tries again, at the other address. */
  const postSomewhere = async (first: Daemon, body: { event_id: string }): Promise<void> => {
    let to = alive ? first : other
    await eventually('it is taken', async () => {
      const answer = await post(urlOf(to), body, token).catch(() => undefined)
      to = alive && to === other ? doomed : other
      return answer?.status === 200 && answer.body['accepted'] === true
    })
    posted.push(body.event_id)
  }
  /** Every other one by the webhook, to both of them in turn. */
  const alert = async (count: number, title: string): Promise<Incident[]> => {
    const fresh: Incident[] = []
    for (let index = 0; index < count; index++) {
      const fields = { title: `${title} ${incidents.length}`, chats: [inGroup(world.groups.oncall)] }
      if (index % 2 === 0) {
        fresh.push(await fire(world, fields))
      } else {
        const { incident, created, assigned } = await composeIncident(world, fields)
        const first = index % 4 === 1 ? doomed : other
        await postSomewhere(first, created)
        await postSomewhere(first, assigned)
        // And once more to the other one, as after a time-out.
        await postSomewhere(other, assigned)
        fresh.push(incident)
      }
      const incident = fresh.at(-1)
      if (!incident) continue
      incidents.push(incident)
      presses.push(pressUntilAnswered(incident, index % 2 === 0 ? li : zhang))
    }
    return fresh
  }

  do {
    await alert(8, '双机')
    await Promise.all(presses)
  } while (!hasWorked(doomed) || !hasWorked(other))

  const hold = (title: string, times: number, effect: Fault['effect']): void =>
    control.addFault({ api: 'createAndDeliver', bodyContains: title, times, effect })
  hold('断电时未成', 1_000, { kind: 'hang' })
  hold('断电时已成', 4, { kind: 'apply-then-hang' })
  const undone = await alert(12, '断电时未成')
  const done = await alert(4, '断电时已成')
  await eventually('calls for all of them are under way', () => {
    const called = journal.requests('createAndDeliver').map(({ body }) => String((body as Named).outTrackId))
    return [...undone, ...done].every(({ incident_id: id }) => called.some((name) => name.includes(id)))
  })
  alive = false
  await doomed.end('SIGKILL')
  daemons.delete(doomed)
  expect(undone.flatMap((incident) => cardsOf(world, incident))).toEqual([])
  control.clearFaults()

  // What the dead one held is free after its leases; the process manager starts it again meanwhile.
  for (const incident of await alert(8, '独自')) await theCardOf(world, incident)
  const again = await start()
  await Promise.all(presses)

  const repeats: string[] = []
  for (const incident of incidents) {
    const rows = await settledRecords(world, incident)
    const card = await theCardOf(world, incident)
    const told = rows.filter(({ kind, event_type: type }) => kind === 'group' && type === 'i_assign')
    expect(told, `of ${incident.title}`).toMatchObject([{ status: 'success' }])
    // Whoever was told twice was so by a call whose outcome nobody knew, which the record says.
    const messages = Object.values(control.placementsOf(card))
    if (told[0]?.note === 'REDELIVERED') repeats.push(card)
    else expect(messages, `of ${incident.title}`).toEqual([1])
    if (done.includes(incident)) expect(told[0]?.note, `of ${incident.title}`).toBe('REDELIVERED')
    expect(rows.filter(({ kind, status }) => kind === 'action' && status === 'success')).toHaveLength(1)
    const acks = world.flashduty.control
      .events()
      .filter((event) => event.incident.incident_id === incident.incident_id && event.event_type === 'i_ack')
    expect(acks, `of ${incident.title}`).toHaveLength(1)
    await everybodySees(world, card, '处理中')
  }
  for (const eventId of posted) {
    expect(inboxOf(world, eventId).filter(({ payload }) => payload !== null)).toEqual([])
  }
  for (const daemon of [other, again]) {
    expect(await daemon.end('SIGTERM')).toMatchObject({ code: 0 })
    daemons.delete(daemon)
  }
  expectSilence(world, [...doomed.lines, ...other.lines, ...again.lines], { repeats })
})

type Named = { outTrackId?: string }
