/** What should happen next, decided where the failure was understood. */
export type Failure =
  /** The same call may work later; nothing was done. */
  | { kind: 'retryable'; code: string; retryAfterMs?: number }
  /** As retryable, and every further call of the same kind would be refused too until then. */
  | { kind: 'throttled'; code: string; retryAfterMs: number }
  /** Somebody has to change something first; keep the work and look again slowly. */
  | { kind: 'blocked'; code: string }
  /** It will not work; tell someone. `unlisted`: as far as anybody can tell, so one more try is worth its call. */
  | { kind: 'permanent'; code: string; unlisted?: true }
  /** The call may or may not have been done. */
  | { kind: 'unknown-outcome'; code: string }

/** An expected failure. Anything that is not an AppError is a bug. */
export class AppError extends Error {
  override name = 'AppError'
  readonly failure: Failure
  /** What the platform said, for operation records: its code and message, never a request. */
  readonly detail: string | undefined

  /** @param message goes to logs and Redis: no tokens, no payloads, no query strings */
  constructor(failure: Failure, message: string, options?: { cause?: unknown; detail?: string }) {
    super(message, options)
    this.failure = failure
    this.detail = options?.detail
  }
}
