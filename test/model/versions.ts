import type { IncidentEvent } from '../sandbox/flashduty/types.ts'

/**
 * The order of an incident's events by what is documented ("Order and time" in docs/webhook.md). Nothing of it is taken from
 * the daemon, whose clock, Flashduty's and this one are the same machine's.
 */

/** Seconds of `updated_at`, milliseconds of `event_time`, and where in an incident's life; compared in that order. */
export type Point = readonly [updatedAt: number, eventTime: number, stage: number]

/** Between which points an event lies: the same one, unless it has only its arrival for a time, which nobody saw exactly. */
export type Span = { lo: Point; hi: Point; timeless: boolean }

/** What is known of an arrival: not before, not after. */
export type Window = { fromMs: number; toMs: number }

const BELIEVED_AHEAD_MS = 5 * 60_000
const STAGES = { Triggered: 1, Processing: 2, Closed: 3 }
const FIRST_STAGE = 0
const LAST_STAGE = 9

export function comparePoints(a: Point, b: Point): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2]
}

export function laterPoint(a: Point, b: Point | undefined): Point {
  return b !== undefined && comparePoints(b, a) > 0 ? b : a
}

/** @returns undefined where neither time can be believed: its place is where it arrived; of a second alone, all of that second */
export function placeByItsTimes(event: IncidentEvent, { toMs }: Window): Span | undefined {
  const believe = (ms: number | undefined): number | undefined =>
    ms !== undefined && ms > 0 && ms <= toMs + BELIEVED_AHEAD_MS ? ms : undefined
  const { updated_at: second, progress } = event.incident as { updated_at?: number; progress: keyof typeof STAGES }
  const updatedMs = believe(second === undefined ? undefined : second * 1_000)
  const eventMs = believe((event as { event_time?: number }).event_time)
  const stage = event.event_type === 'i_new' ? FIRST_STAGE : STAGES[progress]
  const within = (from: number, to: number): Span => {
    const second = Math.floor((updatedMs ?? from) / 1_000)
    return { lo: [second, from, stage], hi: [second, to, stage], timeless: false }
  }
  if (eventMs !== undefined) return within(eventMs, eventMs)
  return updatedMs === undefined ? undefined : within(updatedMs, updatedMs + 999)
}

/**
 * As of its arrival, and newer than what was stored then.
 * @param stored the oldest and the newest that can have been stored before it
 * @param others how many such events may have come between
 */
export function placeByArrival(
  { fromMs, toMs }: Window,
  stored: { lo: Point | undefined; hi: Point | undefined },
  others: number,
): Span {
  const at = (ms: number, stage: number): Point => [Math.floor(ms / 1_000), ms, stage]
  const after = ([second, ms]: Point, steps: number, stage: number): Point => [second, ms + steps, stage]
  return {
    lo: laterPoint(at(fromMs, FIRST_STAGE), stored.lo && after(stored.lo, 1, FIRST_STAGE)),
    hi: laterPoint(at(toMs, LAST_STAGE), stored.hi && after(stored.hi, 1 + others, LAST_STAGE)),
    timeless: true,
  }
}
