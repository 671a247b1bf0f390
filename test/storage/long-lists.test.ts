import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import Database from 'better-sqlite3'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { incidentOf } from '../../src/domain/incident.fixture.ts'
import { findOffers } from '../../src/storage/audiences.ts'
import { listIdle } from '../../src/storage/card-turns.ts'
import { allowRevision, freezeCards } from '../../src/storage/change-cards.ts'
import { type Db, openDb } from '../../src/storage/db.ts'
import { listDueAmong } from '../../src/storage/due-cards.ts'
import { recordProof } from '../../src/storage/group-facts.ts'
import { findGroups } from '../../src/storage/groups.ts'
import { listOwnIncidents } from '../../src/storage/home.ts'
import { findLinksOfMembers, findLinksOfUsers } from '../../src/storage/links.ts'
import { findNamesSeen } from '../../src/storage/people-seen.ts'
import { listPlacements } from '../../src/storage/placements.ts'
import { putResponders } from '../../src/storage/responders.ts'
import { findSuspended } from '../../src/storage/suspended-links.ts'

/** More ids than one statement takes parameters: every reader and writer gives and changes what it is asked for. */

const COUNT = 40_000
/** Of each table there are more rows, which nobody asks for. */
const OTHERS = 7

let folder: string
let db: Db
let file: Database.Database

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flashduty-dingtalk-'))
  const path = join(folder, 'long.db')
  db = await openDb(path)
  file = new Database(path)
  fill()
})
afterAll(async () => {
  file?.close()
  await db?.close()
  await rm(folder, { recursive: true, force: true })
})

const numbers = Array.from({ length: COUNT }, (_, n) => n)
const snapshot = JSON.stringify(
  incidentOf({
    incident_id: 'any',
    title: 'db-01',
    incident_severity: 'Critical',
    progress: 'Triggered',
    start_time: 1,
  }),
)
const audience = JSON.stringify({ snoozeMinutes: [1] })

function fill(): void {
  const each = (statement: string, ...values: unknown[]) =>
    file
      .prepare(
        `with recursive n(i) as (select 0 union all select i + 1 from n where i < ${COUNT + OTHERS - 1}) ${statement}`,
      )
      .run(...values)
  file.transaction(() => {
    each(`insert into groups (integration_id, open_conversation_id, status, operated_at, titled_at, refresh_failures,
      created_at, updated_at) select 'one', 'cid' || i, 'unknown', 0, 0, 0, 0, 0 from n`)
    each(`insert into account_links (integration_id, dingtalk_user_id, member_id, member_name, linked_by, linked_at,
      suspended_at) select 'one', 'user' || i, i, 'm', 'admin', 0, case i % 2 when 0 then 5 end from n`)
    each(`insert into dingtalk_users (integration_id, dingtalk_user_id, name, seen_at)
      select 'one', 'user' || i, 'name ' || i, 0 from n`)
    each(
      `insert into cards (out_track_id, integration_id, incident_id, notification_key, audience_key, audience,
      replacement, stage, frozen, allowed_rev, shown_rev, held_until, lease_until, called_at, failures, created_at,
      updated_at, update_due_at) select 'fd-' || i, 'one', 'incident-' || i, 'first', 'all', ?, 0, 'present', 0, 1, 1, 0,
      0, 0, 0, 9, 0, case i % 4 when 0 then 50 end from n`,
      audience,
    )
    each(`insert into placements (out_track_id, kind, target_id, status, share, unknown_outcomes, updated_at)
      select 'fd-' || i, case i % 2 when 0 then 'person' else 'group' end, (i * 7919) % 100003, 'delivered', 0, 0, 0
      from n`)
    each(
      `insert into incidents (integration_id, incident_id, rev, version_updated_at, version_event_time,
      version_event_id, progress, snapshot, snooze_over, created_at, updated_at)
      select 'one', 'incident-' || i, 1, 1, 1, 'e', 'Triggered', ?, 0, 0, 0 from n`,
      snapshot,
    )
    each(`insert into responders (integration_id, incident_id, member_id, urgency, start_time)
      select 'one', 'incident-' || i, 77, 1, 1 from n where i < ${COUNT}`)
  })()
}

const cards = numbers.map((n) => `fd-${n}`)
const users = numbers.map((n) => `user${n}`)
const groups = numbers.map((n) => `cid${n}`)
const incidents = numbers.map((n) => `incident-${n}`)
const sorted = (texts: string[]) => texts.toSorted()

test('groups', async () => {
  const found = await findGroups(db.read, 'one', groups)
  expect(sorted(found.map((group) => group.open_conversation_id))).toEqual(sorted(groups))
})

test('links, by member and by user, and those of people who left', async () => {
  const members = await findLinksOfMembers(db.read, 'one', numbers)
  expect(members.map((link) => link.member_id)).toEqual(numbers.filter((n) => n % 2 === 1))
  const left = await findSuspended(db.read, 'one', numbers)
  expect(left.map((link) => link.member_id)).toEqual(numbers.filter((n) => n % 2 === 0))
  const all = await findLinksOfUsers(db.read, 'one', users)
  expect(sorted(all.map((link) => link.dingtalk_user_id))).toEqual(sorted(users))
})

test('names', async () => {
  const names = await findNamesSeen(db.read, 'one', users)
  expect(names.size).toBe(COUNT)
  expect(names.get('user39999')).toBe('name 39999')
})

test('placements, in their order', async () => {
  const found = await listPlacements(db.read, cards)
  const wanted = file
    .prepare(
      `select out_track_id from placements where cast(substr(out_track_id, 4) as integer) < ${COUNT}
      order by kind, target_id`,
    )
    .pluck()
    .all()
  expect(found.map((placement) => placement.out_track_id)).toEqual(wanted)
})

test('what a card offers', async () => {
  const insert = file.prepare(`insert into cards (out_track_id, integration_id, incident_id, notification_key,
    audience_key, audience, replacement, stage, frozen, allowed_rev, shown_rev, held_until, lease_until, called_at,
    failures, created_at, updated_at) values (?, 'one', ?, 'next', 'all', ?, 0, 'gone', 1, 1, 1, 0, 0, 0, 0, ?, 0)`)
  insert.run('newer', 'incident-0', JSON.stringify({ snoozeMinutes: [2] }), 10)
  insert.run('older', 'incident-39999', JSON.stringify({ snoozeMinutes: [3] }), 8)
  const offers = await findOffers(db.read, 'one', incidents)
  expect(offers.size).toBe(COUNT)
  expect(offers.get('incident-0')?.snoozeMinutes).toEqual([2])
  expect(offers.get('incident-39999')?.snoozeMinutes).toEqual([1])
})

test('incidents of a person', async () => {
  const own = await listOwnIncidents(db.read, { integrationId: 'one', userId: 'nobody', memberId: 77 }, COUNT)
  expect(own.total).toBe(COUNT)
  expect(own.incidents).toHaveLength(COUNT)
})

test('cards that are due, and those that nothing is to be done for', async () => {
  const due = await listDueAmong(db.read, cards)
  expect(sorted(due.map((card) => card.outTrackId))).toEqual(sorted(cards.filter((_, n) => n % 4 === 0)))
  const idle = await listIdle(db.read, 'update', cards)
  expect(idle.map((card) => card.out_track_id)).toEqual(sorted(cards.filter((_, n) => n % 4 !== 0)))
})

test('proof that groups are there', async () => {
  await db.write((trx) => recordProof(trx, 'one', groups, 1_000_000))
  const proven = file.prepare('select count(*) from groups where verified_at = 1000000').pluck().get()
  expect(proven).toBe(COUNT)
})

test('a revision allowed, and cards frozen', async () => {
  await db.write((trx) => allowRevision(trx, cards, { rev: 9, spacingMs: 0 }, 1_000))
  expect(file.prepare('select count(*) from cards where allowed_rev = 9').pluck().get()).toBe(COUNT)
  const turns = file.prepare(`select count(*), max(update_turn) from cards where allowed_rev = 9`).raw().get()
  expect(turns).toEqual([COUNT, COUNT - COUNT / 4 - 1])
  await db.write((trx) => freezeCards(trx, cards, 2_000, 0))
  expect(file.prepare('select count(*) from cards where frozen = 1 and updated_at = 2000').pluck().get()).toBe(COUNT)
})

test('responders: those put in, and those that are no more', async () => {
  const incident = incidentOf({ ...(JSON.parse(snapshot) as object), incident_id: 'crowded' })
  const of = (people: number[]) => ({
    ...incident,
    responders: people.map((n) => ({ person_id: n, person_name: '', email: '', assigned_at: 0, acknowledged_at: 0 })),
  })
  const put = (people: number[]) => db.write((trx) => putResponders(trx, 'one', of(people)))
  const stored = () =>
    file.prepare(`select member_id from responders where incident_id = 'crowded' order by member_id`).pluck().all()
  for (const people of [numbers, numbers.filter((n) => n % 3 !== 0), [5, 5, COUNT], []]) {
    await put(people)
    expect(stored()).toEqual([...new Set(people)])
  }
  expect(file.prepare('select count(*) from responders where member_id = 77').pluck().get()).toBe(COUNT)
})
