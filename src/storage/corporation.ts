import { type RawBuilder, sql } from 'kysely'

/*
 * An integration can be given to another corporation, whose people have the same ids as the former one's and are others.
 * Incidents, presses and records carry the corporation they are of, so that nobody is shown what was another one's.
 */

type Owned = 'incidents' | 'clicks' | 'records'

/** Of the rows of that integration, those of the corporation that it is of now. */
export function ofItsCorporation(table: Owned, integrationId: string): RawBuilder<boolean> {
  return sql<boolean>`${sql.ref(`${table}.corp_id`)} is not distinct from ${corporationOf(integrationId)}`
}

/** The corporation that an integration is of when a row is written. */
export function corporationOf(integrationId: string | null): RawBuilder<string | null> {
  return sql<string | null>`(select corp_id from integrations where id = ${integrationId})`
}
