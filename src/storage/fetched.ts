import { enterInbox } from './inbox.ts'
import type { Handle } from './schema.ts'

/** Events out of DingTalk's list of failed pushes, kept in the inbox until they are taken in. */
export type Fetched = { id: string; payload: string }

const PREFIX_END = ':'

/** @returns how many of them were not known yet */
export async function keepFetched(
  trx: Handle,
  integrationId: string,
  events: Fetched[],
  nowMs: number,
): Promise<number> {
  let added = 0
  for (const { id, payload } of events) {
    const entry = { source: 'fetched' as const, id: `${integrationId}${PREFIX_END}${id}`, payload }
    if (await enterInbox(trx, entry, nowMs)) added += 1
  }
  return added
}

/** Those that wait, oldest first. */
export async function listFetched(db: Handle, integrationId: string, limit: number): Promise<Fetched[]> {
  const prefix = `${integrationId}${PREFIX_END}`
  const rows = await db
    .selectFrom('inbox')
    .select(['id', 'payload'])
    .where('source', '=', 'fetched')
    .where('payload', 'is not', null)
    .where('id', 'like', `${prefix}%`)
    .orderBy('received_at')
    .orderBy('id')
    .limit(limit)
    .execute()
  return rows.map((row) => ({ id: row.id.slice(prefix.length), payload: row.payload ?? '' }))
}

/** Only the id is still needed, to know the event by when it is fetched again. */
export async function dropFetched(trx: Handle, integrationId: string, id: string): Promise<void> {
  await trx
    .updateTable('inbox')
    .set({ payload: null })
    .where('source', '=', 'fetched')
    .where('id', '=', `${integrationId}${PREFIX_END}${id}`)
    .execute()
}
