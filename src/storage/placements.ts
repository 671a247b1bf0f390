import type { Insertable, Selectable } from 'kysely'

import type { Space } from '../domain/card.ts'
import { byValue, inChunks } from './chunks.ts'
import type { Handle, PlacementsTable } from './schema.ts'
import { statement } from './statement.ts'

export type Placement = Selectable<PlacementsTable>

const LIVE = ['waiting', 'sending', 'delivered'] as const

export function isLive(placement: Placement): boolean {
  return LIVE.some((status) => status === placement.status)
}

export function spaceOf({ kind, target_id: targetId }: Placement): Space {
  return { kind, targetId }
}

export async function listPlacements(db: Handle, outTrackIds: string[]): Promise<Placement[]> {
  const found = await inChunks(outTrackIds, async (chunk) => (await selectPlacements(db, { outTrackIds: chunk })).rows)
  return found.sort((a, b) => byValue(a.kind, b.kind) || byValue(a.target_id, b.target_id))
}

const selectPlacements = statement((db, { outTrackIds }: { outTrackIds: string[] }) =>
  db.selectFrom('placements').selectAll().where('out_track_id', 'in', outTrackIds).orderBy('kind').orderBy('target_id'),
)

/** Spaces the card is to be delivered to; one that failed before gets another try. */
export async function putPlacements(trx: Handle, outTrackId: string, spaces: Space[], nowMs: number): Promise<void> {
  for (const space of spaces) {
    await insertPlacement(trx, {
      out_track_id: outTrackId,
      kind: space.kind,
      target_id: space.targetId,
      status: 'waiting',
      share: 0,
      unknown_outcomes: 0,
      not_before: 0,
      carrier_id: null,
      reason: null,
      updated_at: nowMs,
    })
  }
}

const insertPlacement = statement((db, row: Insertable<PlacementsTable>) =>
  db
    .insertInto('placements')
    .values(row)
    .onConflict((oc) =>
      oc
        .columns(['out_track_id', 'kind', 'target_id'])
        .doUpdateSet({
          status: 'waiting',
          share: 1,
          unknown_outcomes: 0,
          not_before: 0,
          reason: null,
          updated_at: row.updated_at,
        })
        .where('placements.status', 'in', ['failed', 'cancelled']),
    ),
)

export async function changePlacements(
  trx: Handle,
  outTrackId: string,
  spaces: Space[],
  change: PlacementChange & { unknownOutcome?: true },
  nowMs: number,
): Promise<void> {
  const { unknownOutcome = false, ...columns } = change
  for (const space of spaces) {
    const set = { ...columns, updated_at: nowMs }
    await (unknownOutcome ? setPlacementInDoubt : setPlacement)(trx, { outTrackId, space, set })
  }
}

type PlacementChange = Partial<Pick<PlacementsTable, 'status' | 'share' | 'not_before' | 'carrier_id' | 'reason'>>
type Change = { outTrackId: string; space: Space; set: PlacementChange & { updated_at: number } }

const updatePlacement = (db: Handle, { outTrackId, space, set }: Change) =>
  db
    .updateTable('placements')
    .set(set)
    .where('out_track_id', '=', outTrackId)
    .where('kind', '=', space.kind)
    .where('target_id', '=', space.targetId)

const setPlacement = statement(updatePlacement)
const setPlacementInDoubt = statement((db, change: Change) =>
  updatePlacement(db, change).set((eb) => ({ unknown_outcomes: eb('unknown_outcomes', '+', 1) })),
)

/** How many cards the group got (or is getting) since then. */
export async function countPlacedSince(db: Handle, openConversationId: string, sinceMs: number): Promise<number> {
  const row = await db
    .selectFrom('placements')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('kind', '=', 'group')
    .where('target_id', '=', openConversationId)
    .where('status', 'in', ['sending', 'delivered'])
    .where('updated_at', '>', sinceMs)
    .executeTakeFirstOrThrow()
  return row.count
}
