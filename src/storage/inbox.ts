import type { Insertable } from 'kysely'

import type { Handle, InboxTable } from './schema.ts'
import { statement } from './statement.ts'

/** A posted delivery whose plan is not committed yet. */
export type Posted = { eventId: string; receivedAt: number; payload: string }

/** @returns false when this id was seen before */
export async function enterInbox(
  trx: Handle,
  entry: { source: InboxTable['source']; id: string; payload?: string },
  nowMs: number,
): Promise<boolean> {
  const { source, id, payload = null } = entry
  const done = await insertSeen(trx, { source, id, received_at: nowMs, payload })
  return (done.numAffectedRows ?? 0n) > 0n
}

const insertSeen = statement((db, row: Insertable<InboxTable>) =>
  db
    .insertInto('inbox')
    .values(row)
    .onConflict((oc) => oc.doNothing()),
)

/**
 * Keeps a posted delivery until `dropPosted`.
 * @returns false when its event has been taken in or is kept already
 */
export async function keepPosted(
  trx: Handle,
  posted: { eventId: string; payload: string },
  nowMs: number,
): Promise<boolean> {
  const done = await trx
    .insertInto('inbox')
    .columns(['source', 'id', 'received_at', 'payload'])
    .expression(
      trx
        .selectNoFrom((eb) => [
          eb.val('posted' as const).as('source'),
          eb.val(posted.eventId).as('id'),
          eb.val(nowMs).as('received_at'),
          eb.val(posted.payload).as('payload'),
        ])
        .where((eb) =>
          eb.not(
            eb.exists(
              eb.selectFrom('inbox').select('id').where('source', '=', 'deliver').where('id', '=', posted.eventId),
            ),
          ),
        ),
    )
    .onConflict((oc) => oc.doNothing())
    .executeTakeFirst()
  return (done.numInsertedOrUpdatedRows ?? 0n) > 0n
}

/** The plan is committed: only the id is still needed, to know the event by when it is posted again. */
export async function dropPosted(trx: Handle, eventId: string): Promise<void> {
  await forgetPayload(trx, { eventId })
}

const forgetPayload = statement((db, { eventId }: { eventId: string }) =>
  db
    .updateTable('inbox')
    .set({ payload: null })
    .where('source', '=', 'posted')
    .where('id', '=', eventId)
    .where('payload', 'is not', null),
)

/** Posted deliveries whose plan is not committed, oldest first: after that one, or only that one. */
export async function listPosted(
  db: Handle,
  which: { after: Posted } | { eventId: string } | undefined,
  limit: number,
): Promise<Posted[]> {
  let query = db
    .selectFrom('inbox')
    .select(['id', 'received_at', 'payload'])
    .where('source', '=', 'posted')
    .where('payload', 'is not', null)
  if (which && 'eventId' in which) query = query.where('id', '=', which.eventId)
  if (which && 'after' in which) {
    const { receivedAt, eventId } = which.after
    query = query.where((eb) =>
      eb.or([eb('received_at', '>', receivedAt), eb.and([eb('received_at', '=', receivedAt), eb('id', '>', eventId)])]),
    )
  }
  const rows = await query.orderBy('received_at').orderBy('id').limit(limit).execute()
  return rows.map((row) => ({ eventId: row.id, receivedAt: row.received_at, payload: row.payload ?? '' }))
}

export async function isPosted(db: Handle, eventId: string): Promise<boolean> {
  const row = await db
    .selectFrom('inbox')
    .select('id')
    .where('source', '=', 'posted')
    .where('id', '=', eventId)
    .where('payload', 'is not', null)
    .executeTakeFirst()
  return row !== undefined
}

/** Which of these ids of deliveries (event ids, or `job:` and a job's id) have been taken in or put on record. */
export async function findTakenIn(db: Handle, ids: string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set()
  const rows = await db
    .selectFrom('inbox')
    .select('id')
    .where('source', '=', 'deliver')
    .where('id', 'in', ids)
    .execute()
  return new Set(rows.map((row) => row.id))
}

/** Forgets ids older than a time; unreadable bodies stay as long as their records, posted ones until they are planned. */
export async function trimInbox(trx: Handle, beforeMs: number): Promise<void> {
  await trx.deleteFrom('inbox').where('received_at', '<', beforeMs).where('payload', 'is', null).execute()
}

/** The one id this database and its Redis share; made on first use. */
export async function getInstallationId(trx: Handle, candidate: string, nowMs: number): Promise<string> {
  const known = await trx.selectFrom('installation').select('id').executeTakeFirst()
  if (known) return known.id
  await trx.insertInto('installation').values({ id: candidate, created_at: nowMs }).execute()
  return candidate
}
