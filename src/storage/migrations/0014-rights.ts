import { type Kysely, sql } from 'kysely'

import type { Schema } from '../schema.ts'

/** What a member was called when they pressed, which a later link does not change, and whose corporation's what is. */
export async function up(db: Kysely<Schema>): Promise<void> {
  await db.schema.alterTable('clicks').addColumn('member_name', 'text').execute()
  // Their records were given the name at that time.
  await db
    .updateTable('clicks')
    .set((eb) => ({
      member_name: eb
        .selectFrom('records')
        .select('records.target_name')
        .where('records.record_key', '=', sql<string>`'click:' || clicks.id`),
    }))
    .execute()
  await db
    .updateTable('records')
    .set((eb) => ({
      member_id: eb
        .selectFrom('clicks')
        .select('clicks.member_id')
        .where('clicks.id', '=', sql<string>`substr(records.record_key, 7)`),
    }))
    .where('kind', '=', 'action')
    .where('record_key', 'like', 'click:%')
    .execute()

  for (const table of ['incidents', 'clicks', 'records'] as const) {
    await db.schema.alterTable(table).addColumn('corp_id', 'text').execute()
    const corporation = sql<
      string | null
    >`(select corp_id from integrations where id = ${sql.ref(`${table}.integration_id`)})`
    await db.updateTable(table).set({ corp_id: corporation }).execute()
  }
}
