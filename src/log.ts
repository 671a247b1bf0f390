import { pino, type DestinationStream, type Logger } from 'pino'

import { AppError } from './errors.ts'

export type Log = Logger

/** Keys whose values never reach a log line, at the depths pino can name. */
const SECRET_KEYS = [
  'clientSecret',
  'appSecret',
  'accessToken',
  'access_token',
  'aesKey',
  'token',
  'secret',
  'ticket',
  'app_key',
  'appKey',
  'authorization',
  'sessionWebhook',
]

/**
 * The root logger: JSON lines on standard output with `time`, `level`, `component`, `msg`.
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
      redact: { paths: SECRET_KEYS.flatMap((key) => [key, `*.${key}`]), censor: '[secret]' },
    },
    destination ?? pino.destination({ fd: 1, sync: true }),
  )
}

type DescribedError = { name: string; message: string; failure?: unknown; stack?: string; cause?: unknown }

/** Name, message, failure, stack and the chain of causes; nothing else of the error. */
export function describeError(error: unknown): DescribedError {
  if (!(error instanceof Error)) return { name: 'NotAnError', message: typeof error }
  return {
    name: error.name,
    message: error.message,
    ...(error instanceof AppError ? { failure: error.failure } : {}),
    ...(error.stack === undefined ? {} : { stack: error.stack }),
    ...(error.cause === undefined ? {} : { cause: describeError(error.cause) }),
  }
}
