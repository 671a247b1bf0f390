import { type Kysely, sql } from 'kysely'

import type { Schema } from '../schema.ts'

/** Indexes without which thousands of records, incidents or posts are read where a few are meant. */
export async function up(db: Kysely<Schema>): Promise<void> {
  // Settling goes by card and target; by target alone it would read all that a group was ever told.
  await db.schema.dropIndex('records_open').execute()
  await db.schema
    .createIndex('records_card')
    .on('records')
    .columns(['out_track_id', 'kind', 'target_id', 'status'])
    .where(sql.ref('out_track_id'), 'is not', null)
    .execute()
  await db.schema
    .createIndex('incidents_snoozed')
    .on('incidents')
    .column('snoozed_until')
    .where(sql.ref('snoozed_until'), 'is not', null)
    .execute()
  // A condition on the source, which queries give as a parameter, kept this one from being used.
  await db.schema.dropIndex('inbox_posted').execute()
  await db.schema
    .createIndex('inbox_kept')
    .on('inbox')
    .columns(['source', 'received_at', 'id'])
    .where(sql.ref('payload'), 'is not', null)
    .execute()
}
