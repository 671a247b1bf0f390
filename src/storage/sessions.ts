import { randomBytes } from 'node:crypto'

import type { Selectable } from 'kysely'

import type { Handle, SessionsTable } from './schema.ts'
import { hashSecret } from './secret-box.ts'

export type Session = Selectable<SessionsTable>

/** A session ends this long after it was last used. */
export const SESSION_MS = 12 * 3_600_000
/** Nor does it outlive this, however often it is used: then DingTalk is asked again who is there. */
export const SESSION_MAX_AGE_MS = 7 * 24 * 3_600_000
/** Using a page moves the end on, but not more often than this: it costs a write. */
export const SESSION_MOVE_EVERY_MS = 10 * 60_000
/** Longer than any browser login may take. */
const KEEP_STATES_MS = 24 * 3_600_000

/** A fresh secret of 192 random bits. */
export function newSecret(): string {
  return randomBytes(24).toString('base64url')
}

/** @returns the secret for the person's cookie, which is not kept. Sessions that are over go out by the same door. */
export async function addSession(
  trx: Handle,
  person: { integrationId: string; userId: string; unionId: string | undefined; name: string },
  nowMs: number,
): Promise<string> {
  const secret = newSecret()
  const who = {
    integration_id: person.integrationId,
    dingtalk_user_id: person.userId,
    union_id: person.unionId ?? null,
    name: person.name,
  }
  await trx.deleteFrom('sessions').where('expires_at', '<=', nowMs).execute()
  await trx
    .insertInto('sessions')
    .values({ ...who, id_hash: hashSecret(secret), created_at: nowMs, expires_at: nowMs + SESSION_MS })
    .execute()
  await trx
    .insertInto('dingtalk_users')
    .values({ ...who, seen_at: nowMs })
    .onConflict((oc) =>
      oc
        .columns(['integration_id', 'dingtalk_user_id'])
        .doUpdateSet({ union_id: who.union_id, name: who.name, seen_at: nowMs }),
    )
    .execute()
  return secret
}

/** The session of that integration, if it is not over. */
export async function findSession(
  db: Handle,
  integrationId: string,
  secret: string,
  nowMs: number,
): Promise<Session | undefined> {
  return db
    .selectFrom('sessions')
    .selectAll()
    .where('id_hash', '=', hashSecret(secret))
    .where('integration_id', '=', integrationId)
    .where('expires_at', '>', nowMs)
    .executeTakeFirst()
}

/** When it ends if it is used now and never again. */
export function endOf(session: Session, nowMs: number): number {
  return Math.min(nowMs + SESSION_MS, session.created_at + SESSION_MAX_AGE_MS)
}

/** Whether its end is worth moving on. */
export function isAging(session: Session, nowMs: number): boolean {
  return session.expires_at < endOf(session, nowMs) - SESSION_MOVE_EVERY_MS
}

export async function moveOnSession(trx: Handle, session: Session, nowMs: number): Promise<void> {
  await trx
    .updateTable('sessions')
    .set({ expires_at: endOf(session, nowMs) })
    .where('id_hash', '=', session.id_hash)
    .where('expires_at', '>', nowMs)
    .execute()
}

export async function endSession(trx: Handle, secret: string): Promise<void> {
  await trx.deleteFrom('sessions').where('id_hash', '=', hashSecret(secret)).execute()
}

/** Everywhere this person is logged in. */
export async function endSessionsOf(trx: Handle, integrationId: string, dingtalkUserId: string): Promise<void> {
  await trx
    .deleteFrom('sessions')
    .where('integration_id', '=', integrationId)
    .where('dingtalk_user_id', '=', dingtalkUserId)
    .execute()
}

/** @returns false when that state came back before */
export async function useLoginState(trx: Handle, state: string, nowMs: number): Promise<boolean> {
  await trx
    .deleteFrom('used_login_states')
    .where('used_at', '<', nowMs - KEEP_STATES_MS)
    .execute()
  const done = await trx
    .insertInto('used_login_states')
    .values({ state_hash: hashSecret(state), used_at: nowMs })
    .onConflict((oc) => oc.doNothing())
    .executeTakeFirst()
  return (done.numInsertedOrUpdatedRows ?? 0n) > 0n
}
