import { pino, type DestinationStream, type Logger } from 'pino'

import { SECRET_KEYS } from './domain/secrets.ts'
import { visibleLines } from './domain/visible.ts'
import { AppError } from './errors.ts'

export type Log = Logger

/**
 * The root logger, without secrets at the depths pino can name: JSON lines on standard output with `time`, `level`, `component`, `msg`.
 * Errors are written by an allow-list: libraries keep URLs and request bodies, and so secrets, in own fields of theirs.
 */
export function createLog(level: string, destination?: DestinationStream): Log {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describeError },
      // Read on terminals, where a title must not steer anything; read by a program, it is the original.
      hooks: { streamWrite: visibleLines },
      redact: { paths: SECRET_KEYS.flatMap((key) => [key, `*.${key}`]), censor: '[secret]' },
    },
    destination ?? pino.destination({ fd: 1, sync: true }),
  )
}

type DescribedError = {
  name: string
  message: string
  failure?: unknown
  stack?: string
  cause?: unknown
  errors?: unknown
}

/** Causes may go in circles. */
const MAX_DEPTH = 5

/** Name, message, failure, stack, the chain of causes and the errors of an aggregate; nothing else of the error. */
export function describeError(error: unknown): DescribedError {
  return describe(error, 0)
}

function describe(error: unknown, depth: number): DescribedError {
  if (!(error instanceof Error)) return { name: 'NotAnError', message: typeof error }
  const inner = depth < MAX_DEPTH
  return {
    name: error.name,
    message: error.message,
    ...(error instanceof AppError ? { failure: error.failure } : {}),
    ...(error.stack === undefined ? {} : { stack: error.stack }),
    ...(inner && error.cause !== undefined ? { cause: describe(error.cause, depth + 1) } : {}),
    ...(inner && error instanceof AggregateError
      ? { errors: error.errors.map((part: unknown) => describe(part, depth + 1)) }
      : {}),
  }
}
