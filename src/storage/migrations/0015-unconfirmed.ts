import type { Kysely } from 'kysely'

import type { Schema } from '../schema.ts'

/** Deliveries of unknown outcome are repeated at growing pauses, each in its own time; notifications know when they were. */
export async function up(db: Kysely<Schema>): Promise<void> {
  await db.schema
    .alterTable('placements')
    .addColumn('not_before', 'integer', (c) => c.notNull().defaultTo(0))
    .execute()
  // Notifications of before count as older than any that come.
  await db.schema
    .alterTable('notifications')
    .addColumn('event_time', 'bigint', (c) => c.notNull().defaultTo(0))
    .execute()
}
