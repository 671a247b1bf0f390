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
