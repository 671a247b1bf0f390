import { z } from 'zod'

import type { Clock } from '../clock.ts'
import { AppError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { HttpAnswer, SendHttp } from '../outbound.ts'
import type { ProxyFor } from '../proxy.ts'

/** How long DingTalk's firewall bans an address that called too often (page "how-to-process-api-throttling …"). */
const BAN_MS = 300_000
/** After a page that is no answer of DingTalk's its host is left alone for so long, doubled each time. */
const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 60_000
/** Of a page: as far as it is looked at. */
const MAX_READ = 100_000

const Banned = z.looseObject({ status: z.coerce.number().pipe(z.literal(1111)), punish: z.string() })
/** The same inside a page, or what else the firewall signs its pages with. */
const BAN_MARK = /"?status"?\s{0,9}[:=]\s{0,9}"?1111\b|x5secdata|_____tmd_____/

export type HeldBack = {
  send: SendHttp
  /** For the operator: hosts that something on the way answers for. */
  notes: () => string[]
}

type Host = { pauses: number; untilMs: number; status: number; way: string }

/**
 * Holds calls back where calling on is no use. The firewall's ban meets an address, so once a call has met it none goes out,
 * whatever app or API it is for. A page of something else on the way, a proxy most likely, meets a host: that one is tried again
 * after a pause that grows, and nothing was done there.
 * @returns throws AppError `throttled` for the calls held back, and for the one that met the page
 */
export function holdBack(send: SendHttp, deps: { clock: Clock; log: Log; proxyFor: ProxyFor }): HeldBack {
  const { clock, log } = deps
  let bannedUntil = 0
  const hosts = new Map<string, Host>()

  const refuse = (what: string, { status, way, untilMs }: Host): AppError => {
    const retryAfterMs = Math.max(1, Math.min(untilMs - clock.nowMs(), LONGEST_PAUSE_MS))
    const detail = `HTTP ${status}, a page instead of an answer of ${way}`
    return new AppError({ kind: 'throttled', code: 'NETWORK', retryAfterMs }, `${what}: ${detail}`, { detail })
  }

  return {
    async send(request) {
      const target = new URL(request.url)
      const what = `${request.method} ${target.pathname}`
      // A clock that was put back must not make a pause longer.
      const leftMs = Math.min(bannedUntil - clock.nowMs(), BAN_MS)
      if (leftMs > 0) throw banned(what, 'held back: another call has met the ban', leftMs)
      const known = hosts.get(target.host)
      const pauseMs = known ? Math.min(known.untilMs - clock.nowMs(), LONGEST_PAUSE_MS) : 0
      if (known && pauseMs > 0) throw refuse(what, known)

      const answer = await send(request)
      if (readBan(answer) !== undefined) {
        bannedUntil = clock.nowMs() + BAN_MS
        log.error({ host: target.host, status: answer.status }, 'dingtalk-ban-met')
        return answer
      }
      if (!isPage(answer)) {
        if (hosts.delete(target.host)) log.info({ host: target.host }, 'host-answers-again')
        return answer
      }
      const proxy = deps.proxyFor(target)?.name
      const way = `${target.host}${proxy === undefined ? '' : ` through the proxy ${proxy}`}`
      const pauses = (known?.pauses ?? 0) + 1
      const untilMs = clock.nowMs() + Math.min(FIRST_PAUSE_MS * 2 ** Math.min(pauses - 1, 10), LONGEST_PAUSE_MS)
      const host = { pauses, untilMs, status: answer.status, way }
      hosts.set(target.host, host)
      if (pauses === 1) log.warn({ host: target.host, proxy, status: answer.status }, 'host-answers-with-a-page')
      throw refuse(what, host)
    },
    notes: () =>
      [...hosts.values()].map(
        ({ way, status }) =>
          `${way} answers with a page (HTTP ${status}) instead of the API's JSON: something on the way keeps the calls out`,
      ),
  }
}

/** @throws AppError `throttled IM_RATE_LIMITED` when the answer is the firewall's; nothing was done then */
export function refuseBan(answer: HttpAnswer, what: string): void {
  const met = readBan(answer)
  if (met !== undefined) throw banned(what, met, BAN_MS)
}

/** What is no answer of the API: it redirects nowhere, and refuses in JSON. After a 5xx nobody knows what was done. */
function isPage({ status, contentType, text }: HttpAnswer): boolean {
  if (status >= 300 && status < 400) return true
  const html = /html/i.test(contentType) || /^\s{0,99}<(!doctype html|html)\b/i.test(text)
  return (status >= 400 && status < 500 && html) || status === 407
}

/** The firewall answers with a page that says so, or with `status` 1111. */
function readBan(answer: HttpAnswer): string | undefined {
  const { status, text } = answer
  if (status >= 500) return undefined
  try {
    return Banned.safeParse(JSON.parse(text)).success ? `HTTP ${status}, status 1111` : undefined
  } catch {
    return isPage(answer) && BAN_MARK.test(text.slice(0, MAX_READ)) ? `HTTP ${status}, page of the ban` : undefined
  }
}

function banned(what: string, detail: string, retryAfterMs: number): AppError {
  const failure = { kind: 'throttled', code: 'IM_RATE_LIMITED', retryAfterMs } as const
  return new AppError(failure, `${what}: this address is banned for minutes`, { detail })
}
