import { inChunks } from './chunks.ts'
import type { Handle } from './schema.ts'
import { statement } from './statement.ts'
import { takeTurn, type TurnApi } from './turns.ts'

/** Those of the cards that this API has nothing to do for: they take a turn of their own before they become due. */
export async function listIdle(trx: Handle, api: TurnApi, outTrackIds: string[]) {
  const select = api === 'create' ? selectNotDelivering : selectNotUpdating
  return inChunks(outTrackIds, async (chunk) => (await select(trx, { outTrackIds: chunk })).rows)
}

const selectIdle = (db: Handle, { outTrackIds }: { outTrackIds: string[] }) =>
  db.selectFrom('cards').select(['out_track_id', 'integration_id', 'turn_key']).where('out_track_id', 'in', outTrackIds)

const selectNotDelivering = statement((db, of: { outTrackIds: string[] }) =>
  selectIdle(db, of).where('deliver_due_at', 'is', null),
)

const selectNotUpdating = statement((db, of: { outTrackIds: string[] }) =>
  selectIdle(db, of).where('update_due_at', 'is', null),
)

/** For cards that are about to become due an update. */
export async function takeUpdateTurns(trx: Handle, outTrackIds: string[]): Promise<void> {
  for (const card of await listIdle(trx, 'update', outTrackIds)) {
    const turn = await takeTurn(trx, card.integration_id, 'update', card.turn_key)
    await setUpdateTurn(trx, { outTrackId: card.out_track_id, turn })
  }
}

const setUpdateTurn = statement((db, { outTrackId, turn }: { outTrackId: string; turn: number }) =>
  db.updateTable('cards').set({ update_turn: turn }).where('out_track_id', '=', outTrackId),
)
