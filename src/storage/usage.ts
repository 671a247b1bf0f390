import { monthOf } from '../domain/quota.ts'
import type { ApiUsageTable, Handle } from './schema.ts'
import { statement } from './statement.ts'

export type UsageKind = ApiUsageTable['kind']

/** @param by negative when a counted call turns out to have cost nothing */
export async function countUse(
  trx: Handle,
  use: { corpId: string; kind: UsageKind; api: string; by?: number },
  nowMs: number,
): Promise<void> {
  await addUse(trx, { ...use, month: monthOf(nowMs), by: use.by ?? 1 })
}

type Use = { corpId: string; month: string; kind: UsageKind; api: string; by: number }

const addUse = statement((db, { corpId, month, kind, api, by }: Use) =>
  db
    .insertInto('api_usage')
    .values({ corp_id: corpId, month, kind, api, count: by })
    .onConflict((oc) =>
      oc.columns(['corp_id', 'month', 'kind', 'api']).doUpdateSet((eb) => ({ count: eb('api_usage.count', '+', by) })),
    ),
)

/** What the corporation has used of one kind this month, by API. */
export async function listUsage(
  db: Handle,
  corpId: string,
  nowMs: number,
): Promise<{ kind: UsageKind; api: string; count: number }[]> {
  return (await selectUsage(db, { corpId, month: monthOf(nowMs) })).rows
}

const selectUsage = statement((db, { corpId, month }: { corpId: string; month: string }) =>
  db
    .selectFrom('api_usage')
    .select(['kind', 'api', 'count'])
    .where('corp_id', '=', corpId)
    .where('month', '=', month)
    .orderBy('kind')
    .orderBy('api'),
)

export async function sumUsage(db: Handle, corpId: string, kind: UsageKind, nowMs: number): Promise<number> {
  const rows = await listUsage(db, corpId, nowMs)
  return rows.reduce((sum, row) => sum + (row.kind === kind ? row.count : 0), 0)
}
