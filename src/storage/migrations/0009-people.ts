import type { Kysely } from 'kysely'

import type { Schema } from '../schema.ts'

/** Who is logged in on the pages, who was ever seen there, and which browser logins have been used up. */
export async function up(db: Kysely<Schema>): Promise<void> {
  await db.schema
    .createTable('sessions')
    .addColumn('id_hash', 'text', (c) => c.primaryKey())
    .addColumn('integration_id', 'text', (c) => c.notNull())
    .addColumn('dingtalk_user_id', 'text', (c) => c.notNull())
    .addColumn('union_id', 'text')
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('expires_at', 'bigint', (c) => c.notNull())
    .execute()
  await db.schema
    .createIndex('sessions_person')
    .on('sessions')
    .columns(['integration_id', 'dingtalk_user_id'])
    .execute()
  await db.schema.createIndex('sessions_expiry').on('sessions').column('expires_at').execute()

  await db.schema
    .createTable('dingtalk_users')
    .addColumn('integration_id', 'text', (c) => c.notNull())
    .addColumn('dingtalk_user_id', 'text', (c) => c.notNull())
    .addColumn('union_id', 'text')
    .addColumn('name', 'text', (c) => c.notNull())
    .addColumn('seen_at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('dingtalk_users_pk', ['integration_id', 'dingtalk_user_id'])
    .execute()

  await db.schema
    .createTable('used_login_states')
    .addColumn('state_hash', 'text', (c) => c.primaryKey())
    .addColumn('used_at', 'bigint', (c) => c.notNull())
    .execute()
}
