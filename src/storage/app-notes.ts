import type { Selectable } from 'kysely'

import type { AppNotesTable, Handle } from './schema.ts'

export type AppNote = Selectable<AppNotesTable>

/** @returns whether it was taken in: an older change than the newest known changes nothing */
export async function noteApp(
  trx: Handle,
  note: { integrationId: string; kind: AppNote['kind']; active: boolean; changedAt: number; detail: string },
): Promise<boolean> {
  const row = { active: note.active ? 1 : 0, changed_at: note.changedAt, detail: note.detail }
  const done = await trx
    .insertInto('app_notes')
    .values({ ...row, integration_id: note.integrationId, kind: note.kind })
    .onConflict((oc) =>
      oc
        .columns(['integration_id', 'kind'])
        .doUpdateSet(row)
        .whereRef('excluded.changed_at', '>=', 'app_notes.changed_at'),
    )
    .executeTakeFirst()
  return (done.numInsertedOrUpdatedRows ?? 0n) > 0n
}

/** DingTalk has answered the app since: it cannot be switched off any more. */
export async function clearSwitchedOff(trx: Handle, integrationId: string, answeredAt: number): Promise<void> {
  await trx
    .updateTable('app_notes')
    .set({ active: 0 })
    .where('integration_id', '=', integrationId)
    .where('kind', 'in', ['switched-off', 'status-unknown'])
    .where('active', '=', 1)
    .where('changed_at', '<', answeredAt)
    .execute()
}

export async function listAppNotes(db: Handle): Promise<AppNote[]> {
  return db.selectFrom('app_notes').selectAll().where('active', '=', 1).orderBy('changed_at').execute()
}
