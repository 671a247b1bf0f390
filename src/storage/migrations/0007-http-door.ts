import type { Kysely } from 'kysely'

import type { Schema } from '../schema.ts'

/** The HTTP door: how events come and presses return, what came through which door when, and callbacks seen. */
export async function up(db: Kysely<Schema>): Promise<void> {
  const integrations = (name: string, type: 'text' | 'integer', value: string | number) =>
    db.schema
      .alterTable('integrations')
      .addColumn(name, type, (c) => c.notNull().defaultTo(value))
      .execute()
  await integrations('event_mode', 'text', 'stream')
  await integrations('stream_on', 'integer', 1)
  await integrations('cards_mode', 'text', 'STREAM')

  await db.schema
    .createTable('doors')
    .addColumn('integration_id', 'text', (c) => c.notNull())
    .addColumn('door', 'text', (c) => c.notNull())
    .addColumn('heard_at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('doors_pk', ['integration_id', 'door'])
    .execute()

  await db.schema
    .createTable('card_routes')
    .addColumn('integration_id', 'text', (c) => c.primaryKey())
    .addColumn('api_secret_enc', 'text', (c) => c.notNull())
    .addColumn('registered_url_hash', 'text')
    .addColumn('problem', 'text')
    .addColumn('updated_at', 'bigint', (c) => c.notNull())
    .execute()

  await db.schema
    .createTable('card_callbacks')
    .addColumn('integration_id', 'text', (c) => c.notNull())
    .addColumn('stamp', 'text', (c) => c.notNull())
    .addColumn('signature', 'text', (c) => c.notNull())
    .addColumn('body_hash', 'text', (c) => c.notNull())
    .addColumn('answer', 'text')
    .addColumn('received_at', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('card_callbacks_pk', ['integration_id', 'stamp', 'signature'])
    .execute()
  await db.schema.createIndex('card_callbacks_age').on('card_callbacks').column('received_at').execute()
}
