import { randomUUID } from 'node:crypto'

import Database from 'better-sqlite3'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'

import type { Overrides } from '../../src/app.ts'
import type { Group, JournalEntry } from '../sandbox/dingtalk/types.ts'
import type { Incident, IncidentEvent } from '../sandbox/flashduty/types.ts'
import { eventually } from '../support/eventually.ts'
import { FAR_DEADLINES, PATIENT_DINGTALK } from '../support/far-deadlines.ts'
import { bootApp, createWorld, type Person, type RunningApp, type World } from '../support/world.ts'
import type { TargetName } from './reference.ts'

/** Nobody dies here, so that nothing may wait for the end of a lease. A longer one counts as a wrong clock's. */
const LEASE_MS = 9 * 60_000

/** Pauses cut down so that thousands of steps fit into a minute; the rules stay as they are. */
const HASTY: Overrides = {
  // Faults end, so whatever is repeated often enough arrives.
  delivery: {
    leaseMs: LEASE_MS,
    spacingMs: 5,
    blockedRetryMs: 50,
    doubtMs: 150,
    redeliverMs: Array.from({ length: 1_000 }, () => 20),
  },
  action: { spacingMs: 5, retryMs: 20, clickLeaseMs: LEASE_MS },
  deadlines: FAR_DEADLINES,
  supervisor: {
    firstAloneMs: 20,
    backOffMinMs: 20,
    backOffMaxMs: 100,
    credentialsMs: 50,
    consoleMs: 50,
    lingerMs: 200,
  },
  flashdutyPace: { perSecond: 0, perMinute: 0 },
  watchMs: 20,
  sweepMs: 100,
  reportMs: 200,
}

/** Log lines that only a bug of the daemon's writes. */
const BUGS = new Set([
  'tick-failed',
  'deliver-failed',
  'click-broken',
  'frame-broken',
  'background-failed',
  'sweep-failed',
])

export type PersonName = 'zhang' | 'li' | 'wang'
export const PEOPLE: PersonName[] = ['zhang', 'li', 'wang']
export const GROUPS = ['oncall', 'platform', 'late'] as const
export type GroupName = (typeof GROUPS)[number]

export type CardRow = {
  out_track_id: string
  incident_id: string
  notification_key: string
  audience: string
  audience_key: string
  replacement: number
  generation: number
}

export type RecordRow = {
  event_id: string | null
  incident_id: string | null
  kind: 'group' | 'person' | 'action' | 'none' | 'job'
  target_id: string
  event_type: string | null
  status: string
  reason_code: string | null
  duplicates: number
  effect: string | null
  out_track_id: string | null
}

/** In Unix seconds: no clock of today is there yet. */
export const YEAR_2100 = 4_102_444_800

type Seen<T extends JournalEntry['type']> = Extract<JournalEntry, { type: T }>

/** The real daemon between both sandboxes, with every event of Flashduty kept back until it is handed over. */
export class Stage {
  readonly world: World
  app: RunningApp
  readonly groups: Record<GroupName, Group>
  readonly #redis: Redis
  readonly #queue: Queue
  readonly #db: Database.Database
  readonly #held: IncidentEvent[]
  readonly #givenUp = new Set<string>()
  #read = 0
  #collected = 0
  #lastTime = 0
  /** Built but not handed over yet, oldest first. */
  pocket: IncidentEvent[] = []
  readonly built: IncidentEvent[] = []
  views: Seen<'view'>[] = []
  requests: Seen<'request'>[] = []

  private constructor(world: World, app: RunningApp, late: Group) {
    this.world = world
    this.app = app
    this.groups = { ...world.groups, late }
    this.#redis = new Redis(world.redis.url, { maxRetriesPerRequest: 1 })
    this.#queue = new Queue('flashduty-dingtalk-deliver', { connection: this.#redis })
    this.#db = world.reader().raw
    this.#held = world.flashduty.control.holdEvents().held
    world.dingtalk.journal.subscribe((entry) => {
      if (entry.type === 'view') this.views.push(entry)
      if (entry.type === 'request') this.requests.push(entry)
    })
  }

  static async open(): Promise<Stage> {
    const world = await createWorld({
      dingtalk: {
        ...PATIENT_DINGTALK,
        qpsPerApi: 0,
        redeliveryDelaysMs: [50, 200, 500, 1_000, 2_000],
        systemPingMs: 0,
      },
    })
    try {
      const unlimited = ['--qps', '0', '--monthly-calls', '0', '--monthly-pushes', '0']
      await run(world, 'integration', 'set', world.integrationId, ...unlimited)
      const memberUserIds = PEOPLE.map((name) => world.people[name].user.userId)
      const late = world.dingtalk.control.createGroup({ title: '后来的群', memberUserIds })
      return new Stage(world, await bootApp(world, HASTY), late)
    } catch (error) {
      await world.close()
      throw error
    }
  }

  async close(): Promise<void> {
    await this.#queue.close()
    this.#redis.disconnect()
    await this.app.stop()
    await this.world.close()
  }

  nameOf(target: { chatId: string } | { memberId: number } | { userId: string }): TargetName {
    const name =
      'chatId' in target
        ? GROUPS.find((one) => this.groups[one].openConversationId === target.chatId)
        : PEOPLE.find((one) => {
            const { user, member } = this.person(one)
            return 'memberId' in target ? member.member_id === target.memberId : user.userId === target.userId
          })
    if (name === undefined) throw new Error(`nobody knows ${JSON.stringify(target)}`)
    return name
  }

  person(name: PersonName): Person {
    return this.world.people[name]
  }

  incident(id: string): Incident {
    return this.world.flashduty.control.incident(id)
  }

  /** Takes up what Flashduty has built since, each event newer than the one before. */
  collect(): void {
    for (; this.#collected < this.#held.length; this.#collected++) {
      const event = this.#held[this.#collected]
      if (!event) continue
      event.event_time = this.#lastTime = Math.max(event.event_time, this.#lastTime + 1)
      this.built.push(event)
      this.pocket.push(event)
    }
  }

  /**
   * Resolves once all of them were taken in. What `meanwhile` wipes out of Redis is enqueued again, as a producer would.
   * @returns those that were enqueued again
   */
  async hand(events: IncidentEvent[], meanwhile?: () => Promise<void>): Promise<IncidentEvent[]> {
    const again: IncidentEvent[] = []
    const jobs = events.map((event) => ({ event, jobId: `job-${randomUUID()}` }))
    const add = ({ event, jobId }: (typeof jobs)[number]) => this.world.flashduty.control.enqueue(event, { jobId })
    await Promise.all(jobs.map(add))
    await meanwhile?.()
    for (const job of jobs) {
      await eventually(`${job.event.event_type} is taken in`, async () => {
        const state = await this.#queue.getJobState(job.jobId)
        if (state === 'unknown') {
          again.push(job.event)
          await add(job)
        }
        if (state === 'completed' || state === 'failed') return state
        throw new Error(`it is ${state}`)
      }).then((state) => {
        if (state === 'failed') throw new Error(`the job of ${job.event.event_type} has failed`)
      })
    }
    return again
  }

  /**
   * What is stored of the incident rests on a time of the future, as a version of the program that believed every time has
   * left it.
   */
  async poison(incidentId: string): Promise<void> {
    await eventually('the row can be written', () => {
      // The daemon is in this process: whoever waited here for its transaction would wait for ever.
      const db = new Database(this.world.config.databasePath, { timeout: 0 })
      try {
        db.prepare(
          `update incidents set version_updated_at = ?, version_event_time = ?, version_stored_at = null, updated_at = ?
           where incident_id = ?`,
        ).run(YEAR_2100, YEAR_2100 * 1_000, Date.now(), incidentId)
      } finally {
        db.close()
      }
      return true
    })
  }

  async restart(): Promise<void> {
    this.#readLog()
    await this.app.stop()
    this.#readLog()
    this.#read = 0
    this.app = await bootApp(this.world, HASTY)
  }

  /** Resolves when nothing is due, under way or undecided any more. */
  async quiet(): Promise<void> {
    await eventually('nothing is due', () => {
      const due = DUE.flatMap(([what, query]) =>
        (this.#db.prepare(query).all() as { out_track_id?: string }[]).map((row) => ({ what, ...row })),
      )
      if (due.length > 0) throw new Error([`at ${Date.now()}`, ...due.slice(0, 5).flatMap(this.#explain)].join('\n'))
      return true
    })
    this.#readLog()
  }

  /** Whether the daemon gave up waiting for what became of a call for this card, however DingTalk went on with it. */
  hasGivenUp(outTrackId: string): boolean {
    return this.#givenUp.has(outTrackId)
  }

  cards(incidentId: string): CardRow[] {
    const query = `select c.out_track_id, c.incident_id, c.notification_key, c.audience, c.audience_key, c.replacement,
      n.generation from cards c join notifications n using (integration_id, incident_id, notification_key)
      where c.incident_id = ?`
    return this.#db.prepare(query).all(incidentId) as CardRow[]
  }

  records(incidentId: string): RecordRow[] {
    return this.#db.prepare('select * from records where incident_id = ?').all(incidentId) as RecordRow[]
  }

  title(group: GroupName): { title: string | null; status: string; operated_at: number } | undefined {
    const query = 'select title, status, operated_at from groups where open_conversation_id = ?'
    return this.#db.prepare(query).get(this.groups[group].openConversationId) as
      | { title: string | null; status: string; operated_at: number }
      | undefined
  }

  /** Who is in the chat: a group's name, or the person's whose chat with the robot it is. */
  nameOfChat(conversationId: string): TargetName {
    const userId = conversationId.startsWith('robot:') ? conversationId.split(':').at(-1) : undefined
    return this.nameOf(userId === undefined ? { chatId: conversationId } : { userId })
  }

  /** The row, and the last lines of the log about its card. */
  #explain = (row: { what: string; out_track_id?: string | null }): string[] => [
    JSON.stringify(row),
    ...this.app.lines
      .filter((line) => row.out_track_id && line['outTrackId'] === row.out_track_id)
      .slice(-14)
      .map((line) => `   ${JSON.stringify(line).slice(0, 400)}`),
  ]

  #readLog(): void {
    for (; this.#read < this.app.lines.length; this.#read++) {
      const line = this.app.lines[this.#read]
      if (line && BUGS.has(line.msg)) throw new Error(`the daemon says ${JSON.stringify(line)}`)
      const isGivenUp = line?.msg.startsWith('card-') && JSON.stringify(line['err'] ?? '').includes('TIMEOUT')
      if (isGivenUp) this.#givenUp.add(String(line?.['outTrackId']))
    }
  }
}

/** What keeps a run from being quiet, each with the rows that do. */
const DUE: [what: string, query: string][] = [
  [
    'card',
    `select out_track_id, stage, deliver_due_at, update_due_at, lease_until, held_until from cards
     where deliver_due_at is not null or update_due_at is not null or lease_owner is not null`,
  ],
  ['click', `select id, action, status, reason, attempts from clicks where status = 'pending'`],
  [
    'record',
    `select record_key, event_type, status, reason_code, effect, out_track_id from records where status in ('pending', 'retrying')`,
  ],
  ['notice', `select id, due_at from notices where due_at < ${Number.MAX_SAFE_INTEGER}`],
  ['group', 'select open_conversation_id, refresh_due_at from groups where refresh_due_at is not null'],
  [
    'late joiner',
    `select m.incident_id, m.target_id from missed m join incidents i using (integration_id, incident_id)
     where i.progress != 'Closed' and m.severities is null and (
       exists (select 1 from account_links l where l.member_id = m.member_id)
       or exists (select 1 from groups g where g.open_conversation_id = m.target_id and g.status = 'installed'))`,
  ],
]

export async function run(world: World, ...args: string[]): Promise<void> {
  const done = await world.cli(...args)
  if (done.code !== 0) throw new Error(`${args.join(' ')}: ${done.err}`)
}
