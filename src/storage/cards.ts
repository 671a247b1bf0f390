import { type ExpressionBuilder, type Insertable, type Selectable, sql } from 'kysely'

import type { Audience, Mention, Space } from '../domain/card.ts'
import { putPlacements } from './placements.ts'
import type { CardsTable, Handle, Schema } from './schema.ts'
import { statement } from './statement.ts'
import { takeTurn, type TurnApi, URGENT, USUAL } from './turns.ts'

export type Card = Omit<Selectable<CardsTable>, 'audience' | 'mentions'> & { audience: Audience; mentions: Mention[] }

/** A card with what decides its face beside the incident. */
export type CardOfNotification = Card & { generation: number; prefix: string }

export async function findCard(db: Handle, outTrackId: string): Promise<CardOfNotification | undefined> {
  const { rows } = await selectCard(db, { outTrackId })
  return rows[0] && cardOf(rows[0])
}

const selectCard = statement((db, { outTrackId }: { outTrackId: string }) =>
  db.selectFrom('cards').selectAll().select(notificationColumns).where('out_track_id', '=', outTrackId),
)

export async function listCardsOfIncident(
  db: Handle,
  integrationId: string,
  incidentId: string,
): Promise<CardOfNotification[]> {
  const { rows } = await selectCardsOfIncident(db, { integrationId, incidentId })
  return rows.map(cardOf)
}

const selectCardsOfIncident = statement((db, of: { integrationId: string; incidentId: string }) =>
  db
    .selectFrom('cards')
    .selectAll()
    .select(notificationColumns)
    .where('cards.integration_id', '=', of.integrationId)
    .where('cards.incident_id', '=', of.incidentId)
    .orderBy('cards.created_at'),
)

/** What decides when a card is due next; undefined for a card that is not there. */
export async function findStanding(db: Handle, outTrackId: string) {
  const { rows } = await selectStanding(db, { outTrackId })
  return rows[0] && { ...rows[0], waiting: rows[0].waiting !== null }
}

const selectStanding = statement((db, { outTrackId }: { outTrackId: string }) =>
  db
    .selectFrom('cards')
    .select(['stage', 'frozen', 'allowed_rev', 'shown_rev', 'held_until'])
    .select((eb) =>
      eb
        .selectFrom('placements')
        .select('status')
        .whereRef('placements.out_track_id', '=', 'cards.out_track_id')
        .where('status', '=', 'waiting')
        .limit(1)
        .as('waiting'),
    )
    .where('out_track_id', '=', outTrackId),
)

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
  await insertNotification(trx, {
    integration_id: notification.integrationId,
    incident_id: notification.incidentId,
    notification_key: notification.key,
    generation: notification.generation,
    prefix: notification.prefix,
    event_id: notification.eventId,
    created_at: nowMs,
  })
}

const insertNotification = statement((db, row: Insertable<Schema['notifications']>) =>
  db
    .insertInto('notifications')
    .values(row)
    .onConflict((oc) => oc.doNothing()),
)

/** A card that is to be created in these spaces. */
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
    spaces: Space[]
    /** With whom it shares its turns, see turns.ts. */
    turnKey: string
    urgent: boolean
    plain?: boolean
    /** Whom groups mention when it is put into them. */
    mentions?: Mention[]
  },
  nowMs: number,
): Promise<void> {
  const { mentions = [] } = card
  const added = await insertCard(trx, {
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
    deliver_due_at: nowMs,
    update_due_at: null,
    deliver_lane: card.urgent ? URGENT : USUAL,
    deliver_turn: await takeTurn(trx, card.integrationId, 'create', card.turnKey),
    update_lane: USUAL,
    update_turn: 0,
    turn_key: card.turnKey,
    plain: card.plain ? 1 : 0,
    held_until: 0,
    lease_owner: null,
    lease_until: 0,
    called_at: 0,
    failures: 0,
    mentions: mentions.length > 0 ? JSON.stringify(mentions) : null,
    created_at: nowMs,
    updated_at: nowMs,
  })
  const isNew = (added.numAffectedRows ?? 0n) > 0n
  await (isNew ? putPlacements : addSpaces)(trx, card.outTrackId, card.spaces, nowMs)
}

const insertCard = statement((db, row: Insertable<CardsTable>) =>
  db
    .insertInto('cards')
    .values(row)
    .onConflict((oc) => oc.doNothing()),
)

/** Further spaces the card is to be delivered to; one that failed before gets another try. */
export async function addSpaces(trx: Handle, outTrackId: string, spaces: Space[], nowMs: number): Promise<void> {
  await putPlacements(trx, outTrackId, spaces, nowMs)
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

/** Those of the cards that this API has nothing to do for. */
async function listIdle(trx: Handle, api: TurnApi, outTrackIds: string[]) {
  return (await (api === 'create' ? selectNotDelivering : selectNotUpdating)(trx, { outTrackIds })).rows
}

const selectIdle = (db: Handle, { outTrackIds }: { outTrackIds: string[] }) =>
  db.selectFrom('cards').select(['out_track_id', 'integration_id', 'turn_key']).where('out_track_id', 'in', outTrackIds)
const selectNotDelivering = statement((db, of: { outTrackIds: string[] }) =>
  selectIdle(db, of).where('deliver_due_at', 'is', null),
)
const selectNotUpdating = statement((db, of: { outTrackIds: string[] }) =>
  selectIdle(db, of).where('update_due_at', 'is', null),
)

/** Cards that are not due an update yet take their turn before they become it. */
async function takeTurns(trx: Handle, outTrackIds: string[]): Promise<void> {
  for (const card of await listIdle(trx, 'update', outTrackIds)) {
    const turn = await takeTurn(trx, card.integration_id, 'update', card.turn_key)
    await setUpdateTurn(trx, { outTrackId: card.out_track_id, turn })
  }
}

const setUpdateTurn = statement((db, { outTrackId, turn }: { outTrackId: string; turn: number }) =>
  db.updateTable('cards').set({ update_turn: turn }).where('out_track_id', '=', outTrackId),
)

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
  await setAllowed(trx, { outTrackIds, rev, spacingMs, nowMs, ...(urgent ? { lane: URGENT } : {}) })
}

type Allowed = { outTrackIds: string[]; rev: number; spacingMs: number; nowMs: number; lane?: number }

const setAllowed = statement((db, { outTrackIds, rev, spacingMs, nowMs, lane }: Allowed) => {
  const soonest = soonestCall(nowMs, spacingMs)
  return db
    .updateTable('cards')
    .set({
      allowed_rev: sql<number>`case when allowed_rev < ${rev} then ${rev} else allowed_rev end`,
      update_due_at: sql<number | null>`case
        when stage = 'absent' then update_due_at
        when update_due_at is null or update_due_at > ${soonest} then ${soonest}
        else update_due_at end`,
      ...(lane === undefined ? {} : { update_lane: lane }),
      updated_at: nowMs,
    })
    .where('out_track_id', 'in', outTrackIds)
})

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
  change: LeasedChange,
): Promise<boolean> {
  const done = await setLeased(trx, { outTrackId, owner, change })
  return (done.numAffectedRows ?? 0n) > 0n
}

type LeasedChange = Partial<
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
>

const setLeased = statement(
  (db, { outTrackId, owner, change }: { outTrackId: string; owner: string; change: LeasedChange }) =>
    db.updateTable('cards').set(change).where('out_track_id', '=', outTrackId).where('lease_owner', '=', owner),
)

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

/** Of the notification that a card belongs to. */
export function notificationColumns(eb: ExpressionBuilder<Schema, 'cards'>) {
  const notification = eb
    .selectFrom('notifications')
    .whereRef('notifications.integration_id', '=', 'cards.integration_id')
    .whereRef('notifications.incident_id', '=', 'cards.incident_id')
    .whereRef('notifications.notification_key', '=', 'cards.notification_key')
  return [
    notification.select('generation').$asScalar().$notNull().as('generation'),
    notification.select('prefix').$asScalar().$notNull().as('prefix'),
  ] as const
}

export function cardOf(row: Selectable<CardsTable> & { generation: number; prefix: string }): CardOfNotification {
  return {
    ...row,
    // Audiences stored before there were custom actions name none.
    audience: { customActions: [], ...(JSON.parse(row.audience) as Omit<Audience, 'customActions'>) },
    mentions: row.mentions === null ? [] : (JSON.parse(row.mentions) as Mention[]),
  }
}
