import type { Failure } from '../errors.ts'
import { type CardOfNotification, FULL } from '../storage/cards.ts'
import type { ReconcileDeps } from './work.ts'

/** What nobody knows the meaning of is worth one more try. */
export function softened(failure: Failure, card: CardOfNotification): Failure {
  const unlisted = failure.kind === 'permanent' && failure.unlisted === true
  return unlisted && card.failures === 0 ? { kind: 'retryable', code: failure.code } : failure
}

/** DingTalk's content filter refused the words: once more with as few from outside as can be. */
export function mayBePlain(failure: Failure, card: CardOfNotification): boolean {
  return failure.code === 'CONTENT_REJECTED' && card.plain === FULL
}

const RETRY_MAX_MS = 60_000

/** @param failures in a row, this one included @returns how long to wait before the next try, in ms */
export function retryPause({ settings }: Pick<ReconcileDeps, 'settings'>, failure: Failure, failures: number): number {
  if (failure.kind === 'blocked' || failure.kind === 'permanent') return settings.blockedRetryMs
  if (failure.kind === 'throttled') return failure.retryAfterMs
  const backOff = Math.min(settings.spacingMs * 2 ** Math.min(failures, 10), RETRY_MAX_MS)
  return Math.max(backOff, failure.kind === 'retryable' ? (failure.retryAfterMs ?? 0) : 0)
}
