import type { Kysely } from 'kysely'

import type { Schema } from '../schema.ts'

/** Since when webhooks may have been missed, and when open cards are compared with Flashduty next. */
export async function up(db: Kysely<Schema>): Promise<void> {
  await db.schema
    .createTable('webhook_watch')
    .addColumn('integration_id', 'text', (c) => c.primaryKey())
    .addColumn('able_at', 'bigint', (c) => c.notNull())
    .addColumn('gap_from', 'bigint')
    .addColumn('gap_until', 'bigint')
    .addColumn('compare_at', 'bigint')
    .execute()
}
