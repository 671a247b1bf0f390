import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import Database from 'better-sqlite3'
import { type CompiledQuery, Kysely, SqliteDialect } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { incidentOf } from '../../src/domain/incident.fixture.ts'
import { findStanding, listCardsOfIncident } from '../../src/storage/cards.ts'
import { allowRevision } from '../../src/storage/change-cards.ts'
import { claimForDelivery, claimForUpdate, listDueAmong, listDueCards } from '../../src/storage/due-cards.ts'
import { listDueClicks } from '../../src/storage/clicks.ts'
import { mendTimes } from '../../src/storage/clock-mend.ts'
import { openDb } from '../../src/storage/db.ts'
import { listGroupIncidents, listOwnIncidents, listOwnRecords } from '../../src/storage/home.ts'
import {
  findPlaces,
  listClicksOfIncident,
  listGroupDeliveries,
  listTellings,
} from '../../src/storage/incident-history.ts'
import { listPosted, trimInbox } from '../../src/storage/inbox.ts'
import { endSnoozes } from '../../src/storage/incidents.ts'
import { listDueNotices } from '../../src/storage/notices.ts'
import { countPlacedSince } from '../../src/storage/placements.ts'
import { listRecordedTargets, noteOpen } from '../../src/storage/records.ts'
import { settleDelivery, settleOpen, settleUpdates } from '../../src/storage/settle-records.ts'
import { listDueResults } from '../../src/storage/results.ts'
import { putResponders } from '../../src/storage/responders.ts'
import { listWantedActs, trimWantedActs } from '../../src/storage/wanted-acts.ts'
import type { Handle, Schema } from '../../src/storage/schema.ts'

const DUE = 10_000
const HISTORY = 20_000

let folder: string
let file: Database.Database
let asked: CompiledQuery[] = []
let db: Kysely<Schema>

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flashduty-dingtalk-'))
  const path = join(folder, 'plans.db')
  await (await openDb(path)).close()
  file = new Database(path)
  fill(file)
  db = new Kysely<Schema>({
    dialect: new SqliteDialect({ database: file }),
    log: (event) => void asked.push(event.query),
  })
})

afterAll(async () => {
  await db.destroy()
  await rm(folder, { recursive: true, force: true })
})

/** Cards of long ago, and many more than DingTalk takes in a minute that are due. */
function fill(connection: Database.Database): void {
  const insert = connection.prepare(
    `insert into cards (out_track_id, integration_id, incident_id, notification_key, audience_key, audience, replacement,
      stage, frozen, allowed_rev, shown_rev, held_until, lease_until, called_at, failures, created_at, updated_at,
      deliver_due_at, update_due_at, deliver_turn, update_turn)
    values (?, 'one', ?, 'first', 'all', '{}', 0, ?, 0, 1, 0, 0, 0, 0, 0, 0, 0, ?, ?, ?, ?)`,
  )
  connection.transaction(() => {
    for (let index = 0; index < HISTORY + DUE; index++) {
      const due = index >= HISTORY
      const absent = due && index % 2 === 0
      insert.run(
        `fd-${index}`,
        `incident-${index}`,
        absent ? 'absent' : 'present',
        absent ? index : null,
        due && !absent ? index : null,
        index,
        index,
      )
    }
  })()
}

const lease = { owner: 'me', nowMs: 1_000_000, untilMs: 1_012_000 }
const card = { outTrackId: 'fd-1', drawnRev: 1 }
const incident = incidentOf({
  incident_id: 'incident-1',
  title: 'db-01',
  incident_severity: 'Critical',
  progress: 'Triggered',
  start_time: 1,
  responders: [{ person_id: 2001 }],
})
const id = { integrationId: 'one', incidentId: 'incident-1' }
const person = { integrationId: 'one', userId: 'user', memberId: 2001 }
const group = { integrationId: 'one', openConversationId: 'cid' }
const space = { kind: 'group', targetId: 'cid' } as const

test.each<[string, (handle: Handle) => Promise<unknown>]>([
  ['claiming a card to create', (handle) => claimForDelivery(handle, 'one', lease)],
  ['claiming a card to update', (handle) => claimForUpdate(handle, 'one', lease, false)],
  ['claiming a final update', (handle) => claimForUpdate(handle, 'one', lease, true)],
  ['looking for what is due', (handle) => listDueCards(handle, 1_000_000)],
  ['looking at some cards', (handle) => listDueAmong(handle, ['fd-1', 'fd-2'])],
  ['the cards of an incident', (handle) => listCardsOfIncident(handle, 'one', 'incident-1')],
  ['what a card is due next', (handle) => findStanding(handle, 'fd-1')],
  ['allowing a revision', (handle) => allowRevision(handle, ['fd-1', 'fd-2'], { rev: 2, spacingMs: 500 }, 0)],
  ["a group's cards of a minute", (handle) => countPlacedSince(handle, 'cid', 0)],
  ['settling a delivery', (handle) => settleDelivery(handle, card, space, { status: 'success' }, 0)],
  ['settling updates', (handle) => settleUpdates(handle, card, { status: 'updated' }, 0)],
  ['settling a card', (handle) => settleOpen(handle, 'fd-1', { status: 'skipped' }, 0)],
  ['noting', (handle) => noteOpen(handle, ['fd-1'], 'TEMPLATE_FALLBACK')],
  ['the records of an event', (handle) => listRecordedTargets(handle, 'one', 'event')],
  ['notices that are due', (handle) => listDueNotices(handle, 0)],
  ['results that are due', (handle) => listDueResults(handle, 0, 200)],
  ['snoozes that ran out', (handle) => endSnoozes(handle, 0)],
  ['mending times', (handle) => mendTimes(handle, 0)],
  ['posts that wait', (handle) => listPosted(handle, undefined, 100)],
  ['what somebody wanted before linking', (handle) => listWantedActs(handle, 'one', 'user', 0)],
  ['forgetting what was wanted', (handle) => trimWantedActs(handle, 0)],
  ['clicks that are due', (handle) => listDueClicks(handle, 0)],
  ['forgetting ids seen', (handle) => trimInbox(handle, 0)],
  ['keeping responders', (handle) => putResponders(handle, 'one', incident)],
  ["a person's open incidents", (handle) => listOwnIncidents(handle, person, 1)],
  ["a person's records", (handle) => listOwnRecords(handle, person, 20)],
  ["a group's open incidents", (handle) => listGroupIncidents(handle, group)],
  ["a group's deliveries", (handle) => listGroupDeliveries(handle, group, 20)],
  ['the clicks of an incident', (handle) => listClicksOfIncident(handle, id, 20)],
  ['who was told of an incident', (handle) => listTellings(handle, id, 20)],
  ['where an incident is shown', (handle) => findPlaces(handle, id, 'user')],
])('%s reads no more than it needs', async (_what, ask) => {
  asked = []
  await ask(db)
  expect(asked).not.toEqual([])
  expect(asked.flatMap((query) => scansOf(query))).toEqual([])
})

test('settling goes by the card, however much its group was ever told', async () => {
  asked = []
  await settleDelivery(db, card, space, { status: 'success' }, 0)
  expect(asked.map((query) => planOf(query).join())).toEqual([expect.stringContaining('out_track_id=?')])
})

/** Of a few rows (the integrations, the newest cards of a chat) a scan is all right. */
function scansOf(query: CompiledQuery): string[] {
  return planOf(query).filter((step) => step.startsWith('SCAN') && !/^SCAN (integrations|placed|\d+ CONST)/.test(step))
}

function planOf({ sql, parameters }: CompiledQuery): string[] {
  const rows = file.prepare(`explain query plan ${sql}`).all(...parameters) as { detail: string }[]
  return rows.map(({ detail }) => detail)
}
