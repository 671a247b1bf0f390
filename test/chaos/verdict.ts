import Database from 'better-sqlite3'
import type { Redis } from 'ioredis'

import { cardsOf } from '../support/journey.ts'
import type { World } from '../support/world.ts'
import type { Doings } from './workload.ts'

/** Everything that was wrong after one death, each in a sentence; empty lists are what is wanted. */
export type Verdict = {
  lost: string[]
  secondInstances: string[]
  stuck: string[]
  twice: string[]
  /** Messages beyond the first, and calls whose outcome died with the process. */
  repeats: number
  unknown: number
}

/** What nobody knows after a death: the placements whose delivery was under way. */
export type Unknown = Set<string>

/** The daemon is another process, whose commit may be waited for. */
function withDatabase<T>(world: World, use: (db: Database.Database) => T): T {
  const db = new Database(world.config.databasePath, { timeout: 10_000 })
  try {
    return use(db)
  } finally {
    db.close()
  }
}

export function readUnknown(world: World): Unknown {
  const rows = withDatabase(world, (db) =>
    db.prepare(`select out_track_id as card, target_id as target from placements where status = 'sending'`).all(),
  ) as { card: string; target: string }[]
  return new Set(rows.map(({ card, target }) => `${card} ${target}`))
}

/** As if the half minute had passed after which a title is asked again, and the seconds of a result. */
export function passPauses(world: World): void {
  withDatabase(world, (db) => {
    const now = Date.now()
    db.prepare('update groups set refresh_due_at = ? where refresh_due_at > ?').run(now, now)
    db.prepare('update results set due_at = ? where due_at > ?').run(now, now)
  })
}

/**
 * What the process that died left under its leases, and held back for its presses.
 * @returns called later, it is as if all of it had run out; what the next process took meanwhile stays that one's
 */
export function readLeases(world: World): () => void {
  const now = Date.now()
  const read = (query: string): string[] => withDatabase(world, (db) => db.prepare(query).pluck().all(now) as string[])
  const cards = read('select lease_owner || out_track_id from cards where lease_until > ?')
  const held = read('select out_track_id from cards where held_until > ?')
  const clicks = read('select lease_owner || id from clicks where lease_until > ?')
  return () =>
    withDatabase(world, (db) => {
      const at = Date.now()
      const passed = (column: string): string => `${column} = case when ${column} > @at then @at else ${column} end`
      const change = (statement: string, ids: string[]): void => {
        for (const id of ids) db.prepare(statement).run({ at, id })
      }
      change(
        `update cards set lease_until = @at, ${passed('deliver_due_at')}, ${passed('update_due_at')}
         where lease_owner || out_track_id = @id`,
        cards,
      )
      change(`update cards set ${passed('held_until')}, ${passed('update_due_at')} where out_track_id = @id`, held)
      change(`update clicks set lease_until = @at, ${passed('due_at')} where lease_owner || id = @id`, clicks)
    })
}

/** Where the verdict is read: the world, its database (for reading only) and its Redis. */
export type Books = { world: World; db: Database.Database; redis: Redis }

type OperationRecord = {
  record_key: string
  event_id: string | null
  kind: string
  target_id: string
  status: string
  note: string | null
}

function recordsOf({ db }: Books, incident: { incident_id: string }): OperationRecord[] {
  return db.prepare('select * from records where incident_id = ?').all(incident.incident_id) as OperationRecord[]
}

const UNSETTLED = {
  'a card under a lease': `select out_track_id as id from cards where lease_owner is not null`,
  'a card due': `select out_track_id as id from cards where deliver_due_at is not null or update_due_at is not null`,
  'a card neither there nor given up': `select out_track_id as id from cards where stage in ('creating', 'unsure')`,
  'a placement under way': `select out_track_id as id from placements where status in ('waiting', 'sending')`,
  'a click pending': `select id from clicks where status = 'pending' or lease_owner is not null or due_at is not null`,
  'a record open': `select record_key as id from records where status in ('pending', 'retrying')`,
  'a result due': `select event_id as id from results where due_at is not null`,
  'a posted event kept': `select id from inbox where source = 'posted' and payload is not null`,
  'a title wanted': `select open_conversation_id as id from groups where refresh_due_at is not null`,
  'a notice due': `select id from notices where due_at < ${Number.MAX_SAFE_INTEGER}`,
}

/** What is still to be done, in the database and in Redis. */
export async function listUnsettled({ db, redis }: Books): Promise<string[]> {
  const rows = Object.entries(UNSETTLED).flatMap(([what, query]) =>
    (db.prepare(query).all() as { id: string }[]).map(({ id }) => `${what}: ${id}`),
  )
  const jobs: string[] = []
  for (const [list, count] of [
    ['wait', 'llen'],
    ['active', 'llen'],
    ['delayed', 'zcard'],
  ] as const) {
    const waiting = await redis[count](`bull:flashduty-dingtalk-deliver:${list}`)
    if (waiting > 0) jobs.push(`${waiting} deliver jobs ${list}`)
  }
  return [...rows, ...jobs]
}

const WORDS = { Triggered: ['待处理'], Processing: ['处理中'], Closed: ['已关闭', '已恢复'] }

/** What is not yet as it has to be in the end, without anything left to be done. */
export async function judge(books: Books, doings: Doings, unknown: Unknown): Promise<Verdict> {
  const { world, db } = books
  const verdict: Verdict = { lost: [], secondInstances: [], stuck: [], twice: [], repeats: 0, unknown: unknown.size }
  for (const { incident, targets } of doings.incidents) {
    const records = recordsOf(books, incident)
    const rows = new Set(records.map(({ event_id: id }) => id))
    for (const event of doings.accepted) {
      if (event.incident.incident_id === incident.incident_id && !rows.has(event.event_id)) {
        verdict.lost.push(`${event.event_type} of ${incident.title} is on no record`)
      }
    }
    judgeCards(world, incident.incident_id, targets, unknown, records, verdict)
    judgeClicks(books, incident, records, verdict)
    await judgeResults(books, incident.incident_id, records, verdict)
  }
  for (const { person, outTrackId, text, result } of doings.presses) {
    if (result?.outcome !== 'answered') continue
    const incident = doings.incidents.find((one) => outTrackId.includes(one.incident.incident_id))?.incident
    const rows = incident ? recordsOf(books, incident) : []
    const own = rows.filter(({ kind, target_id: id }) => kind === 'action' && id === person.user.userId)
    if (own.length === 0) verdict.lost.push(`the press ${text} of ${person.user.name} was answered and is on no record`)
  }
  const known = db.prepare('select open_conversation_id as id, title, status from groups').all() as {
    id: string
    title: string | null
    status: string
  }[]
  for (const { openConversationId, title } of doings.groups) {
    const row = known.find(({ id }) => id === openConversationId)
    const now = world.dingtalk.control.group(openConversationId).title
    if (row?.title !== now) verdict.lost.push(`the group ${title} is known as ${row?.title ?? 'nothing'}`)
  }
  return verdict
}

function judgeCards(
  world: World,
  incidentId: string,
  targets: Set<string>,
  unknown: Unknown,
  records: OperationRecord[],
  verdict: Verdict,
): void {
  const { control } = world.dingtalk
  const incident = world.flashduty.control.incident(incidentId)
  const cards = cardsOf(world, incident)
  if (cards.length > 1) verdict.secondInstances.push(`${incident.title} has ${cards.join(' and ')}`)
  const [card] = cards
  if (card === undefined) {
    const skipped = records.every(({ status }) => status === 'skipped' || status === 'failed')
    if (!skipped) verdict.lost.push(`${incident.title} has no card`)
    return
  }
  const messages = Object.entries(control.placementsOf(card)).map(([place, count]) => {
    // The robot's own chat with a person ends with that person's id.
    return { target: place.startsWith('robot:') ? (place.split(':')[2] ?? '') : place, count }
  })
  for (const target of targets) {
    if (!messages.some((one) => one.target === target)) verdict.lost.push(`${incident.title} never reached ${target}`)
  }
  for (const { target, count } of messages) {
    verdict.repeats += count - 1
    const allowed = unknown.has(`${card} ${target}`) ? 2 : 1
    if (count > 1 && !records.some(({ note }) => note?.includes('REDELIVERED'))) {
      verdict.lost.push(`no record notes that ${incident.title} was told again`)
    }
    if (count > allowed) verdict.twice.push(`${incident.title} is ${count} times in ${target}, ${allowed} explained`)
  }
  for (const { user } of [world.people.zhang, world.people.li]) {
    const seen = control.view(card, user.userId)
    if (!seen) continue
    const right =
      WORDS[incident.progress].some((word) => seen.title.includes(word)) && seen.title.includes(incident.title)
    if (!right) verdict.stuck.push(`${user.name} sees ${seen.title} where ${incident.title} is ${incident.progress}`)
  }
}

const EVENT_OF: Record<string, string> = { ack: 'i_ack', snooze: 'i_snooze', resolve: 'i_rslv' }

/** A click that is done was carried out, and no click was twice. */
function judgeClicks(
  { world, db }: Books,
  incident: Doings['incidents'][number]['incident'],
  records: OperationRecord[],
  verdict: Verdict,
): void {
  const clicks = db
    .prepare('select id, action, status, member_id from clicks where incident_id = ?')
    .all(incident.incident_id) as { id: string; action: string; status: string; member_id: number }[]
  const events = world.flashduty.control.events().filter((one) => one.incident.incident_id === incident.incident_id)
  for (const click of clicks) {
    const record = records.find(({ record_key: key }) => key === `click:${click.id}`)
    const told = { done: 'success', failed: 'failed' }[click.status]
    if (record?.status !== told)
      verdict.lost.push(`the click ${click.action} is ${click.status}, its record ${record?.status}`)
  }
  for (const [action, eventType] of Object.entries(EVENT_OF)) {
    const of = clicks.filter((click) => click.action === action)
    const carriedOut = events.filter(
      (event) => event.event_type === eventType && of.some((click) => click.member_id === event.person?.person_id),
    )
    if (carriedOut.length > of.length) {
      verdict.twice.push(`${action} of ${incident.title}: ${carriedOut.length} times, ${of.length} clicks`)
    }
    if (of.some(({ status }) => status === 'done') && events.every((event) => event.event_type !== eventType)) {
      verdict.lost.push(`${action} of ${incident.title} is said to be done`)
    }
  }
}

type Told = {
  seq: number
  persons: { person_id: number; status: string }[]
  chats: { chat_id: string; status: string }[]
}

/** The newest result that Flashduty can read says what the records say. */
async function judgeResults(
  { db, redis }: Books,
  incidentId: string,
  records: OperationRecord[],
  verdict: Verdict,
): Promise<void> {
  const results = db.prepare('select event_id, seq from results where incident_id = ?').all(incidentId) as {
    event_id: string
    seq: number
  }[]
  for (const { event_id: eventId, seq } of results) {
    const rows = records.filter(({ event_id: id, kind }) => id === eventId && (kind === 'group' || kind === 'person'))
    if (rows.every(({ status }) => status === 'skipped')) continue
    const raw = await redis.hget(`bull:flashduty-dingtalk-result:res-${eventId}-${seq}`, 'data')
    const told = raw === null ? undefined : (JSON.parse(raw) as Told)
    const said = [...(told?.chats ?? []), ...(told?.persons ?? [])].map(({ status }) => status).sort()
    const done = rows.filter(({ status }) => status !== 'skipped').map(({ status }) => status)
    if (said.join() !== done.sort().join()) {
      verdict.lost.push(`result ${seq} of ${eventId} says ${said.join() || 'nothing'}, the records ${done.join()}`)
    }
  }
}
