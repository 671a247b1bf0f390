import { cardCallbackOf } from '../domain/integration.ts'
import type { Handle } from './schema.ts'

/** How presses of an integration's new cards return. */
export async function findCardCallback(db: Handle, id: string): Promise<'STREAM' | 'HTTP' | undefined> {
  const row = await db.selectFrom('integrations').select('stream_on').where('id', '=', id).executeTakeFirst()
  return row && cardCallbackOf({ streamOn: row.stream_on === 1 })
}

/** Which kind of card the open incidents of an integration were last brought to. */
export async function findCardsMode(trx: Handle, id: string): Promise<'STREAM' | 'HTTP' | undefined> {
  const row = await trx.selectFrom('integrations').select('cards_mode').where('id', '=', id).executeTakeFirst()
  return row?.cards_mode
}

export async function noteCardsMode(trx: Handle, id: string, mode: 'STREAM' | 'HTTP'): Promise<void> {
  await trx.updateTable('integrations').set({ cards_mode: mode }).where('id', '=', id).execute()
}
