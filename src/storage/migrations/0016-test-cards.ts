import type { Kysely } from 'kysely'

import type { Schema } from '../schema.ts'

/** The last test card of each group or person that got one. */
export async function up(db: Kysely<Schema>): Promise<void> {
  await db.schema
    .createTable('card_tests')
    .addColumn('incident_id', 'text', (c) => c.primaryKey())
    .addColumn('integration_id', 'text', (c) => c.notNull())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('target_id', 'text', (c) => c.notNull())
    .addColumn('target_name', 'text')
    .addColumn('started_at', 'bigint', (c) => c.notNull())
    .addColumn('ends_at', 'bigint', (c) => c.notNull())
    .addColumn('ended_at', 'bigint')
    .addColumn('pressed_at', 'bigint')
    .addColumn('pressed_by', 'text')
    .addColumn('door', 'text')
    .addColumn('manner', 'text')
    .addColumn('answered_at', 'bigint')
    .addColumn('answer_written', 'integer')
    .addColumn('result', 'text')
    .execute()
  await db.schema
    .createIndex('card_tests_target')
    .unique()
    .on('card_tests')
    .columns(['integration_id', 'kind', 'target_id'])
    .execute()
}
