import type { Selectable } from 'kysely'

import type { Handle, NoticesTable } from './schema.ts'

export type Notice = Selectable<NoticesTable>

/** The same notice twice is one. */
export async function addNotice(trx: Handle, notice: Notice): Promise<void> {
  await trx
    .insertInto('notices')
    .values(notice)
    .onConflict((oc) => oc.doNothing())
    .execute()
}

/** The notice that is due longest; put off, so that a process that dies with it does not take it along. */
export async function claimNotice(
  trx: Handle,
  integrationId: string,
  nowMs: number,
  untilMs: number,
): Promise<Notice | undefined> {
  return trx
    .updateTable('notices')
    .set({ due_at: untilMs })
    .where('id', '=', (eb) =>
      eb
        .selectFrom('notices')
        .select('id')
        .where('integration_id', '=', integrationId)
        .where('due_at', '<=', nowMs)
        .orderBy('due_at')
        .limit(1),
    )
    .returningAll()
    .executeTakeFirst()
}

/** Sent, or no longer worth sending. It stays, so that the same event does not send it anew. */
export async function closeNotice(trx: Handle, id: string): Promise<void> {
  await trx.updateTable('notices').set({ due_at: Number.MAX_SAFE_INTEGER }).where('id', '=', id).execute()
}

export async function postponeNotice(trx: Handle, id: string, dueAt: number): Promise<void> {
  await trx.updateTable('notices').set({ due_at: dueAt }).where('id', '=', id).execute()
}

export async function listDueNotices(db: Handle, untilMs: number): Promise<{ integrationId: string; dueAt: number }[]> {
  const rows = await db
    .selectFrom('notices')
    .select(['integration_id', 'due_at'])
    // By integration, because so the index goes: most notices are closed, and this is asked every second.
    .where('integration_id', 'in', (eb) => eb.selectFrom('integrations').select('id'))
    .where('due_at', '<=', untilMs)
    .execute()
  return rows.map((row) => ({ integrationId: row.integration_id, dueAt: row.due_at }))
}

export async function trimNotices(trx: Handle, beforeMs: number): Promise<void> {
  await trx.deleteFrom('notices').where('expires_at', '<', beforeMs).execute()
}
