import type { Kysely } from 'kysely'

import type { Schema } from '../schema.ts'

/** How many Stream connections an integration keeps. */
export async function up(db: Kysely<Schema>): Promise<void> {
  await db.schema
    .alterTable('integrations')
    .addColumn('connections', 'integer', (c) => c.notNull().defaultTo(2))
    .execute()
}
