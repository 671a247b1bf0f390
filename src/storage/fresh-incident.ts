import type { Incident, LastAct } from '../domain/incident.ts'
import { versionOfInfo } from '../domain/version.ts'
import { type CardOfNotification, listCardsOfIncident } from './cards.ts'
import { allowRevision } from './change-cards.ts'
import { advanceIncident, type StoredIncident } from './incidents.ts'
import type { Handle } from './schema.ts'

/** The incident as Flashduty told it; `seen`: what was stored when it was asked. */
export type Fresh = { incident: Incident; seen: StoredIncident | undefined }

/** Whose news it is, as far as anybody knows; see `replyEventTypes`. */
export type FreshNews = {
  eventType: string | undefined
  lastAct: (updatedAt: number) => LastAct | undefined
  /** Shows it whatever it takes otherwise. */
  outTrackId?: string
  urgent: boolean
  spacingMs: number
}

/**
 * Moves the incident forward and lets every card that takes such events show it.
 * @returns the cards that may show it; undefined when it did not move
 */
export async function storeFreshIncident(
  trx: Handle,
  integrationId: string,
  { incident, seen }: Fresh,
  news: FreshNews,
  nowMs: number,
): Promise<string[] | undefined> {
  const read = versionOfInfo(incident.updated_at, nowMs, seen?.version)
  // Read after the stored state was, so of the same second it cannot be older: it may take its place.
  const sameSecond = seen !== undefined && seen.version.updatedAt === read.updatedAt
  const stored = await advanceIncident(
    trx,
    {
      integrationId,
      incident: { ...incident, updated_at: read.updatedAt },
      version: sameSecond ? seen.version : read,
      ...(sameSecond ? { replacesRev: seen.rev } : {}),
      lastAct: news.lastAct(read.updatedAt),
    },
    nowMs,
  )
  if (!stored.advanced) return undefined
  const cards = await listCardsOfIncident(trx, integrationId, incident.incident_id)
  const allowed = cards.filter((card) => takes(card, news)).map((card) => card.out_track_id)
  await allowRevision(trx, allowed, { rev: stored.rev, spacingMs: news.spacingMs, urgent: news.urgent }, nowMs)
  return allowed
}

function takes({ frozen, audience, out_track_id: outTrackId }: CardOfNotification, news: FreshNews): boolean {
  if (frozen !== 0) return false
  const { replyEventTypes: types } = audience
  const { eventType } = news
  return outTrackId === news.outTrackId || types.length === 0 || (eventType !== undefined && types.includes(eventType))
}
