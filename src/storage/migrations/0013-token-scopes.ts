import type { Kysely } from 'kysely'

import type { Schema } from '../schema.ts'

/** What each token may be used for; those that were made before go on delivering, and do nothing else. */
export async function up(db: Kysely<Schema>): Promise<void> {
  await db.schema
    .alterTable('tokens')
    .addColumn('scopes', 'text', (c) => c.notNull().defaultTo('[]'))
    .execute()
  await db.updateTable('tokens').set({ scopes: '["deliver"]' }).where('kind', '=', 'api').execute()
}
