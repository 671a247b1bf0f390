import { type Kysely, sql } from 'kysely'

import type { Schema } from '../schema.ts'

const BATCH = 500

/** As stored until now. */
type Snapshot = { incident_severity: string; start_time: number; responders?: { person_id: number }[] }
const URGENCY: Record<string, number> = { Critical: 3, Warning: 2, Info: 1 }

/** Whose incidents are open, and quick ways to what one person, one group or one incident has seen. */
export async function up(db: Kysely<Schema>): Promise<void> {
  await db.schema
    .createTable('responders')
    .addColumn('integration_id', 'text', (c) => c.notNull())
    .addColumn('incident_id', 'text', (c) => c.notNull())
    .addColumn('member_id', 'bigint', (c) => c.notNull())
    .addColumn('urgency', 'integer', (c) => c.notNull())
    .addColumn('start_time', 'bigint', (c) => c.notNull())
    .addPrimaryKeyConstraint('responders_pk', ['integration_id', 'incident_id', 'member_id'])
    .execute()
  await db.schema
    .createIndex('responders_member')
    .on('responders')
    .columns(['integration_id', 'member_id', 'urgency', 'start_time', 'incident_id'])
    .execute()

  // The newest of thousands of cards in one chat are wanted first.
  await db.schema.dropIndex('placements_target').execute()
  await db.schema
    .createIndex('placements_target')
    .on('placements')
    .columns(['kind', 'target_id', 'updated_at'])
    .execute()
  await db.schema
    .createIndex('clicks_incident')
    .on('clicks')
    .columns(['integration_id', 'incident_id', 'created_at'])
    .execute()

  await fillResponders(db)
}

async function fillResponders(db: Kysely<Schema>): Promise<void> {
  let after = { integration_id: '', incident_id: '' }
  for (;;) {
    const rows = await db
      .selectFrom('incidents')
      .select(['integration_id', 'incident_id', 'snapshot'])
      .where(
        sql<boolean>`(integration_id, incident_id) > (${after.integration_id}, ${after.incident_id}) and progress != 'Closed'`,
      )
      .orderBy('integration_id')
      .orderBy('incident_id')
      .limit(BATCH)
      .execute()
    for (const row of rows) {
      const { incident_severity: severity, start_time: startTime, responders } = JSON.parse(row.snapshot) as Snapshot
      for (const { person_id: memberId } of responders ?? []) {
        await db
          .insertInto('responders')
          .values({
            integration_id: row.integration_id,
            incident_id: row.incident_id,
            member_id: memberId,
            urgency: URGENCY[severity] ?? 0,
            start_time: startTime,
          })
          .onConflict((oc) => oc.doNothing())
          .execute()
      }
    }
    const last = rows.at(-1)
    if (!last || rows.length < BATCH) return
    after = last
  }
}
