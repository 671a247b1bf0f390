import { type ExpressionBuilder, type Insertable, type Selectable, sql } from 'kysely'

import type { Audience, Mention, Space } from '../domain/card.ts'
import { listIdle } from './card-turns.ts'
import { readAudience } from './audiences.ts'
import { putPlacements } from './placements.ts'
import type { CardsTable, Handle, Schema } from './schema.ts'
import { statement } from './statement.ts'
import { takeTurn, turnKeyOf, URGENT, USUAL } from './turns.ts'

/**
 * How much of what comes from outside a card shows; it never goes back to more. Of a bare one nothing but the buttons is sent,
 * so that those of a closed incident go whatever DingTalk has against the rest.
 */
export const FULL = 0
export const PLAIN = 1
export const MINIMAL = 2
export const BARE = 3

export type Card = Omit<Selectable<CardsTable>, 'audience' | 'mentions'> & { audience: Audience; mentions: Mention[] }

type Of = { generation: number; prefix: string; event_time: number }

/** A card with what decides its face beside the incident. */
export type CardOfNotification = Card & Of

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

/**
 * What decides when a card is due next; undefined for a card that is not there. `waitingFor`: when the first of its placements
 * may be sent, null = none waits.
 */
export async function findStanding(db: Handle, outTrackId: string) {
  const { rows } = await selectStanding(db, { outTrackId })
  return rows[0]
}

const selectStanding = statement((db, { outTrackId }: { outTrackId: string }) =>
  db
    .selectFrom('cards')
    .select(['stage', 'frozen', 'allowed_rev', 'shown_rev', 'held_until'])
    .select((eb) =>
      eb
        .selectFrom('placements')
        .select((of) => of.fn.min('not_before').as('soonest'))
        .whereRef('placements.out_track_id', '=', 'cards.out_track_id')
        .where('status', '=', 'waiting')
        .as('waitingFor'),
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
    eventTime?: number | undefined
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
    event_time: notification.eventTime ?? 0,
    created_at: nowMs,
  })
}

/** Generations from that one on make room for one that comes late. */
export async function moveUpGenerations(
  trx: Handle,
  of: { integrationId: string; incidentId: string },
  from: number,
): Promise<void> {
  for (const table of ['notifications', 'missed'] as const) {
    await trx
      .updateTable(table)
      .set((eb) => ({ generation: eb('generation', '+', 1) }))
      .where('integration_id', '=', of.integrationId)
      .where('incident_id', '=', of.incidentId)
      .where('generation', '>=', from)
      .execute()
  }
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
    urgent: boolean
    /** One of the four above. */
    plain?: number
    /** Whom groups mention when it is put into them. */
    mentions?: Mention[]
  },
  nowMs: number,
): Promise<void> {
  const { mentions = [] } = card
  const turnKey = turnKeyOf(card.spaces)
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
    deliver_turn: await takeTurn(trx, card.integrationId, 'create', turnKey),
    update_lane: USUAL,
    update_turn: 0,
    turn_key: turnKey,
    plain: card.plain ?? FULL,
    held_until: 0,
    lease_owner: null,
    lease_until: 0,
    lost_leases: 0,
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
      deliver_due_at: sql<number>`case
        when deliver_due_at is null or deliver_due_at > ${nowMs} then ${nowMs} else deliver_due_at end`,
      ...(idle ? { deliver_turn: await takeTurn(trx, idle.integration_id, 'create', idle.turn_key) } : {}),
      updated_at: nowMs,
    })
    .where('out_track_id', '=', outTrackId)
    .execute()
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
    notification.select('event_time').$asScalar().$notNull().as('event_time'),
  ] as const
}

export function cardOf(row: Selectable<CardsTable> & Of): CardOfNotification {
  return {
    ...row,
    audience: readAudience(row.audience),
    mentions: row.mentions === null ? [] : (JSON.parse(row.mentions) as Mention[]),
  }
}
