import { sql, type Selectable } from 'kysely'

import type { Audience, Mention, Space } from '../domain/card.ts'
import type { CardsTable, Handle, PlacementsTable } from './schema.ts'
import { takeTurn, type TurnApi, URGENT, USUAL } from './turns.ts'

export type Card = Omit<Selectable<CardsTable>, 'audience' | 'mentions'> & { audience: Audience; mentions: Mention[] }
export type Placement = Selectable<PlacementsTable>

/** A card with what decides its face beside the incident. */
export type CardOfNotification = Card & { generation: number; prefix: string }

const LIVE_PLACEMENTS = ['waiting', 'sending', 'delivered'] as const

export async function findCard(db: Handle, outTrackId: string): Promise<CardOfNotification | undefined> {
  const row = await selectCards(db).where('out_track_id', '=', outTrackId).executeTakeFirst()
  return row && fromRow(row)
}

export async function listCardsOfIncident(
  db: Handle,
  integrationId: string,
  incidentId: string,
): Promise<CardOfNotification[]> {
  const rows = await selectCards(db)
    .where('cards.integration_id', '=', integrationId)
    .where('cards.incident_id', '=', incidentId)
    .orderBy('cards.created_at')
    .execute()
  return rows.map(fromRow)
}

export async function listPlacements(db: Handle, outTrackIds: string[]): Promise<Placement[]> {
  if (outTrackIds.length === 0) return []
  return db
    .selectFrom('placements')
    .selectAll()
    .where('out_track_id', 'in', outTrackIds)
    .orderBy('kind')
    .orderBy('target_id')
    .execute()
}

export function isLive(placement: Placement): boolean {
  return LIVE_PLACEMENTS.some((status) => status === placement.status)
}

export async function addNotification(
  trx: Handle,
  notification: {
    integrationId: string
    incidentId: string
    key: string
    generation: number
    prefix: string
    eventId: string
  },
  nowMs: number,
): Promise<void> {
  await trx
    .insertInto('notifications')
    .values({
      integration_id: notification.integrationId,
      incident_id: notification.incidentId,
      notification_key: notification.key,
      generation: notification.generation,
      prefix: notification.prefix,
      event_id: notification.eventId,
      created_at: nowMs,
    })
    .onConflict((oc) => oc.doNothing())
    .execute()
}

export async function addCard(
  trx: Handle,
  card: {
    outTrackId: string
    integrationId: string
    incidentId: string
    notificationKey: string
    audienceKey: string
    audience: Audience
    replacement: number
    rev: number
    /** With whom it shares its turns, see turns.ts. */
    turnKey: string
    urgent: boolean
    plain?: boolean
  },
  nowMs: number,
): Promise<void> {
  await trx
    .insertInto('cards')
    .values({
      out_track_id: card.outTrackId,
      integration_id: card.integrationId,
      incident_id: card.incidentId,
      notification_key: card.notificationKey,
      audience_key: card.audienceKey,
      audience: JSON.stringify(card.audience),
      replacement: card.replacement,
      stage: 'absent',
      frozen: 0,
      allowed_rev: card.rev,
      shown_rev: 0,
      shown_hash: null,
      deliver_due_at: null,
      update_due_at: null,
      deliver_lane: card.urgent ? URGENT : USUAL,
      deliver_turn: 0,
      update_lane: USUAL,
      update_turn: 0,
      turn_key: card.turnKey,
      plain: card.plain ? 1 : 0,
      held_until: 0,
      lease_owner: null,
      lease_until: 0,
      called_at: 0,
      failures: 0,
      created_at: nowMs,
      updated_at: nowMs,
    })
    .onConflict((oc) => oc.doNothing())
    .execute()
}

/** Spaces the card is to be delivered to; one that failed before gets another try. */
export async function addPlacements(trx: Handle, outTrackId: string, spaces: Space[], nowMs: number): Promise<void> {
  for (const space of spaces) {
    await trx
      .insertInto('placements')
      .values({
        out_track_id: outTrackId,
        kind: space.kind,
        target_id: space.targetId,
        status: 'waiting',
        share: 0,
        unknown_outcomes: 0,
        carrier_id: null,
        reason: null,
        updated_at: nowMs,
      })
      .onConflict((oc) =>
        oc
          .columns(['out_track_id', 'kind', 'target_id'])
          .doUpdateSet({ status: 'waiting', share: 1, reason: null, updated_at: nowMs })
          .where('placements.status', 'in', ['failed', 'cancelled']),
      )
      .execute()
  }
  const [idle] = await listIdle(trx, 'create', [outTrackId])
  await trx
    .updateTable('cards')
    .set({
      deliver_due_at: sql<number>`coalesce(deliver_due_at, ${nowMs})`,
      ...(idle ? { deliver_turn: await takeTurn(trx, idle.integration_id, 'create', idle.turn_key) } : {}),
      updated_at: nowMs,
    })
    .where('out_track_id', '=', outTrackId)
    .execute()
}

function listIdle(trx: Handle, api: TurnApi, outTrackIds: string[]) {
  return trx
    .selectFrom('cards')
    .select(['out_track_id', 'integration_id', 'turn_key'])
    .where('out_track_id', 'in', outTrackIds)
    .where(api === 'create' ? 'deliver_due_at' : 'update_due_at', 'is', null)
    .execute()
}

/** Cards that are not due an update yet take their turn before they become it. */
async function takeTurns(trx: Handle, outTrackIds: string[]): Promise<void> {
  for (const card of await listIdle(trx, 'update', outTrackIds)) {
    const taken = await takeTurn(trx, card.integration_id, 'update', card.turn_key)
    await trx.updateTable('cards').set({ update_turn: taken }).where('out_track_id', '=', card.out_track_id).execute()
  }
}

/**
 * The cards may show this revision; those DingTalk has become due, no sooner than `spacingMs` after their last call.
 * @param change `urgent`: somebody pressed a button and looks at the card
 */
export async function allowRevision(
  trx: Handle,
  outTrackIds: string[],
  change: { rev: number; spacingMs: number; urgent?: boolean },
  nowMs: number,
): Promise<void> {
  if (outTrackIds.length === 0) return
  const { rev, spacingMs, urgent = false } = change
  await takeTurns(trx, outTrackIds)
  const soonest = soonestCall(nowMs, spacingMs)
  await trx
    .updateTable('cards')
    .set({
      allowed_rev: sql<number>`case when allowed_rev < ${rev} then ${rev} else allowed_rev end`,
      update_due_at: sql<number | null>`case
        when stage = 'absent' then update_due_at
        when update_due_at is null or update_due_at > ${soonest} then ${soonest}
        else update_due_at end`,
      ...(urgent ? { update_lane: URGENT } : {}),
      updated_at: nowMs,
    })
    .where('out_track_id', 'in', outTrackIds)
    .execute()
}

function soonestCall(nowMs: number, spacingMs: number) {
  return sql<number>`case when called_at + ${spacingMs} > ${nowMs} then called_at + ${spacingMs} else ${nowMs} end`
}

/** One last PUT is due (见新消息), no sooner than `spacingMs` after the last call; then the card is never touched again. */
export async function freezeCards(trx: Handle, outTrackIds: string[], nowMs: number, spacingMs: number): Promise<void> {
  if (outTrackIds.length === 0) return
  await takeTurns(trx, outTrackIds)
  await trx
    .updateTable('cards')
    .set({ frozen: 1, shown_hash: null, update_due_at: soonestCall(nowMs, spacingMs), updated_at: nowMs })
    .where('out_track_id', 'in', outTrackIds)
    .execute()
}

/** Cards of which nothing was sent and nothing will be. */
export async function cancelCards(trx: Handle, outTrackIds: string[], reason: string, nowMs: number): Promise<void> {
  if (outTrackIds.length === 0) return
  await trx
    .updateTable('cards')
    .set({ frozen: 1, deliver_due_at: null, update_due_at: null, updated_at: nowMs })
    .where('out_track_id', 'in', outTrackIds)
    .execute()
  await trx
    .updateTable('placements')
    .set({ status: 'cancelled', reason, updated_at: nowMs })
    .where('out_track_id', 'in', outTrackIds)
    .where('status', '=', 'waiting')
    .execute()
}

/**
 * Cards that DingTalk was not asked for yet are made with another template than was meant for them.
 * @returns their names
 */
export async function changeTemplate(
  trx: Handle,
  integrationId: string,
  templateId: { from: string; to: string },
): Promise<string[]> {
  const absent = await trx
    .selectFrom('cards')
    .select(['out_track_id', 'audience'])
    .where('integration_id', '=', integrationId)
    .where('stage', '=', 'absent')
    .where('deliver_due_at', 'is not', null)
    .execute()
  const changed: string[] = []
  for (const row of absent) {
    const audience = JSON.parse(row.audience) as Audience
    if (audience.templateId !== templateId.from) continue
    await trx
      .updateTable('cards')
      .set({ audience: JSON.stringify({ ...audience, templateId: templateId.to }) })
      .where('out_track_id', '=', row.out_track_id)
      .execute()
    changed.push(row.out_track_id)
  }
  return changed
}

/** Written by whoever holds the lease; a holder that lost it changes nothing. */
export async function changeLeased(
  trx: Handle,
  outTrackId: string,
  owner: string,
  change: Partial<
    Pick<
      CardsTable,
      | 'stage'
      | 'frozen'
      | 'shown_rev'
      | 'shown_hash'
      | 'deliver_due_at'
      | 'update_due_at'
      | 'update_lane'
      | 'plain'
      | 'lease_owner'
      | 'lease_until'
      | 'called_at'
      | 'failures'
    >
  >,
): Promise<boolean> {
  const done = await trx
    .updateTable('cards')
    .set(change)
    .where('out_track_id', '=', outTrackId)
    .where('lease_owner', '=', owner)
    .executeTakeFirst()
  return done.numUpdatedRows > 0n
}

export async function changePlacements(
  trx: Handle,
  outTrackId: string,
  spaces: Space[],
  change: Partial<Pick<PlacementsTable, 'status' | 'share' | 'carrier_id' | 'reason'>> & { unknownOutcome?: true },
  nowMs: number,
): Promise<void> {
  const { unknownOutcome, ...columns } = change
  for (const space of spaces) {
    await trx
      .updateTable('placements')
      .set((eb) => ({
        ...columns,
        ...(unknownOutcome ? { unknown_outcomes: eb('unknown_outcomes', '+', 1) } : {}),
        updated_at: nowMs,
      }))
      .where('out_track_id', '=', outTrackId)
      .where('kind', '=', space.kind)
      .where('target_id', '=', space.targetId)
      .execute()
  }
}

/** How many cards the group got (or is getting) since then. */
export async function countPlacedSince(db: Handle, openConversationId: string, sinceMs: number): Promise<number> {
  const row = await db
    .selectFrom('placements')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('kind', '=', 'group')
    .where('target_id', '=', openConversationId)
    .where('status', 'in', ['sending', 'delivered'])
    .where('updated_at', '>', sinceMs)
    .executeTakeFirstOrThrow()
  return row.count
}

/** While a press on it is being answered, no PUT of the card may cross the answer. It stays due, lest a crash forget it. */
export async function holdCard(trx: Handle, outTrackId: string, untilMs: number): Promise<void> {
  await trx
    .updateTable('cards')
    .set({
      held_until: sql<number>`case when held_until < ${untilMs} then ${untilMs} else held_until end`,
      update_due_at: sql<number>`coalesce(update_due_at, ${untilMs})`,
    })
    .where('out_track_id', '=', outTrackId)
    .where('stage', '!=', 'absent')
    .where('frozen', '=', 0)
    .execute()
}

/**
 * The answer to a press is out. `shown` when it was all there is to show and everybody who has the card saw it;
 * `dueAt` when nobody knows what the presser's client shows now, so that everybody gets an update; `as-it-was` when the
 * press changed nothing.
 */
export async function releaseCard(
  trx: Handle,
  outTrackId: string,
  after: { shown: { rev: number; hash: string } } | { dueAt: number } | 'as-it-was',
): Promise<void> {
  if (typeof after === 'object' && 'dueAt' in after) await takeTurns(trx, [outTrackId])
  const card = trx
    .updateTable('cards')
    .set({ held_until: 0 })
    .where('out_track_id', '=', outTrackId)
    .where('stage', '!=', 'absent')
    .where('frozen', '=', 0)
  if (after === 'as-it-was') {
    // The hold alone had made it due, unless something else is to be shown, or is being done.
    const idle = sql<boolean>`stage = 'present' and lease_owner is null and shown_hash is not null and allowed_rev <= shown_rev`
    const stillDue = sql<number | null>`case when ${idle} then null else update_due_at end`
    await card.set({ update_due_at: stillDue }).execute()
  } else if ('dueAt' in after) {
    await card.set({ shown_hash: null, update_due_at: after.dueAt, update_lane: URGENT }).execute()
  } else {
    const { rev, hash } = after.shown
    const stillDue = sql<number | null>`case when allowed_rev > ${rev} then update_due_at else null end`
    await card.set({ shown_rev: rev, shown_hash: hash, update_due_at: stillDue }).execute()
  }
}

function selectCards(db: Handle) {
  return db
    .selectFrom('cards')
    .innerJoin('notifications', (join) =>
      join
        .onRef('notifications.integration_id', '=', 'cards.integration_id')
        .onRef('notifications.incident_id', '=', 'cards.incident_id')
        .onRef('notifications.notification_key', '=', 'cards.notification_key'),
    )
    .selectAll('cards')
    .select(['notifications.generation', 'notifications.prefix'])
}

function fromRow(row: Selectable<CardsTable> & { generation: number; prefix: string }): CardOfNotification {
  return {
    ...row,
    // Audiences stored before there were custom actions name none.
    audience: { customActions: [], ...(JSON.parse(row.audience) as Omit<Audience, 'customActions'>) },
    mentions: row.mentions === null ? [] : (JSON.parse(row.mentions) as Mention[]),
  }
}
