import type { Kysely } from 'kysely'

import type { Schema } from '../schema.ts'

/** Deliveries whose outcome is unknown are repeated at growing pauses, each in its own time. */
export async function up(db: Kysely<Schema>): Promise<void> {
  await db.schema
    .alterTable('placements')
    .addColumn('not_before', 'integer', (c) => c.notNull().defaultTo(0))
    .execute()
}
