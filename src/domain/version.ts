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

export type EventVersion = IncidentVersion & {
  /** Whether it rests on more than the event itself, and so has to be kept with it: it would be another the next time. */
  byArrival: boolean
  /** Whether a time was told that cannot be believed. */
  doubted: boolean
}

/** When an event came for the first time: to the daemon, and to the queue or the webhook before. */
export type ArrivalTimes = { takenAtMs: number; sentAtMs: number }

/**
 * The version of an event's snapshot by the times that can be believed. Where none can, the event counts as of its arrival, and
 * as newer than what is stored. Where only its second is known, it is newer than what is stored of that second.
 * Events of the same millisecond count in the order in which incidents live: `i_new` first, closed last. Only among those
 * alike do the ids decide.
 * @param stored what is known of the incident, unless that cannot be believed either
 */
export function versionOfEvent(
  told: Told,
  { takenAtMs, sentAtMs }: ArrivalTimes,
  stored: IncidentVersion | undefined,
): EventVersion {
  const stage = told.eventType === 'i_new' ? 0 : STAGE[told.progress]
  const eventId = `${stage}:${told.eventId}`
  const updatedMs = believed(told.updatedAt && told.updatedAt * 1_000, takenAtMs)
  const eventTime = believed(told.eventTime, takenAtMs)
  const doubted = (updatedMs === undefined && !!told.updatedAt) || (eventTime === undefined && !!told.eventTime)
  if (eventTime !== undefined) {
    return { updatedAt: Math.floor((updatedMs ?? eventTime) / 1_000), eventTime, eventId, byArrival: false, doubted }
  }
  const place = updatedMs === undefined ? after(stored, sentAtMs) : within(updatedMs, stored)
  return { ...place, eventId, byArrival: true, doubted }
}

/** Somewhere in that second. */
function within(updatedMs: number, stored: IncidentVersion | undefined) {
  const updatedAt = updatedMs / 1_000
  const behind = stored?.updatedAt === updatedAt ? stored.eventTime + 1 : 0
  return { updatedAt, eventTime: Math.min(Math.max(updatedMs, behind), updatedMs + 999) }
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
