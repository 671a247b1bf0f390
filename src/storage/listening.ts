import type { Handle } from './schema.ts'

/** When somebody last listened for the integration and could store what they heard, in this process or an earlier one. */
export async function findLastListened(db: Handle, integrationId: string): Promise<number | undefined> {
  const row = await db
    .selectFrom('last_heard')
    .select('heard_at')
    .where('integration_id', '=', integrationId)
    .executeTakeFirst()
  return row?.heard_at
}

export async function recordListening(trx: Handle, integrationId: string, nowMs: number): Promise<void> {
  await trx
    .insertInto('last_heard')
    .values({ integration_id: integrationId, heard_at: nowMs })
    .onConflict((oc) => oc.column('integration_id').doUpdateSet({ heard_at: nowMs }))
    .execute()
}
