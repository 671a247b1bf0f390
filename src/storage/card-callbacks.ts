import type { Handle } from './schema.ts'

/** What makes a callback acceptable once: DingTalk signs nothing but the time. */
export type CallbackId = { integrationId: string; stamp: string; signature: string }

export type Entered =
  | { kind: 'new' }
  /** The same once more; `answer` unless the first is still being answered, or its process died. */
  | { kind: 'duplicate'; answer: Record<string, string> | undefined }
  /** Somebody has put another body under a signature that was used. */
  | { kind: 'another-body' }

export async function enterCallback(
  trx: Handle,
  { integrationId, stamp, signature }: CallbackId,
  bodyHash: string,
  nowMs: number,
): Promise<Entered> {
  const done = await trx
    .insertInto('card_callbacks')
    .values({
      integration_id: integrationId,
      stamp,
      signature,
      body_hash: bodyHash,
      answer: null,
      received_at: nowMs,
    })
    .onConflict((oc) => oc.doNothing())
    .executeTakeFirst()
  if ((done.numInsertedOrUpdatedRows ?? 0n) > 0n) return { kind: 'new' }
  const earlier = await trx
    .selectFrom('card_callbacks')
    .select(['body_hash', 'answer'])
    .where('integration_id', '=', integrationId)
    .where('stamp', '=', stamp)
    .where('signature', '=', signature)
    .executeTakeFirstOrThrow()
  if (earlier.body_hash !== bodyHash) return { kind: 'another-body' }
  const answer = earlier.answer === null ? undefined : (JSON.parse(earlier.answer) as Record<string, string>)
  return { kind: 'duplicate', answer }
}

export async function keepAnswer(
  trx: Handle,
  { integrationId, stamp, signature }: CallbackId,
  answer: Record<string, string>,
): Promise<void> {
  await trx
    .updateTable('card_callbacks')
    .set({ answer: JSON.stringify(answer) })
    .where('integration_id', '=', integrationId)
    .where('stamp', '=', stamp)
    .where('signature', '=', signature)
    .execute()
}

/** Older ones are out of the window in which a signature counts. */
export async function trimCallbacks(trx: Handle, beforeMs: number): Promise<void> {
  await trx.deleteFrom('card_callbacks').where('received_at', '<', beforeMs).execute()
}
