import type { IncidentVersion, Progress } from './incident.ts'

/** Clocks of other hosts may be ahead of ours by so much. A time that lies further in the future is not believed. */
export const AHEAD_MS = 5 * 60_000

const STAGE: Record<Progress, number> = { Triggered: 1, Processing: 2, Closed: 3 }

/** What an event says about when it was; `updatedAt` in Unix seconds, `eventTime` in ms, undefined = it does not say. */
export type Told = {
  eventType: string
  eventId: string
  eventTime: number | undefined
  updatedAt: number | undefined
  progress: Progress
}

/**
 * The version of an event's snapshot by the times that can be believed. Where none can, the event counts as of its arrival, and
 * as newer than what is stored: such a version has to be kept with the event, since it would be another the next time.
 * Events of the same millisecond count in the order in which incidents live: `i_new` first, closed last. Only among those
 * alike do the ids decide.
 * @param arrivedAtMs when the event came for the first time
 * @param stored what is known of the incident, unless that cannot be believed either
 */
export function versionOfEvent(
  told: Told,
  arrivedAtMs: number,
  stored: IncidentVersion | undefined,
): IncidentVersion & { ownTime: boolean } {
  const stage = told.eventType === 'i_new' ? 0 : STAGE[told.progress]
  const eventId = `${stage}:${told.eventId}`
  const updatedAt = believed(told.updatedAt && told.updatedAt * 1_000, arrivedAtMs)
  const eventTime = believed(told.eventTime, arrivedAtMs)
  if (updatedAt === undefined && eventTime === undefined) {
    return { ...after(stored, arrivedAtMs), eventId, ownTime: false }
  }
  return {
    updatedAt: Math.floor((updatedAt ?? eventTime ?? 0) / 1_000),
    // Nothing tells when in that second it was, and it must not count as older than what came before it.
    eventTime: eventTime ?? (updatedAt ?? 0) + 999,
    eventId,
    ownTime: true,
  }
}

/**
 * The version of an answer of `/incident/info`: `(updated_at, updated_at·1000, '')`. Without a time that can be believed it
 * counts as newer than what was stored when it was asked for, and as older than whatever came since.
 * @param updatedAt Unix seconds
 */
export function versionOfInfo(
  updatedAt: number | undefined,
  readAtMs: number,
  seen: IncidentVersion | undefined,
): IncidentVersion {
  const updatedMs = believed(updatedAt && updatedAt * 1_000, readAtMs)
  if (updatedMs !== undefined) return { updatedAt: updatedMs / 1_000, eventTime: updatedMs, eventId: '' }
  return { ...(seen ? justAfter(seen) : asOf(readAtMs)), eventId: '' }
}

/** Whether a version of this time could only be stored because times of the future were believed once. */
export function isPoisoned({ updatedAt, eventTime }: IncidentVersion, storedAtMs: number): boolean {
  return Math.max(updatedAt * 1_000, eventTime) > storedAtMs + AHEAD_MS
}

function believed(ms: number | undefined, arrivedAtMs: number): number | undefined {
  return ms !== undefined && ms > 0 && ms <= arrivedAtMs + AHEAD_MS ? ms : undefined
}

function asOf(ms: number) {
  return { updatedAt: Math.floor(ms / 1_000), eventTime: ms }
}

function justAfter({ updatedAt, eventTime }: IncidentVersion) {
  return { updatedAt, eventTime: eventTime + 1 }
}

function after(stored: IncidentVersion | undefined, ms: number) {
  const now = asOf(ms)
  if (!stored) return now
  const isNewer = now.updatedAt > stored.updatedAt || (now.updatedAt === stored.updatedAt && ms > stored.eventTime)
  return isNewer ? now : justAfter(stored)
}
