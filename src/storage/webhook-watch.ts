import { sql } from 'kysely'

import type { Handle } from './schema.ts'

/** A time in which webhooks may have been missed, epoch ms; until it is read from Flashduty's history. */
export type Gap = { fromMs: number; untilMs: number }

/**
 * Webhooks can be taken in now. Since the last time that could be said, some may have been missed where that is `lost`, or
 * was before `silentBefore`; nothing is known of the time before the first call.
 */
export async function noteAble(
  trx: Handle,
  integrationId: string,
  { nowMs, silentBefore, lost }: { nowMs: number; silentBefore: number; lost: boolean },
): Promise<void> {
  const isGap = sql<boolean>`(${lost ? 1 : 0} = 1 or webhook_watch.able_at < ${silentBefore})`
  await trx
    .insertInto('webhook_watch')
    .values({ integration_id: integrationId, able_at: nowMs })
    .onConflict((oc) =>
      oc.column('integration_id').doUpdateSet({
        gap_from: sql<
          number | null
        >`case when ${isGap} then coalesce(webhook_watch.gap_from, webhook_watch.able_at) else webhook_watch.gap_from end`,
        gap_until: sql<number | null>`case when ${isGap} then ${nowMs} else webhook_watch.gap_until end`,
        able_at: nowMs,
      }),
    )
    .execute()
}

export async function findGap(db: Handle, integrationId: string): Promise<Gap | undefined> {
  const row = await db
    .selectFrom('webhook_watch')
    .select(['gap_from', 'gap_until'])
    .where('integration_id', '=', integrationId)
    .executeTakeFirst()
  if (!row || row.gap_from === null || row.gap_until === null) return undefined
  return { fromMs: row.gap_from, untilMs: row.gap_until }
}

/** The gap has been read up to a time. What it grew by meanwhile is left. */
export async function shortenGap(trx: Handle, integrationId: string, readUntilMs: number): Promise<void> {
  const isRead = sql<boolean>`gap_until <= ${readUntilMs}`
  await trx
    .updateTable('webhook_watch')
    .set({
      gap_from: sql<number | null>`case when ${isRead} then null else ${readUntilMs} end`,
      gap_until: sql<number | null>`case when ${isRead} then null else gap_until end`,
    })
    .where('integration_id', '=', integrationId)
    .where('gap_from', 'is not', null)
    .execute()
}

/** @returns epoch ms; undefined = nobody has decided yet */
export async function findCompareAt(db: Handle, integrationId: string): Promise<number | undefined> {
  const row = await db
    .selectFrom('webhook_watch')
    .select('compare_at')
    .where('integration_id', '=', integrationId)
    .executeTakeFirst()
  return row?.compare_at ?? undefined
}

export async function setCompareAt(trx: Handle, integrationId: string, atMs: number): Promise<void> {
  await trx.updateTable('webhook_watch').set({ compare_at: atMs }).where('integration_id', '=', integrationId).execute()
}
