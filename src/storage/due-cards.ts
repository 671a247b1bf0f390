import { sql } from 'kysely'

import { TEST_PREFIX } from '../domain/test-card.ts'
import { cardOf, type CardOfNotification, notificationColumns } from './cards.ts'
import { inChunks } from './chunks.ts'
import type { Handle } from './schema.ts'
import { statement } from './statement.ts'
import { standAt, type TurnApi } from './turns.ts'

/** Cards that something is to be done about: whose turn it is, under a lease, and what waits. */

type Lease = { owner: string; nowMs: number; untilMs: number }

/** The due card of the integration whose turn it is to be created or delivered, now leased. */
export async function claimForDelivery(
  trx: Handle,
  integrationId: string,
  lease: Lease,
): Promise<CardOfNotification | undefined> {
  const { rows } = await leaseDelivery(trx, { integrationId, ...lease })
  return claimed(trx, 'create', rows[0])
}

/** The due card of the integration whose turn it is to be updated or probed, now leased. */
export async function claimForUpdate(
  trx: Handle,
  integrationId: string,
  lease: Lease,
  onlyFinal: boolean,
): Promise<CardOfNotification | undefined> {
  const { rows } = await (onlyFinal ? leaseFinalUpdate : leaseUpdate)(trx, { integrationId, ...lease })
  return claimed(trx, 'update', rows[0])
}

async function claimed(
  trx: Handle,
  api: TurnApi,
  row: Parameters<typeof cardOf>[0] | undefined,
): Promise<CardOfNotification | undefined> {
  if (!row) return undefined
  await standAt(trx, row.integration_id, api, api === 'create' ? row.deliver_turn : row.update_turn)
  return cardOf(row)
}

type Claim = Lease & { integrationId: string }

const leaseDelivery = statement((db, claim: Claim) =>
  leaseFirst(db, claim, (candidates) =>
    candidates
      .where('deliver_due_at', '<=', claim.nowMs)
      .where('stage', 'in', ['absent', 'present'])
      .orderBy('deliver_lane')
      .orderBy('deliver_turn')
      .orderBy('deliver_due_at'),
  ),
)

const leaseUpdate = statement((db, claim: Claim) => leaseFirst(db, claim, (all) => candidatesForUpdate(all, claim)))

const leaseFinalUpdate = statement((db, claim: Claim) =>
  leaseFirst(db, claim, (all) => candidatesForUpdate(all, claim).where(isFinal)),
)

function candidatesForUpdate(candidates: CandidateQuery, { nowMs }: Claim) {
  return candidates
    .where('update_due_at', '<=', nowMs)
    .where('stage', '!=', 'absent')
    .where('held_until', '<=', nowMs)
    .orderBy('update_lane')
    .orderBy('update_turn')
    .orderBy('update_due_at')
}

/** Updates that are not put off when calls run short: probes, cards frozen, and cards of closed incidents. */
const isFinal = sql<boolean>`(stage != 'present' or frozen = 1 or exists (select 1 from incidents
  where incidents.integration_id = cards.integration_id and incidents.incident_id = cards.incident_id
  and incidents.progress = 'Closed'))`

type CandidateQuery = ReturnType<typeof selectCandidates>

function selectCandidates(trx: Handle, { integrationId, nowMs }: Claim) {
  return trx
    .selectFrom('cards')
    .select('out_track_id')
    .where('integration_id', '=', integrationId)
    .where('lease_until', '<=', nowMs)
}

function leaseFirst(db: Handle, claim: Claim, narrow: (candidates: CandidateQuery) => CandidateQuery) {
  return db
    .updateTable('cards')
    .set({
      lease_owner: claim.owner,
      lease_until: claim.untilMs,
      // Whoever has it still has let it run out; this process did not die of its own.
      lost_leases: sql<number>`case when lease_owner is null or lease_owner = ${claim.owner} then lost_leases
        else lost_leases + 1 end`,
    })
    .where('out_track_id', '=', narrow(selectCandidates(db, claim)).limit(1))
    .where('lease_until', '<=', claim.nowMs)
    .returningAll()
    .returning(notificationColumns)
}

export type DueCard = { integrationId: string; outTrackId: string; api: TurnApi; dueAt: number }

/** All cards that are due up to a time. */
export async function listDueCards(db: Handle, untilMs: number): Promise<DueCard[]> {
  const due: DueCard[] = []
  for (const [api, column] of DUE_COLUMNS) {
    const rows = await selectDue(db)
      // By integration, because so the indexes go: they hold nothing but what is due.
      .where('integration_id', 'in', (eb) => eb.selectFrom('integrations').select('id'))
      .where(column, '<=', untilMs)
      .execute()
    due.push(...rows.flatMap((row) => toDue(row, api)))
  }
  return due
}

/** Those of the cards that are due at any time to come. */
export async function listDueAmong(db: Handle, outTrackIds: string[]): Promise<DueCard[]> {
  const rows = await inChunks(outTrackIds, async (chunk) => (await selectDueAmong(db, { outTrackIds: chunk })).rows)
  return rows.flatMap((row) => DUE_COLUMNS.flatMap(([api]) => toDue(row, api)))
}

const selectDueAmong = statement((db, { outTrackIds }: { outTrackIds: string[] }) =>
  selectDue(db).where('out_track_id', 'in', outTrackIds),
)

const DUE_COLUMNS = [
  ['create', 'deliver_due_at'],
  ['update', 'update_due_at'],
] as const

function selectDue(db: Handle) {
  return db
    .selectFrom('cards')
    .select(['integration_id', 'out_track_id', 'stage', 'deliver_due_at', 'update_due_at', 'lease_until', 'held_until'])
}

type DueRow = Awaited<ReturnType<ReturnType<typeof selectDue>['execute']>>[number]

/** With the moment it can be worked on: its due time, or the end of another's lease. */
function toDue(row: DueRow, api: TurnApi): DueCard[] {
  const base = { integrationId: row.integration_id, outTrackId: row.out_track_id, api }
  if (api === 'create') {
    if (row.deliver_due_at === null || (row.stage !== 'absent' && row.stage !== 'present')) return []
    return [{ ...base, dueAt: Math.max(row.deliver_due_at, row.lease_until) }]
  }
  if (row.update_due_at === null || row.stage === 'absent') return []
  return [{ ...base, dueAt: Math.max(row.update_due_at, row.lease_until, row.held_until) }]
}

/** How many cards of each integration are due now, and since when. */
export async function countDueCards(
  db: Handle,
  nowMs: number,
): Promise<{ integrationId: string; api: TurnApi; cards: number; oldestMs: number }[]> {
  const counted: { integrationId: string; api: TurnApi; cards: number; oldestMs: number }[] = []
  for (const [api, column] of DUE_COLUMNS) {
    const rows = await db
      .selectFrom('cards')
      .select((eb) => ['integration_id', eb.fn.countAll<number>().as('cards'), eb.fn.min(column).as('oldest')])
      .where(column, '<=', nowMs)
      .where('incident_id', 'not like', `${TEST_PREFIX}%`)
      .groupBy('integration_id')
      .execute()
    for (const row of rows) {
      const oldestMs = row.oldest === null ? 0 : nowMs - row.oldest
      counted.push({ integrationId: row.integration_id, api, cards: row.cards, oldestMs })
    }
  }
  return counted
}
