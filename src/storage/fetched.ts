import { enterInbox } from './inbox.ts'
import type { Handle } from './schema.ts'

/** Events out of DingTalk's list of failed pushes, kept in the inbox until they are taken in. */
export type Fetched = { id: string; payload: string }

/** Ids keep the order of the list. What comes twice is known when it is taken in. */
export async function keepFetched(
  trx: Handle,
  integrationId: string,
  payloads: string[],
  nowMs: number,
): Promise<void> {
  for (const [index, payload] of payloads.entries()) {
    const id = `${integrationId}:${String(nowMs).padStart(15, '0')}-${String(index).padStart(4, '0')}`
    await enterInbox(trx, { source: 'fetched', id, payload }, nowMs)
  }
}

/** Those that wait, oldest first. */
export async function listFetched(db: Handle, integrationId: string, limit: number): Promise<Fetched[]> {
  const rows = await db
    .selectFrom('inbox')
    .select(['id', 'payload'])
    .where('source', '=', 'fetched')
    .where('payload', 'is not', null)
    .where('id', 'like', `${integrationId}:%`)
    .orderBy('received_at')
    .orderBy('id')
    .limit(limit)
    .execute()
  return rows.map((row) => ({ id: row.id, payload: row.payload ?? '' }))
}

export async function dropFetched(trx: Handle, id: string): Promise<void> {
  await trx.deleteFrom('inbox').where('source', '=', 'fetched').where('id', '=', id).execute()
}
