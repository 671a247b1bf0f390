import { type Kysely, sql } from 'kysely'

import type { Schema } from '../schema.ts'

/** Lanes and turns, replacements, routes, metering, results. */
export async function up(db: Kysely<Schema>): Promise<void> {
  for (const column of ['deliver_lane', 'update_lane'] as const) {
    await db.schema
      .alterTable('cards')
      .addColumn(column, 'integer', (c) => c.notNull().defaultTo(1))
      .execute()
  }
  for (const column of ['deliver_turn', 'update_turn'] as const) {
    await db.schema
      .alterTable('cards')
      .addColumn(column, 'bigint', (c) => c.notNull().defaultTo(0))
      .execute()
  }
  await db.schema
    .alterTable('cards')
    .addColumn('turn_key', 'text', (c) => c.notNull().defaultTo(''))
    .execute()
  await db.schema
    .alterTable('cards')
    .addColumn('plain', 'integer', (c) => c.notNull().defaultTo(0))
    .execute()
  await db.schema.dropIndex('cards_deliver_due').execute()
  await db.schema.dropIndex('cards_update_due').execute()
  await db.schema
    .createIndex('cards_deliver_turn')
    .on('cards')
    .columns(['integration_id', 'deliver_lane', 'deliver_turn', 'deliver_due_at'])
    .where(sql.ref('deliver_due_at'), 'is not', null)
    .execute()
  await db.schema
    .createIndex('cards_update_turn')
    .on('cards')
    .columns(['integration_id', 'update_lane', 'update_turn', 'update_due_at'])
    .where(sql.ref('update_due_at'), 'is not', null)
    .execute()
  await db.schema.createIndex('cards_incident').on('cards').columns(['integration_id', 'incident_id']).execute()

  await db.schema.alterTable('placements').renameColumn('alone', 'share').execute()
  await db.schema.createIndex('placements_target').on('placements').columns(['kind', 'target_id']).execute()

  await db.schema
    .createTable('turns')
    .addColumn('integration_id', 'text', (c) => c.notNull())
    .addColumn('api', 'text', (c) => c.notNull())
    .addColumn('turn_key', 'text', (c) => c.notNull())
    .addColumn('turn', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('turns_pk', ['integration_id', 'api', 'turn_key'])
    .execute()

  await db.schema
    .createTable('routes')
    .addColumn('integration_id', 'text', (c) => c.notNull())
    .addColumn('channel_id', 'bigint', (c) => c.notNull())
    .addColumn('open_conversation_id', 'text', (c) => c.notNull())
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('routes_pk', ['integration_id', 'channel_id', 'open_conversation_id'])
    .execute()

  await db.schema
    .createTable('api_usage')
    .addColumn('corp_id', 'text', (c) => c.notNull())
    .addColumn('month', 'text', (c) => c.notNull())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('api', 'text', (c) => c.notNull())
    .addColumn('count', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('api_usage_pk', ['corp_id', 'month', 'kind', 'api'])
    .execute()

  await db.schema
    .createTable('results')
    .addColumn('integration_id', 'text', (c) => c.notNull())
    .addColumn('event_id', 'text', (c) => c.notNull())
    .addColumn('incident_id', 'text', (c) => c.notNull())
    .addColumn('context', 'text', (c) => c.notNull())
    .addColumn('seq', 'integer', (c) => c.notNull())
    .addColumn('reported', 'text')
    .addColumn('due_at', 'bigint')
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('results_pk', ['integration_id', 'event_id'])
    .execute()
  await db.schema
    .createIndex('results_due')
    .on('results')
    .column('due_at')
    .where(sql.ref('due_at'), 'is not', null)
    .execute()

  await db.schema
    .createTable('missed')
    .addColumn('integration_id', 'text', (c) => c.notNull())
    .addColumn('incident_id', 'text', (c) => c.notNull())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('target_id', 'text', (c) => c.notNull())
    .addColumn('member_id', 'bigint')
    .addColumn('event_id', 'text', (c) => c.notNull())
    .addColumn('record_key', 'text', (c) => c.notNull())
    .addColumn('notification_key', 'text', (c) => c.notNull())
    .addColumn('generation', 'integer', (c) => c.notNull())
    .addColumn('prefix', 'text', (c) => c.notNull())
    .addColumn('audience', 'text', (c) => c.notNull())
    .addColumn('expires_at', 'bigint')
    .addColumn('created_at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('missed_pk', ['integration_id', 'incident_id', 'kind', 'target_id'])
    .execute()

  await db.schema
    .createTable('notices')
    .addColumn('id', 'text', (c) => c.primaryKey())
    .addColumn('integration_id', 'text', (c) => c.notNull())
    .addColumn('incident_id', 'text', (c) => c.notNull())
    .addColumn('open_conversation_id', 'text', (c) => c.notNull())
    .addColumn('text', 'text', (c) => c.notNull())
    .addColumn('due_at', 'bigint', (c) => c.notNull())
    .addColumn('expires_at', 'bigint', (c) => c.notNull())
    .execute()
  await db.schema.createIndex('notices_due').on('notices').columns(['integration_id', 'due_at']).execute()

  await db.schema.alterTable('integrations').addColumn('flashduty_key_enc', 'text').execute()
  await db.schema.alterTable('integrations').addColumn('template_id', 'text').execute()
  await db.schema.alterTable('integrations').addColumn('template_refused_at', 'bigint').execute()
  for (const [column, usual] of [
    ['dm_from_webhook', 1],
    ['monthly_calls', 5_000],
    ['monthly_pushes', 3_000],
    ['group_per_minute', 0],
  ] as const) {
    await db.schema
      .alterTable('integrations')
      .addColumn(column, 'integer', (c) => c.notNull().defaultTo(usual))
      .execute()
  }

  await db.schema.alterTable('records').addColumn('member_id', 'bigint').execute()
  await db.schema.createIndex('records_target').on('records').columns(['target_id', 'created_at']).execute()
  await db.schema.createIndex('records_member').on('records').columns(['member_id', 'created_at']).execute()
}
