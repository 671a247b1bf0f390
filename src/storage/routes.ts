import type { Selectable } from 'kysely'

import type { Handle, RoutesTable } from './schema.ts'
import { statement } from './statement.ts'

export type Route = Selectable<RoutesTable>

/** @returns whether it is new */
export async function addRoute(trx: Handle, route: Route): Promise<boolean> {
  const done = await trx
    .insertInto('routes')
    .values(route)
    .onConflict((oc) => oc.doNothing())
    .executeTakeFirst()
  return (done.numInsertedOrUpdatedRows ?? 0n) > 0n
}

/** @returns whether there was one */
export async function removeRoute(
  trx: Handle,
  route: Pick<Route, 'integration_id' | 'channel_id' | 'open_conversation_id'>,
): Promise<boolean> {
  const done = await trx
    .deleteFrom('routes')
    .where('integration_id', '=', route.integration_id)
    .where('channel_id', '=', route.channel_id)
    .where('open_conversation_id', '=', route.open_conversation_id)
    .executeTakeFirst()
  return done.numDeletedRows > 0n
}

export async function listRoutes(db: Handle, integrationId?: string): Promise<(Route & { title: string | null })[]> {
  return db
    .selectFrom('routes')
    .leftJoin('groups', (join) =>
      join
        .onRef('groups.integration_id', '=', 'routes.integration_id')
        .onRef('groups.open_conversation_id', '=', 'routes.open_conversation_id'),
    )
    .selectAll('routes')
    .select('groups.title')
    .$if(integrationId !== undefined, (query) => query.where('routes.integration_id', '=', integrationId ?? ''))
    .orderBy('routes.channel_id')
    .orderBy('routes.created_at')
    .execute()
}

/** The groups that are told about a channel's incidents. */
export async function listRoutedGroups(db: Handle, integrationId: string, channelId: number): Promise<string[]> {
  const { rows } = await selectRouted(db, { integrationId, channelId })
  return rows.map((row) => row.open_conversation_id)
}

const selectRouted = statement((db, of: { integrationId: string; channelId: number }) =>
  db
    .selectFrom('routes')
    .select('open_conversation_id')
    .where('integration_id', '=', of.integrationId)
    .where('channel_id', '=', of.channelId)
    .orderBy('created_at')
    .orderBy('open_conversation_id'),
)
