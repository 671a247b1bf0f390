import type { Insertable } from 'kysely'

import { variantId } from '../domain/event-id.ts'
import { MAX_BODIES, MAX_VARIANTS } from '../domain/limits.ts'
import { inChunks } from './chunks.ts'
import type { Handle, InboxTable } from './schema.ts'
import { statement } from './statement.ts'

/** A posted delivery whose plan is not committed yet; `id` is its own, also where several share one event id. */
export type Posted = { id: string; receivedAt: number; payload: string }

/** @returns false when this id was seen before */
export async function enterInbox(
  trx: Handle,
  entry: { source: InboxTable['source']; id: string; payload?: string },
  nowMs: number,
): Promise<boolean> {
  const { source, id, payload = null } = entry
  const done = await insertSeen(trx, { source, id, received_at: nowMs, payload })
  return (done.numAffectedRows ?? 0n) > 0n
}

const insertSeen = statement((db, row: Insertable<InboxTable>) =>
  db
    .insertInto('inbox')
    .values(row)
    .onConflict((oc) => oc.doNothing()),
)

/** What tells one delivery from others: Flashduty's id of the event, and what its body comes to. */
export type DeliveryId = { eventId: string; bodyHash: string; contentHash: string }

const selectBodies = statement((db, { eventId }: { eventId: string }) =>
  db
    .selectFrom('inbox')
    .select(['source', 'id', 'received_at', 'body_hash', 'content_hash', 'version_updated_at', 'version_event_time'])
    .where('event_id', '=', eventId)
    .where('source', 'in', ['deliver', 'posted']),
)

/** What came under an event id before hashes were kept counts as whatever comes under it. */
function isSame(row: { body_hash: string | null }, { bodyHash }: DeliveryId): boolean {
  return row.body_hash === null || row.body_hash === bodyHash
}

/** The first body of an event has its id, each further one a hash behind it. */
function rowIdOf({ eventId, bodyHash }: DeliveryId, rows: { id: string }[]): string {
  return rows.some(({ id }) => id === eventId) ? variantId(eventId, bodyHash) : eventId
}

/** How a delivery was taken in, the first time it was. */
export type Arrival = {
  /**
   * The event as it is planned and recorded. Another content under the same id is another event: whoever uses an id first must
   * not silence the one it belongs to.
   */
  eventId: string
  /** When it was taken in for the first time, and when it was sent: the same of everything that says the same. */
  takenAtMs: number
  sentAtMs: number
  /** The version it was given then because its own times could not be believed. */
  version: { updatedAt: number; eventTime: number } | undefined
  /** The row to keep such a version in. */
  rowId: string
  /** The same was taken in before. */
  isRepeat: boolean
}

/**
 * @param sentAtMs when the job was made, as far as anybody knows
 * @returns undefined when too many bodies came under this id already
 */
export async function enterDelivery(
  trx: Handle,
  delivery: DeliveryId,
  { nowMs, sentAtMs }: { nowMs: number; sentAtMs: number },
): Promise<Arrival | undefined> {
  const { eventId, bodyHash, contentHash } = delivery
  const { rows } = await selectBodies(trx, { eventId })
  const taken = rows.filter(({ source }) => source === 'deliver')
  const own = taken.find((row) => isSame(row, delivery))
  if (!own && isFull(taken, delivery)) return undefined
  const rowId = own?.id ?? rowIdOf(delivery, taken)
  const alike = rows.filter((row) => row.content_hash === contentHash)
  const takenBefore = taken.filter((row) => row === own || row.content_hash === contentHash)
  if (!own) {
    await insertSeen(trx, {
      source: 'deliver',
      id: rowId,
      received_at: nowMs,
      payload: null,
      event_id: eventId,
      body_hash: bodyHash,
      content_hash: contentHash,
    })
  }
  const firstContent = taken.find(({ id }) => id === eventId)?.content_hash
  const isAnother = firstContent !== undefined && firstContent !== null && firstContent !== contentHash
  const kept = takenBefore.find((row) => row.version_updated_at !== null)
  const { version_updated_at: updatedAt = null, version_event_time: eventTime = null } = kept ?? {}
  return {
    eventId: isAnother ? variantId(eventId, contentHash) : eventId,
    takenAtMs: Math.min(nowMs, ...takenBefore.map((row) => row.received_at)),
    sentAtMs: Math.min(nowMs, sentAtMs, ...alike.map((row) => row.received_at)),
    version: updatedAt === null || eventTime === null ? undefined : { updatedAt, eventTime },
    rowId,
    isRepeat: takenBefore.length > 0,
  }
}

/** So many different contents, and so many bodies in all: the same content may come for one target after the other. */
function isFull(rows: { content_hash: string | null }[], { contentHash }: DeliveryId): boolean {
  const contents = new Set(rows.map((row) => row.content_hash))
  return rows.length >= MAX_BODIES || (!contents.has(contentHash) && contents.size >= MAX_VARIANTS)
}

/** The version that an event got by its arrival counts for it ever after. */
export async function keepVersion(
  trx: Handle,
  rowId: string,
  version: { updatedAt: number; eventTime: number },
): Promise<void> {
  await trx
    .updateTable('inbox')
    .set({ version_updated_at: version.updatedAt, version_event_time: version.eventTime })
    .where('source', '=', 'deliver')
    .where('id', '=', rowId)
    .execute()
}

export type KeptPost = { outcome: 'kept'; id: string } | { outcome: 'duplicate' } | { outcome: 'too-many-variants' }

/** Keeps a posted delivery until `dropPosted`, unless the very same body was taken in or is kept already. */
export async function keepPosted(
  trx: Handle,
  posted: DeliveryId & { payload: string },
  nowMs: number,
): Promise<KeptPost> {
  const { eventId, bodyHash, contentHash, payload } = posted
  const { rows } = await selectBodies(trx, { eventId })
  if (rows.some((row) => isSame(row, posted))) return { outcome: 'duplicate' }
  const kept = rows.filter(({ source }) => source === 'posted')
  if (isFull(kept, posted)) return { outcome: 'too-many-variants' }
  const id = rowIdOf(posted, kept)
  await insertSeen(trx, {
    source: 'posted',
    id,
    received_at: nowMs,
    payload,
    event_id: eventId,
    body_hash: bodyHash,
    content_hash: contentHash,
  })
  return { outcome: 'kept', id }
}

/** The plan is committed: only the hash is still needed, to know the body by when it is posted again. */
export async function dropPosted(trx: Handle, posted: Pick<DeliveryId, 'eventId' | 'bodyHash'>): Promise<void> {
  await forgetPayload(trx, posted)
}

const forgetPayload = statement((db, { eventId, bodyHash }: Pick<DeliveryId, 'eventId' | 'bodyHash'>) =>
  db
    .updateTable('inbox')
    .set({ payload: null })
    .where('source', '=', 'posted')
    .where('event_id', '=', eventId)
    .where((eb) => eb.or([eb('body_hash', '=', bodyHash), eb('body_hash', 'is', null)]))
    .where('payload', 'is not', null),
)

/** A kept body that nothing will ever be made of. */
export async function forgetPosted(trx: Handle, id: string): Promise<void> {
  await trx.updateTable('inbox').set({ payload: null }).where('source', '=', 'posted').where('id', '=', id).execute()
}

/** Posted deliveries whose plan is not committed, oldest first: after that one, or only that one. */
export async function listPosted(
  db: Handle,
  which: { after: Posted } | { id: string } | undefined,
  limit: number,
): Promise<Posted[]> {
  let query = db
    .selectFrom('inbox')
    .select(['id', 'received_at', 'payload'])
    .where('source', '=', 'posted')
    .where('payload', 'is not', null)
  if (which && 'id' in which) query = query.where('id', '=', which.id)
  if (which && 'after' in which) {
    const { receivedAt, id } = which.after
    query = query.where((eb) =>
      eb.or([eb('received_at', '>', receivedAt), eb.and([eb('received_at', '=', receivedAt), eb('id', '>', id)])]),
    )
  }
  const rows = await query.orderBy('received_at').orderBy('id').limit(limit).execute()
  return rows.map((row) => ({ id: row.id, receivedAt: row.received_at, payload: row.payload ?? '' }))
}

export async function isPosted(db: Handle, id: string): Promise<boolean> {
  const row = await db
    .selectFrom('inbox')
    .select('id')
    .where('source', '=', 'posted')
    .where('id', '=', id)
    .where('payload', 'is not', null)
    .executeTakeFirst()
  return row !== undefined
}

/** Of each delivery, in order: whether it has been taken in, or its job put on record. */
export async function areEntered(db: Handle, deliveries: (DeliveryId & { jobId: string })[]): Promise<boolean[]> {
  const jobs = deliveries.map(({ jobId }) => `job:${jobId}`)
  const events = deliveries.map(({ eventId }) => eventId)
  const entered = () => db.selectFrom('inbox').select(['id', 'event_id', 'body_hash']).where('source', '=', 'deliver')
  const rows = [
    ...(await inChunks(jobs, (chunk) => entered().where('id', 'in', chunk).execute())),
    ...(await inChunks(events, (chunk) => entered().where('event_id', 'in', chunk).execute())),
  ]
  return deliveries.map((delivery) =>
    rows.some(
      (row) => row.id === `job:${delivery.jobId}` || (row.event_id === delivery.eventId && isSame(row, delivery)),
    ),
  )
}

/** Those of Flashduty's events of which any body was taken in or is kept. */
export async function listKnownEvents(db: Handle, eventIds: string[]): Promise<Set<string>> {
  const rows = await inChunks(eventIds, (chunk) =>
    db
      .selectFrom('inbox')
      .select('event_id')
      .where('event_id', 'in', chunk)
      .where('source', 'in', ['deliver', 'posted'])
      .execute(),
  )
  return new Set(rows.flatMap((row) => row.event_id ?? []))
}

/** Forgets ids older than a time; unreadable bodies stay as long as their records, posted ones until they are planned. */
export async function trimInbox(trx: Handle, beforeMs: number): Promise<void> {
  await trx.deleteFrom('inbox').where('received_at', '<', beforeMs).where('payload', 'is', null).execute()
}

/** The one id this database and its Redis share; made on first use. */
export async function getInstallationId(trx: Handle, candidate: string, nowMs: number): Promise<string> {
  const known = await trx.selectFrom('installation').select('id').executeTakeFirst()
  if (known) return known.id
  await trx.insertInto('installation').values({ id: candidate, created_at: nowMs }).execute()
  return candidate
}
