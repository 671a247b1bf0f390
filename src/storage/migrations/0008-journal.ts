import { type Kysely, sql } from 'kysely'

import type { Schema } from '../schema.ts'

/** What DingTalk sent, for some days; and what keeps groups, links and apps true. */
export async function up(db: Kysely<Schema>): Promise<void> {
  await db.schema
    .createTable('journal')
    // Begins with the time it came in, so that the key alone gives the order and what is oldest.
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('integration_id', 'text', (c) => c.notNull())
    .addColumn('received_at', 'bigint', (c) => c.notNull())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('type', 'text', (c) => c.notNull())
    .addColumn('business_id', 'text', (c) => c.notNull())
    .addColumn('group_id', 'text')
    .addColumn('user_id', 'text')
    .addColumn('size', 'integer', (c) => c.notNull())
    .addColumn('value', 'text', (c) => c.notNull())
    .execute()
  // Without it, adding up the sizes would read every value.
  await db.schema.createIndex('journal_size').on('journal').column('size').execute()

  for (const column of ['app_status', 'app_robot_code', 'app_cool_app_code', 'robot_status'] as const) {
    await db.schema.alterTable('groups').addColumn(column, 'text').execute()
  }
  for (const column of ['plain_robot_code', 'plain_cool_app_code', 'refresh_why', 'note'] as const) {
    await db.schema.alterTable('groups').addColumn(column, 'text').execute()
  }
  await db.schema.alterTable('groups').addColumn('disbanded_at', 'bigint').execute()
  for (const column of ['robot_at', 'asked_at', 'verified_at'] as const) {
    await db.schema
      .alterTable('groups')
      .addColumn(column, 'bigint', (c) => c.notNull().defaultTo(0))
      .execute()
  }
  await db
    .updateTable('groups')
    .set({
      app_status: sql`case when status in ('installed', 'uninstalled') then status end`,
      app_robot_code: sql`robot_code`,
      app_cool_app_code: sql`cool_app_code`,
      disbanded_at: sql`case when status = 'disbanded' then updated_at end`,
      refresh_why: sql`case when refresh_due_at is not null then 'news' end`,
    })
    .execute()

  for (const column of ['suspended_at', 'check_due_at'] as const) {
    await db.schema.alterTable('account_links').addColumn(column, 'bigint').execute()
  }

  await db.schema
    .createTable('app_notes')
    .addColumn('integration_id', 'text', (c) => c.notNull())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('active', 'integer', (c) => c.notNull())
    .addColumn('changed_at', 'bigint', (c) => c.notNull())
    .addColumn('detail', 'text', (c) => c.notNull())
    .addPrimaryKeyConstraint('app_notes_pk', ['integration_id', 'kind'])
    .execute()

  await db.schema
    .createTable('last_heard')
    .addColumn('integration_id', 'text', (c) => c.primaryKey())
    .addColumn('heard_at', 'bigint', (c) => c.notNull())
    .execute()
}
