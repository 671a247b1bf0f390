import { type RawBuilder, sql } from 'kysely'

import { standingOf } from '../domain/group.ts'
import type { Group, GroupId } from './groups.ts'
import type { Handle } from './schema.ts'

/** A group that is heard of, what changes if it is known, and what has to be true of it (`groups`) and the news (`excluded`). */
type News = { news: Group; change: GroupChange; ifHolds: RawBuilder<boolean> }

/**
 * Takes the group in as it is heard of for the first time, or changes what is known of it.
 * @returns the group as it is now; undefined when nothing was changed
 */
export async function takeIn(trx: Handle, of: News): Promise<Group | undefined> {
  return takingIn(trx, of).executeTakeFirst()
}

/** The statement of `takeIn`. */
export function takingIn(db: Handle, { news, change, ifHolds }: News) {
  return db
    .insertInto('groups')
    .values(news)
    .onConflict((oc) => oc.columns(['integration_id', 'open_conversation_id']).doUpdateSet(change).where(ifHolds))
    .returningAll()
}

type GroupChange = { [Column in keyof Group]?: Group[Column] | RawBuilder<Group[Column]> }

/** What stays known when the news does not say. */
export function newOrKnown(column: 'app_robot_code' | 'app_cool_app_code' | 'plain_robot_code' | 'chat_id') {
  return sql<string | null>`coalesce(${sql.ref(`excluded.${column}`)}, ${sql.ref(`groups.${column}`)})`
}

/** Writes down what all that is known of the group comes to. @returns whether there was a group */
export async function settleStanding(trx: Handle, row: Group | undefined): Promise<boolean> {
  if (!row) return false
  const standing = standingOf(row)
  const same =
    row.status === standing.status &&
    row.robot_code === standing.robot_code &&
    row.cool_app_code === standing.cool_app_code
  if (!same) {
    await trx
      .updateTable('groups')
      .set(standing)
      .where('integration_id', '=', row.integration_id)
      .where('open_conversation_id', '=', row.open_conversation_id)
      .execute()
  }
  return true
}

/** Of which nothing is known yet but that it was heard of. */
export function newGroup(id: GroupId, nowMs: number): Group {
  return {
    integration_id: id.integrationId,
    open_conversation_id: id.openConversationId,
    chat_id: null,
    title: null,
    status: 'unknown',
    robot_code: null,
    cool_app_code: null,
    app_status: null,
    operated_at: 0,
    app_robot_code: null,
    app_cool_app_code: null,
    robot_status: null,
    robot_at: 0,
    plain_robot_code: null,
    plain_cool_app_code: null,
    disbanded_at: null,
    titled_at: 0,
    refresh_due_at: null,
    refresh_why: null,
    refresh_failures: 0,
    asked_at: 0,
    verified_at: 0,
    note: null,
    created_at: nowMs,
    updated_at: nowMs,
  }
}
