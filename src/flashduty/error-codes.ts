import type { Failure } from '../errors.ts'

/** Flashduty's `error.code` decides; the HTTP status is only a hint (Open API catalogue, error codes). */
const TABLE: Record<string, Failure> = {
  InvalidParameter: { kind: 'permanent', code: 'ACTION_REJECTED' },
  BadRequest: { kind: 'permanent', code: 'ACTION_REJECTED' },
  InvalidContentType: { kind: 'permanent', code: 'ACTION_REJECTED' },
  ReferenceExist: { kind: 'permanent', code: 'ACTION_REJECTED' },
  ResourceNotFound: { kind: 'permanent', code: 'INCIDENT_NOT_FOUND' },
  NoLicense: { kind: 'permanent', code: 'NO_LICENSE' },
  BalanceNotEnough: { kind: 'permanent', code: 'SUBSCRIPTION_OVER' },
  Unauthorized: { kind: 'permanent', code: 'KEY_INVALID' },
  AccessDenied: { kind: 'permanent', code: 'NO_PERMISSION' },
  RequestVerifyRequired: { kind: 'permanent', code: 'SECOND_FACTOR' },
  DangerousOperation: { kind: 'permanent', code: 'SECOND_FACTOR' },
  RequestLocked: { kind: 'permanent', code: 'ACCOUNT_LOCKED' },
  RouteNotFound: { kind: 'permanent', code: 'ACTION_REJECTED' },
  MethodNotAllowed: { kind: 'permanent', code: 'ACTION_REJECTED' },
  UndonedOrderExist: { kind: 'permanent', code: 'ACTION_REJECTED' },
  EntityTooLarge: { kind: 'permanent', code: 'ACTION_REJECTED' },
  RequestTooFrequently: { kind: 'retryable', code: 'FLASHDUTY_RATE_LIMITED', retryAfterMs: 1_000 },
  InternalError: { kind: 'unknown-outcome', code: 'FLASHDUTY_UNAVAILABLE' },
  ServiceUnavailable: { kind: 'unknown-outcome', code: 'FLASHDUTY_UNAVAILABLE' },
}

/** The codes that Flashduty's pages name. */
export const KNOWN_CODES: readonly string[] = Object.keys(TABLE)

/** What an account whose subscription ran out is told: no page names the code, so of an unknown one the words decide. */
const SUBSCRIPTION = /subscription|到期|过期|欠费|续费|冻结|frozen|payment/i

/** Letters of the message that are looked at. */
const MAX_SAID = 500

/**
 * A code that nobody knows is a refusal like any other: which one a frozen account answers is not told, and asking again does
 * not thaw it. What comes without a code, and is no refusal by its status, is not Flashduty's answer: a proxy's, or cut off.
 * @param said the message beside the code
 */
export function classify(status: number, code: string, said = ''): Failure {
  const known = Object.hasOwn(TABLE, code) ? TABLE[code] : undefined
  if (known) return known
  const isOver = [400, 402, 403, 409].includes(status) && SUBSCRIPTION.test(said.slice(0, MAX_SAID))
  if (isOver) return { kind: 'permanent', code: 'SUBSCRIPTION_OVER' }
  if (status === 401) return { kind: 'permanent', code: 'KEY_INVALID' }
  if (status === 402) return { kind: 'permanent', code: 'SUBSCRIPTION_OVER' }
  if (status === 403) return { kind: 'permanent', code: 'NO_PERMISSION' }
  if (status === 429) return { kind: 'retryable', code: 'FLASHDUTY_RATE_LIMITED', retryAfterMs: 1_000 }
  const isElsewhere = status === 408 || (code === '' && status < 400)
  if (status >= 500 || isElsewhere) return { kind: 'unknown-outcome', code: 'FLASHDUTY_UNAVAILABLE' }
  return { kind: 'permanent', code: 'ACTION_REJECTED' }
}
