import { z } from 'zod'

import type { Clock } from '../clock.ts'
import { AppError } from '../errors.ts'
import type { HttpAnswer, SendHttp } from '../outbound.ts'

/** How long DingTalk's firewall bans an address that called too often (page "how-to-process-api-throttling …"). */
const BAN_MS = 300_000

const Banned = z.looseObject({ status: z.coerce.number().pipe(z.literal(1111)), punish: z.string() })

/**
 * The ban meets an address, so every call from here, whatever app or API it is for: once one of them has met it, none goes
 * out until it is over, since calling on makes it last.
 * @returns throws AppError `throttled IM_RATE_LIMITED` for the calls held back
 */
export function holdBackWhileBanned(send: SendHttp, clock: Clock): SendHttp {
  let bannedUntil = 0
  return async (request) => {
    const what = `${request.method} ${new URL(request.url).pathname}`
    // A clock that was put back must not make the ban longer.
    const leftMs = Math.min(bannedUntil - clock.nowMs(), BAN_MS)
    if (leftMs > 0) throw banned(what, 'held back: another call has met the ban', leftMs)
    const answer = await send(request)
    if (readBan(answer) !== undefined) bannedUntil = clock.nowMs() + BAN_MS
    return answer
  }
}

/** @throws AppError `throttled IM_RATE_LIMITED` when the answer is the firewall's; nothing was done then */
export function refuseBan(answer: HttpAnswer, what: string): void {
  const met = readBan(answer)
  if (met !== undefined) throw banned(what, met, BAN_MS)
}

/** The firewall answers with a page, or with `status` 1111. */
function readBan({ status, contentType, text }: HttpAnswer): string | undefined {
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    const isPage = /html/i.test(contentType) && (status < 200 || status >= 300) && status < 500
    return isPage ? `HTTP ${status}, HTML page` : undefined
  }
  return Banned.safeParse(body).success ? `HTTP ${status}, status 1111` : undefined
}

function banned(what: string, detail: string, retryAfterMs: number): AppError {
  const failure = { kind: 'throttled', code: 'IM_RATE_LIMITED', retryAfterMs } as const
  return new AppError(failure, `${what}: this address is banned for minutes`, { detail })
}
