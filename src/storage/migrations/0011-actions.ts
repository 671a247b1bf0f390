import type { Kysely } from 'kysely'

import type { Schema } from '../schema.ts'

/** Acts beyond those of a card's own buttons, the ways to carry them out, and what was pressed before one was linked. */
export async function up(db: Kysely<Schema>): Promise<void> {
  await db.schema
    .alterTable('integrations')
    .addColumn('acting', 'text', (c) => c.notNull().defaultTo('member-key'))
    .execute()
  await db.schema.alterTable('integrations').addColumn('owner_key_enc', 'text').execute()

  for (const [column, type] of [
    ['custom_id', 'bigint'],
    ['comment', 'text'],
    ['detail', 'text'],
    ['sent_at', 'bigint'],
  ] as const) {
    await db.schema.alterTable('clicks').addColumn(column, type).execute()
  }
  await db.schema
    .alterTable('clicks')
    .addColumn('source', 'text', (c) => c.notNull().defaultTo('card'))
    .execute()
  await db.schema
    .alterTable('clicks')
    .addColumn('told_working', 'integer', (c) => c.notNull().defaultTo(0))
    .execute()

  for (const column of ['made', 'remakes'] as const) {
    await db.schema
      .alterTable('member_keys')
      .addColumn(column, 'integer', (c) => c.notNull().defaultTo(0))
      .execute()
  }
  await db.schema
    .createTable('key_makings')
    .addColumn('integration_id', 'text', (c) => c.notNull())
    .addColumn('member_id', 'bigint', (c) => c.notNull())
    .addColumn('lease_owner', 'text', (c) => c.notNull())
    .addColumn('lease_until', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('key_makings_pk', ['integration_id', 'member_id'])
    .execute()

  await db.schema
    .createTable('wanted_acts')
    .addColumn('token', 'text', (c) => c.primaryKey())
    .addColumn('integration_id', 'text', (c) => c.notNull())
    .addColumn('dingtalk_user_id', 'text', (c) => c.notNull())
    .addColumn('out_track_id', 'text', (c) => c.notNull())
    .addColumn('incident_id', 'text', (c) => c.notNull())
    .addColumn('action', 'text', (c) => c.notNull())
    .addColumn('minutes', 'integer')
    .addColumn('custom_id', 'bigint')
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addColumn('expires_at', 'bigint', (c) => c.notNull())
    .addUniqueConstraint('wanted_acts_once', ['integration_id', 'dingtalk_user_id', 'out_track_id'])
    .execute()
  await db.schema.createIndex('wanted_acts_expiry').on('wanted_acts').column('expires_at').execute()

  await db.schema.alterTable('notices').addColumn('dingtalk_user_id', 'text').execute()
  await db.schema
    .alterTable('incidents')
    .addColumn('gone', 'integer', (c) => c.notNull().defaultTo(0))
    .execute()
}
