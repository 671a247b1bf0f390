import { sql } from 'kysely'

import type { Space } from '../domain/card.ts'
import type { Handle } from './schema.ts'
import { statement } from './statement.ts'

/**
 * Start-time fair queueing. Every group (or person) takes the turn after its own last one, but none earlier than where
 * the queue stands now; cards are worked off by turn. So a group with one card is served among the first of another
 * group's thousands, and nobody saves up turns while quiet.
 */

export type TurnApi = 'create' | 'update'

/** What comes first whoever waits: cards of presses and critical creates. */
export const URGENT = 0
export const USUAL = 1

const QUEUE = ''

/** With whom a card shares its turns: the first of its groups, else the first person. */
export function turnKeyOf(spaces: Space[]): string {
  const first = spaces.find(({ kind }) => kind === 'group') ?? spaces[0]
  return first ? `${first.kind}:${first.targetId}` : ''
}

/** The next turn of this group or person. */
export async function takeTurn(trx: Handle, integrationId: string, api: TurnApi, turnKey: string): Promise<number> {
  const { rows } = await putNextTurn(trx, { integrationId, api, turnKey: turnKey || '-' })
  if (!rows[0]) throw new Error('a turn was not written down')
  return rows[0].turn
}

type TurnId = { integrationId: string; api: TurnApi; turnKey: string }

const putNextTurn = statement((db, { integrationId, api, turnKey }: TurnId) => {
  const stand = sql<number>`coalesce((select turn from turns as stand
    where stand.integration_id = ${integrationId} and stand.api = ${api} and stand.turn_key = ${QUEUE}), 0)`
  return db
    .insertInto('turns')
    .values({ integration_id: integrationId, api, turn_key: turnKey, turn: stand })
    .onConflict((oc) =>
      oc.columns(['integration_id', 'api', 'turn_key']).doUpdateSet({
        turn: sql<number>`case when turns.turn + 1 > ${stand} then turns.turn + 1 else ${stand} end`,
      }),
    )
    .returning('turn')
})

/** A card of this turn is being worked on: whoever comes now comes no earlier. */
export async function standAt(trx: Handle, integrationId: string, api: TurnApi, turn: number): Promise<void> {
  await putStand(trx, { integrationId, api, turn })
}

const putStand = statement((db, { integrationId, api, turn }: Omit<TurnId, 'turnKey'> & { turn: number }) =>
  db
    .insertInto('turns')
    .values({ integration_id: integrationId, api, turn_key: QUEUE, turn })
    .onConflict((oc) =>
      oc.columns(['integration_id', 'api', 'turn_key']).doUpdateSet({ turn }).where('turns.turn', '<', turn),
    ),
)

/** Groups and persons whose last turn lies behind: their next one would be where the queue stands anyway. */
export async function trimTurns(trx: Handle): Promise<void> {
  await trx
    .deleteFrom('turns')
    .where('turn_key', '!=', QUEUE)
    .where(
      sql<boolean>`turn < (select stand.turn from turns as stand where stand.integration_id = turns.integration_id
        and stand.api = turns.api and stand.turn_key = ${QUEUE})`,
    )
    .execute()
}
