/** What should happen next, decided where the failure was understood. */
export type Failure =
  | { kind: 'retryable'; code: string; retryAfterMs?: number }
  | { kind: 'permanent'; code: string }
  | { kind: 'unknown-outcome'; code: string }

/** An expected failure. Anything that is not an AppError is a bug. */
export class AppError extends Error {
  override name = 'AppError'
  readonly failure: Failure

  /** @param message goes to logs and Redis: no tokens, no payloads, no query strings */
  constructor(failure: Failure, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.failure = failure
  }
}
