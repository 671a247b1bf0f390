import { z } from 'zod'

import { AppError } from '../errors.ts'
import type { HttpAnswer } from '../outbound.ts'

/** How DingTalk's firewall answers an address that called too often: with a page, or with this; nothing was done. */
const Banned = z.looseObject({ status: z.coerce.number().pipe(z.literal(1111)), punish: z.string() })

/**
 * The JSON of an answer of either API family; `{}` when a refusal came without any.
 * @throws AppError `throttled` when this address is banned, `unknown-outcome` when a success is not JSON
 */
export function readJson({ status, contentType, text }: HttpAnswer, what: string): unknown {
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    if (status >= 200 && status < 300) {
      throw new AppError({ kind: 'unknown-outcome', code: 'IM_ERROR' }, `${what}: the answer is not JSON`)
    }
    if (/html/i.test(contentType) && status < 500) throw banned(what, `HTTP ${status}, HTML page`)
    body = {}
  }
  if (Banned.safeParse(body).success) throw banned(what, `HTTP ${status}, status 1111`)
  return body
}

function banned(what: string, detail: string): AppError {
  const failure = { kind: 'throttled', code: 'IM_RATE_LIMITED', retryAfterMs: 300_000 } as const
  return new AppError(failure, `${what}: this address is banned for minutes`, { detail })
}
