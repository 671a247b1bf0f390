import type { Kysely } from 'kysely'

import type { Schema } from '../schema.ts'

/** What a card shows beside the snapshot, and whom it mentions. Incidents and cards from before have none of it. */
export async function up(db: Kysely<Schema>): Promise<void> {
  for (const column of ['rendered', 'content_key', 'images', 'silence_url']) {
    await db.schema.alterTable('incidents').addColumn(column, 'text').execute()
  }
  for (const column of ['flapping', 'in_storm']) {
    await db.schema.alterTable('incidents').addColumn(column, 'integer').execute()
  }
  await db.schema.alterTable('cards').addColumn('mentions', 'text').execute()
}
