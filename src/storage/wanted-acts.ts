import type { Selectable } from 'kysely'

import { type Act, ACTIONS } from '../domain/button.ts'
import type { Handle, WantedActsTable } from './schema.ts'

/** What somebody pressed on a card before they were linked. */
export type WantedAct = Act & {
  token: string
  outTrackId: string
  incidentId: string
  /** Epoch ms. */
  expiresAt: number
}

/** The newest press on a card takes the place of an earlier one of the same person. */
export async function putWantedAct(
  trx: Handle,
  wanted: WantedAct & { integrationId: string; userId: string },
  nowMs: number,
): Promise<void> {
  const row = {
    token: wanted.token,
    incident_id: wanted.incidentId,
    action: wanted.action,
    minutes: wanted.minutes ?? null,
    custom_id: wanted.customId ?? null,
    created_at: nowMs,
    expires_at: wanted.expiresAt,
  }
  await trx
    .insertInto('wanted_acts')
    .values({
      ...row,
      integration_id: wanted.integrationId,
      dingtalk_user_id: wanted.userId,
      out_track_id: wanted.outTrackId,
    })
    .onConflict((oc) => oc.columns(['integration_id', 'dingtalk_user_id', 'out_track_id']).doUpdateSet(row))
    .execute()
}

/** Of this person and nobody else, newest first. */
export async function listWantedActs(
  db: Handle,
  integrationId: string,
  userId: string,
  nowMs: number,
): Promise<WantedAct[]> {
  const rows = await db
    .selectFrom('wanted_acts')
    .selectAll()
    .where('integration_id', '=', integrationId)
    .where('dingtalk_user_id', '=', userId)
    .where('expires_at', '>', nowMs)
    .orderBy('created_at', 'desc')
    .execute()
  return rows.flatMap(fromRow)
}

/** Takes the act away, so that it is carried out once; undefined for a token of somebody else, or one that is over. */
export async function takeWantedAct(
  trx: Handle,
  wanted: { integrationId: string; userId: string; token: string },
  nowMs: number,
): Promise<WantedAct | undefined> {
  const row = await trx
    .deleteFrom('wanted_acts')
    .where('token', '=', wanted.token)
    .where('integration_id', '=', wanted.integrationId)
    .where('dingtalk_user_id', '=', wanted.userId)
    .returningAll()
    .executeTakeFirst()
  return row && row.expires_at > nowMs ? fromRow(row)[0] : undefined
}

/** A press on the card that counts is what the person wants now. */
export async function dropWantedAct(
  trx: Handle,
  wanted: { integrationId: string; userId: string; outTrackId: string },
): Promise<void> {
  await trx
    .deleteFrom('wanted_acts')
    .where('integration_id', '=', wanted.integrationId)
    .where('dingtalk_user_id', '=', wanted.userId)
    .where('out_track_id', '=', wanted.outTrackId)
    .execute()
}

export async function trimWantedActs(trx: Handle, nowMs: number): Promise<void> {
  await trx.deleteFrom('wanted_acts').where('expires_at', '<=', nowMs).execute()
}

function fromRow(row: Selectable<WantedActsTable>): WantedAct[] {
  const action = ACTIONS.find((known) => known === row.action)
  if (!action) return []
  return [
    {
      action,
      ...(row.minutes === null ? {} : { minutes: row.minutes }),
      ...(row.custom_id === null ? {} : { customId: row.custom_id }),
      token: row.token,
      outTrackId: row.out_track_id,
      incidentId: row.incident_id,
      expiresAt: row.expires_at,
    },
  ]
}
