/** DingTalk counts by the calendar of its home. */
const OFFSET_MS = 8 * 3_600_000

/** `2026-01`: the month of DingTalk's books, in Asia/Shanghai. */
export function monthOf(nowMs: number): string {
  return new Date(nowMs + OFFSET_MS).toISOString().slice(0, 7)
}

/** Shares of a monthly quota at which the operator is told. */
const WARN_AT = [0.5, 0.8, 0.95]

/** From here on updates that are not final wait: alerts come first. */
const SAVE_FROM = 0.95

/** From here on no call is made that only a second screen of the same person would show. */
const HALF = 0.5

export function isHalfUsed(used: number, limit: number): boolean {
  return limit > 0 && used >= limit * HALF
}

/** Whether so much of the quota is used that it has to be kept for what matters most; `limit` 0 = unlimited. */
export function isScarce(used: number, limit: number): boolean {
  return limit > 0 && used >= limit * SAVE_FROM
}

/** The warning, as a share of the quota, that going from `before` to `after` sets off. */
export function warningCrossed(before: number, after: number, limit: number): number | undefined {
  if (limit <= 0) return undefined
  return WARN_AT.findLast((share) => before < limit * share && after >= limit * share)
}

/** The highest warning that holds now. */
export function warningOf(used: number, limit: number): number | undefined {
  return warningCrossed(-1, used, limit)
}

/** Shares of the month's calls for asking how groups are: because time has passed, and because nobody was listening. */
const VERIFY_SHARE = { routine: 0.05, outage: 0.2 }

/**
 * How many more groups may be asked about; `Infinity` with a `limit` of 0. What is for the routine is spread evenly
 * over the month, so that its last days are not left out.
 */
export function verifyAllowance(
  why: 'routine' | 'outage',
  { used, limit }: { used: number; limit: number },
  nowMs: number,
): number {
  if (limit <= 0) return Infinity
  const whole = limit * VERIFY_SHARE[why]
  return Math.max(0, Math.floor(why === 'routine' ? whole * shareOfMonth(nowMs) : whole) - used)
}

/** How much of the month is over at the end of this day, 0 to 1. */
function shareOfMonth(nowMs: number): number {
  const today = new Date(nowMs + OFFSET_MS)
  const days = new Date(Date.UTC(today.getUTCFullYear(), today.getUTCMonth() + 1, 0)).getUTCDate()
  return today.getUTCDate() / days
}
