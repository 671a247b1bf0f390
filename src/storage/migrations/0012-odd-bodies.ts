import type { Kysely } from 'kysely'

import type { Schema } from '../schema.ts'

/** Several bodies under one event id, times that are not believed, cards that cost their process its life, and groups that wait for a severity. */
export async function up(db: Kysely<Schema>): Promise<void> {
  for (const [column, type] of [
    ['event_id', 'text'],
    ['body_hash', 'text'],
    ['content_hash', 'text'],
    ['version_updated_at', 'bigint'],
    ['version_event_time', 'bigint'],
  ] as const) {
    await db.schema.alterTable('inbox').addColumn(column, type).execute()
  }
  await db
    .updateTable('inbox')
    .set((eb) => ({ event_id: eb.ref('id') }))
    .where('source', 'in', ['deliver', 'posted'])
    .where('id', 'not like', 'job:%')
    .execute()
  await db.schema
    .createIndex('inbox_by_event')
    .on('inbox')
    .columns(['event_id', 'source'])
    .where('event_id', 'is not', null)
    .execute()

  await db.schema
    .alterTable('cards')
    .addColumn('lost_leases', 'integer', (c) => c.notNull().defaultTo(0))
    .execute()

  await db.schema.alterTable('missed').addColumn('severities', 'text').execute()
  await db.schema.alterTable('records').addColumn('ignored', 'text').execute()
  await db.schema.alterTable('incidents').addColumn('version_stored_at', 'bigint').execute()
}
