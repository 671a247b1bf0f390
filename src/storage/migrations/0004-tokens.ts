import { type Kysely, sql } from 'kysely'

import type { Schema } from '../schema.ts'

/** Tokens of the API and the console, and a quick way to the posted deliveries that still wait. */
export async function up(db: Kysely<Schema>): Promise<void> {
  await db.schema
    .createTable('tokens')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('token_hash', 'text', (c) => c.notNull().unique())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('revoked_at', 'bigint')
    .execute()
  await db.schema
    .createIndex('inbox_posted')
    .on('inbox')
    .columns(['received_at', 'id'])
    .where(sql<boolean>`source = 'posted' and payload is not null`)
    .execute()
}
