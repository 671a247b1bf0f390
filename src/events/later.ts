import type { Ack } from '../domain/inbound.ts'
import { AppError } from '../errors.ts'

/** Not stored, so DingTalk is to push it again; our own mistakes are not told to it. */
export function laterBecause(error: unknown): Ack {
  return { status: 'LATER', message: error instanceof AppError ? error.failure.code : 'internal error' }
}
