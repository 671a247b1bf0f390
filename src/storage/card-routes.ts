import { randomBytes } from 'node:crypto'

import type { Handle } from './schema.ts'
import { hashSecret, type SecretBox } from './secret-box.ts'

export type CardRoute = {
  /** What DingTalk signs callbacks of HTTP cards with. */
  apiSecret: string
  problem: string | undefined
  isRegistered: (url: string) => boolean
}

export async function findCardRoute(db: Handle, box: SecretBox, integrationId: string): Promise<CardRoute | undefined> {
  const row = await db
    .selectFrom('card_routes')
    .selectAll()
    .where('integration_id', '=', integrationId)
    .executeTakeFirst()
  return (
    row && {
      apiSecret: box.open(row.api_secret_enc),
      problem: row.problem ?? undefined,
      isRegistered: (url) => row.registered_url_hash === hashSecret(url),
    }
  )
}

/** Makes a secret of 256 bits on first use; whichever process is first makes it for all. */
export async function ensureCardRoute(
  trx: Handle,
  box: SecretBox,
  integrationId: string,
  nowMs: number,
): Promise<CardRoute> {
  await trx
    .insertInto('card_routes')
    .values({
      integration_id: integrationId,
      api_secret_enc: box.seal(randomBytes(32).toString('hex')),
      registered_url_hash: null,
      problem: null,
      updated_at: nowMs,
    })
    .onConflict((oc) => oc.doNothing())
    .execute()
  const route = await findCardRoute(trx, box, integrationId)
  if (!route) throw new Error('a row that was just made is there')
  return route
}

export async function noteRegistration(
  trx: Handle,
  integrationId: string,
  outcome: { url: string } | { problem: string },
  nowMs: number,
): Promise<void> {
  const change =
    'url' in outcome ? { registered_url_hash: hashSecret(outcome.url), problem: null } : { problem: outcome.problem }
  await trx
    .updateTable('card_routes')
    .set({ ...change, updated_at: nowMs })
    .where('integration_id', '=', integrationId)
    .execute()
}
