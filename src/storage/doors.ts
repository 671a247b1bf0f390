import type { Handle } from './schema.ts'

/** What comes in, and through which of the two doors. */
export type Door = `${'stream' | 'http'}-${'event' | 'press' | 'message'}`

/** The newest time counts, whichever process heard it. */
export async function noteHeard(trx: Handle, integrationId: string, heard: Map<Door, number>): Promise<void> {
  for (const [door, heardAt] of heard) {
    await trx
      .insertInto('doors')
      .values({ integration_id: integrationId, door, heard_at: heardAt })
      .onConflict((oc) =>
        oc
          .columns(['integration_id', 'door'])
          .doUpdateSet({ heard_at: heardAt })
          .whereRef('excluded.heard_at', '>', 'doors.heard_at'),
      )
      .execute()
  }
}

export async function listHeard(db: Handle, integrationId: string): Promise<Map<Door, number>> {
  const rows = await db.selectFrom('doors').selectAll().where('integration_id', '=', integrationId).execute()
  return new Map(rows.map((row) => [row.door as Door, row.heard_at]))
}
