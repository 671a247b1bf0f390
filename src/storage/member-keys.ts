import type { Handle } from './schema.ts'
import type { SecretBox } from './secret-box.ts'

export async function putMemberKey(
  trx: Handle,
  box: SecretBox,
  key: { integrationId: string; memberId: number; appKey: string; made?: { remakes: number } },
  nowMs: number,
): Promise<void> {
  const row = {
    key_enc: box.seal(key.appKey),
    status: 'good' as const,
    updated_at: nowMs,
    made: key.made ? 1 : 0,
    remakes: key.made?.remakes ?? 0,
  }
  await trx
    .insertInto('member_keys')
    .values({ ...row, integration_id: key.integrationId, member_id: key.memberId })
    .onConflict((oc) => oc.columns(['integration_id', 'member_id']).doUpdateSet(row))
    .execute()
}

/** `made`: by the account owner's key; `remakes`: how often anew since it last worked. */
export type MemberKey = { appKey: string; status: 'good' | 'bad'; made: boolean; remakes: number }

export async function findMemberKey(
  db: Handle,
  box: SecretBox,
  integrationId: string,
  memberId: number,
): Promise<MemberKey | undefined> {
  const row = await db
    .selectFrom('member_keys')
    .selectAll()
    .where('integration_id', '=', integrationId)
    .where('member_id', '=', memberId)
    .executeTakeFirst()
  return row && { appKey: box.open(row.key_enc), status: row.status, made: row.made === 1, remakes: row.remakes }
}

export async function markMemberKey(
  trx: Handle,
  integrationId: string,
  memberId: number,
  status: 'good' | 'bad',
  nowMs: number,
): Promise<void> {
  await trx
    .updateTable('member_keys')
    .set({ status, updated_at: nowMs })
    .where('integration_id', '=', integrationId)
    .where('member_id', '=', memberId)
    .execute()
}

/** A made key has worked: should it go bad one day, it may be made anew again. */
export async function forgetRemakes(trx: Handle, integrationId: string, memberId: number): Promise<void> {
  await trx
    .updateTable('member_keys')
    .set({ remakes: 0 })
    .where('integration_id', '=', integrationId)
    .where('member_id', '=', memberId)
    .execute()
}

/** Whether this process may make the member's key now: of several only one may. */
export async function claimKeyMaking(
  trx: Handle,
  member: { integrationId: string; memberId: number },
  lease: { owner: string; nowMs: number; untilMs: number },
): Promise<boolean> {
  const row = { lease_owner: lease.owner, lease_until: lease.untilMs }
  const done = await trx
    .insertInto('key_makings')
    .values({ integration_id: member.integrationId, member_id: member.memberId, ...row })
    .onConflict((oc) =>
      oc.columns(['integration_id', 'member_id']).doUpdateSet(row).where('key_makings.lease_until', '<=', lease.nowMs),
    )
    .returning('member_id')
    .executeTakeFirst()
  return done !== undefined
}

export async function endKeyMaking(trx: Handle, integrationId: string, memberId: number, owner: string): Promise<void> {
  await trx
    .deleteFrom('key_makings')
    .where('integration_id', '=', integrationId)
    .where('member_id', '=', memberId)
    .where('lease_owner', '=', owner)
    .execute()
}
