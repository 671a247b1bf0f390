import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, test } from 'vitest'

import { entryOfEvent } from '../../src/domain/journal.ts'
import { readEvent } from '../../src/domain/inbound.ts'
import { type Db, openDb } from '../../src/storage/db.ts'
import { createJournal, type Journal, listJournal, measureJournal } from '../../src/storage/journal.ts'

const DAY = 86_400_000
const NOW = 1_800_000_000_000
const MEGABYTE = 1024 * 1024

let folder: string
let db: Db
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flashduty-dingtalk-'))
  db = await openDb(join(folder, 'journal.db'))
})
afterEach(async () => {
  await db.close()
  await rm(folder, { recursive: true, force: true })
})

/** Enters events of about so many bytes, one after the other. */
async function enter(journal: Journal, count: number, atMs: number, bytes = 100): Promise<void> {
  await db.write(async (trx) => {
    for (let index = 0; index < count; index++) {
      const event = readEvent({ title: 'x'.repeat(bytes) }, { eventType: 'chat_update_title', eventId: `e${index}` })
      if (event) await journal.keep(trx, 'one', () => entryOfEvent(event), atMs + index)
    }
  })
}

const all = () => listJournal(db.read, { limit: 10_000 })

test('what is older than its days goes, and nothing else', async () => {
  const journal = createJournal({ keptDays: 7, maxBytes: 64 * MEGABYTE })
  await enter(journal, 3, NOW - 8 * DAY)
  await enter(journal, 2, NOW - 6 * DAY)
  await enter(journal, 1, NOW)
  expect(await journal.trim(db, NOW)).toEqual({ dropped: 3, skipped: 0 })
  expect((await all()).map((row) => row.received_at)).toEqual([NOW, NOW - 6 * DAY + 1, NOW - 6 * DAY])
})

test('it never takes more than its room, and keeps the newest', async () => {
  const maxBytes = MEGABYTE
  const journal = createJournal({ keptDays: 7, maxBytes })
  let entered = 0
  for (let round = 0; round < 12; round++) {
    await enter(journal, 40, NOW + round * 1_000, 4_000)
    entered += 40
    expect((await measureJournal(db.read)).bytes).toBeLessThanOrEqual(maxBytes)
    const { skipped } = await journal.trim(db, NOW + round * 1_000)
    expect(skipped).toBe(0)
  }
  const rows = await all()
  expect(rows.length).toBeGreaterThan(20)
  expect(rows.length).toBeLessThan(entered)
  expect(rows[0]?.received_at).toBe(NOW + 11_039)
})

test('a flood between two looks is left out rather than let the file grow', async () => {
  const journal = createJournal({ keptDays: 7, maxBytes: MEGABYTE })
  await enter(journal, 500, NOW, 4_000)
  expect((await measureJournal(db.read)).bytes).toBeLessThanOrEqual(MEGABYTE)
  const { skipped } = await journal.trim(db, NOW)
  expect(skipped).toBeGreaterThan(300)
  await enter(journal, 1, NOW + 10_000)
  expect((await all())[0]?.received_at).toBe(NOW + 10_000)
})

test('a value that is too long is cut', async () => {
  await enter(createJournal({ keptDays: 7, maxBytes: 64 * MEGABYTE }), 1, NOW, 300_000)
  const [row] = await all()
  expect(row?.value.length).toBeLessThan(40_000)
  expect(JSON.parse(row?.value ?? '')).toHaveProperty('cut')
})

test('with 0 days there is none', async () => {
  const journal = createJournal({ keptDays: 7, maxBytes: MEGABYTE })
  await enter(journal, 2, NOW)
  const off = createJournal({ keptDays: 0, maxBytes: MEGABYTE })
  await enter(off, 2, NOW)
  expect(await off.trim(db, NOW + 60_000)).toMatchObject({ dropped: 2 })
  expect(await all()).toEqual([])
})
