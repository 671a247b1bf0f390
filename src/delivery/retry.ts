import type { Failure } from '../errors.ts'
import { BARE, type CardOfNotification, FULL, PLAIN } from '../storage/cards.ts'
import type { StoredIncident } from '../storage/incidents.ts'
import type { ReconcileDeps } from './work.ts'

/** What nobody knows the meaning of is worth one more try. */
export function softened(failure: Failure, card: CardOfNotification): Failure {
  const unlisted = failure.kind === 'permanent' && failure.unlisted === true
  return unlisted && card.failures === 0 ? { kind: 'retryable', code: failure.code } : failure
}

/**
 * How the card is drawn once more after DingTalk refused its content; undefined = it is not. The buttons of a closed incident
 * have to go, whatever was refused: of that card less and less is sent.
 */
export function reducedTo(
  failure: Failure,
  card: CardOfNotification,
  { incident }: Pick<StoredIncident, 'incident'>,
): number | undefined {
  if (failure.kind !== 'permanent') return undefined
  if (failure.code === 'CONTENT_REJECTED' && card.plain === FULL) return PLAIN
  const hasLiveButtons = card.stage === 'present' && incident.progress === 'Closed'
  return hasLiveButtons && card.plain < BARE ? card.plain + 1 : undefined
}

const RETRY_MAX_MS = 60_000

/** @param failures in a row, this one included @returns how long to wait before the next try, in ms */
export function retryPause({ settings }: Pick<ReconcileDeps, 'settings'>, failure: Failure, failures: number): number {
  if (failure.kind === 'blocked' || failure.kind === 'permanent') return settings.blockedRetryMs
  if (failure.kind === 'throttled') return failure.retryAfterMs
  const backOff = Math.min(settings.spacingMs * 2 ** Math.min(failures, 10), RETRY_MAX_MS)
  return Math.max(backOff, failure.kind === 'retryable' ? (failure.retryAfterMs ?? 0) : 0)
}
