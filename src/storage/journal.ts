import type { Selectable } from 'kysely'

import { newId } from '../domain/ids.ts'
import type { JournalEntry } from '../domain/journal.ts'
import type { Db } from './db.ts'
import type { Handle, JournalTable } from './schema.ts'
import { statement } from './statement.ts'

export type JournalRow = Selectable<JournalTable>

/** Enters a value in the journal, inside the transaction of its effect; `entry` is only made when it is wanted. */
export type KeepInbound = (
  trx: Handle,
  integrationId: string,
  entry: () => JournalEntry,
  receivedAtMs: number,
) => Promise<void>

export type Journal = {
  keep: KeepInbound
  /** Throws away what is too old or too much, in bites that let other writes between. */
  trim(db: Db, nowMs: number): Promise<{ dropped: number; skipped: number }>
}

export type JournalSettings = { keptDays: number; maxBytes: number }

const BITE = 2_000
/** What comes on top of a value in the file: its other columns and the indexes. */
const ROW_BYTES = 250
/** So much of the room is for what comes in between two trims; what would go beyond it is left out. */
const SPARE = 0.25

export const NO_JOURNAL: KeepInbound = async () => {}

/** @param settings `keptDays` 0 = nothing is kept */
export function createJournal({ keptDays, maxBytes }: JournalSettings): Journal {
  let added = 0
  let skipped = 0
  return {
    async keep(trx, integrationId, make, receivedAtMs) {
      if (keptDays === 0) return
      const entry = make()
      const size = Buffer.byteLength(entry.value) + ROW_BYTES
      if (added + size > maxBytes * SPARE) {
        skipped += 1
        return
      }
      added += size
      await insertRow(trx, {
        id: `${timePrefix(receivedAtMs)}-${newId().slice(0, 6)}`,
        integration_id: integrationId,
        received_at: receivedAtMs,
        kind: entry.kind,
        type: entry.type.slice(0, 100),
        business_id: entry.businessId.slice(0, 200),
        group_id: entry.groupId,
        user_id: entry.userId,
        size,
        value: entry.value,
      })
    },
    async trim(db, nowMs) {
      let dropped = await dropUntil(db, timePrefix(Math.max(0, nowMs - keptDays * 86_400_000)))
      for (;;) {
        const { bytes } = await measureJournal(db.read)
        if (bytes <= maxBytes * (1 - SPARE)) break
        const oldest = await dropOldest(db)
        dropped += oldest
        if (oldest === 0) break
      }
      added = 0
      const told = { dropped, skipped }
      skipped = 0
      return told
    },
  }
}

const insertRow = statement((db, row: JournalRow) => db.insertInto('journal').values(row))

export type JournalFilter = {
  integrationId?: string | undefined
  type?: string | undefined
  group?: string | undefined
  user?: string | undefined
  sinceMs?: number | undefined
  limit: number
}

/** Newest first. `type` is a kind, an event type or a button. */
export async function listJournal(db: Handle, filter: JournalFilter): Promise<JournalRow[]> {
  let query = db.selectFrom('journal').selectAll()
  const { integrationId, type, group, user, sinceMs } = filter
  if (integrationId !== undefined) query = query.where('integration_id', '=', integrationId)
  if (type !== undefined)
    query = query.where((eb) => eb.or([eb('type', '=', type), eb(eb.cast<string>('kind', 'text'), '=', type)]))
  if (group !== undefined) query = query.where('group_id', '=', group)
  if (user !== undefined) query = query.where('user_id', '=', user)
  if (sinceMs !== undefined) query = query.where('id', '>=', timePrefix(sinceMs))
  return query.orderBy('id', 'desc').limit(filter.limit).execute()
}

export async function findJournalRow(db: Handle, id: string): Promise<JournalRow | undefined> {
  return db.selectFrom('journal').selectAll().where('id', '=', id).executeTakeFirst()
}

export async function measureJournal(db: Handle): Promise<{ rows: number; bytes: number }> {
  const sum = await db
    .selectFrom('journal')
    .select((eb) => [eb.fn.countAll().as('rows'), eb.fn.coalesce(eb.fn.sum('size'), eb.val(0)).as('bytes')])
    .executeTakeFirstOrThrow()
  return { rows: Number(sum.rows), bytes: Number(sum.bytes) }
}

/** Sorts as the time does: nine digits of base 36 last for millennia. */
function timePrefix(ms: number): string {
  return ms.toString(36).padStart(9, '0')
}

async function dropUntil(db: Db, prefix: string): Promise<number> {
  let dropped = 0
  for (;;) {
    const oldest = await db.read.selectFrom('journal').select('id').where('id', '<', prefix).limit(1).executeTakeFirst()
    if (!oldest) return dropped
    dropped += await dropOldest(db, prefix)
  }
}

async function dropOldest(db: Db, before?: string): Promise<number> {
  return db.write(async (trx) => {
    const done = await trx
      .deleteFrom('journal')
      .where('id', 'in', (eb) =>
        eb
          .selectFrom('journal')
          .select('id')
          .$if(before !== undefined, (query) => query.where('id', '<', before ?? ''))
          .orderBy('id')
          .limit(BITE),
      )
      .executeTakeFirst()
    return Number(done.numDeletedRows)
  })
}
