import type { Handle, InboxTable } from './schema.ts'

/** @returns false when this id was seen before */
export async function enterInbox(
  trx: Handle,
  entry: { source: InboxTable['source']; id: string; payload?: string },
  nowMs: number,
): Promise<boolean> {
  const done = await trx
    .insertInto('inbox')
    .values({ source: entry.source, id: entry.id, received_at: nowMs, payload: entry.payload ?? null })
    .onConflict((oc) => oc.doNothing())
    .executeTakeFirst()
  return (done.numInsertedOrUpdatedRows ?? 0n) > 0n
}

/** Forgets ids older than a time; unreadable bodies stay as long as their records. */
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
