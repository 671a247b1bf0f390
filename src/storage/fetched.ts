import { newId } from '../domain/ids.ts'
import { enterInbox } from './inbox.ts'
import type { Handle } from './schema.ts'

/** Events out of DingTalk's list of failed pushes, kept in the inbox until they are taken in. */
export type Fetched = { id: string; payload: string }

/**
 * Ids keep the order of the list. What comes twice is known when it is taken in.
 * @param page grows with each page that this process has fetched
 */
export async function keepFetched(
  trx: Handle,
  integrationId: string,
  { page, payloads }: { page: number; payloads: string[] },
  nowMs: number,
): Promise<void> {
  const order = (number: number, width: number): string => String(number).padStart(width, '0')
  const stamp = `${order(nowMs, 15)}-${order(page, 6)}-${newId()}`
  for (const [index, payload] of payloads.entries()) {
    const id = `${integrationId}:${stamp}-${order(index, 4)}`
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
