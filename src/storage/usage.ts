import { monthOf } from '../domain/quota.ts'
import type { ApiUsageTable, Handle } from './schema.ts'

export type UsageKind = ApiUsageTable['kind']

/** @param by negative when a counted call turns out to have cost nothing */
export async function countUse(
  trx: Handle,
  use: { corpId: string; kind: UsageKind; api: string; by?: number },
  nowMs: number,
): Promise<void> {
  const by = use.by ?? 1
  await trx
    .insertInto('api_usage')
    .values({ corp_id: use.corpId, month: monthOf(nowMs), kind: use.kind, api: use.api, count: by })
    .onConflict((oc) =>
      oc.columns(['corp_id', 'month', 'kind', 'api']).doUpdateSet((eb) => ({ count: eb('api_usage.count', '+', by) })),
    )
    .execute()
}

/** What the corporation has used of one kind this month, by API. */
export async function listUsage(
  db: Handle,
  corpId: string,
  nowMs: number,
): Promise<{ kind: UsageKind; api: string; count: number }[]> {
  return db
    .selectFrom('api_usage')
    .select(['kind', 'api', 'count'])
    .where('corp_id', '=', corpId)
    .where('month', '=', monthOf(nowMs))
    .orderBy('kind')
    .orderBy('api')
    .execute()
}

export async function sumUsage(db: Handle, corpId: string, kind: UsageKind, nowMs: number): Promise<number> {
  const rows = await listUsage(db, corpId, nowMs)
  return rows.reduce((sum, row) => sum + (row.kind === kind ? row.count : 0), 0)
}
