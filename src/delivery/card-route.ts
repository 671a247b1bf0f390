import type { Clock } from '../clock.ts'
import { registerCardRoute } from '../dingtalk/card-routes.ts'
import type { DingTalkClient } from '../dingtalk/client.ts'
import { cardCallbackUrl, cardRouteKeyOf, type Integration } from '../domain/integration.ts'
import { AppError } from '../errors.ts'
import { sleep, within } from '../lifecycle.ts'
import type { Log } from '../log.ts'
import { ensureCardRoute, noteRegistration } from '../storage/card-routes.ts'
import type { Db } from '../storage/db.ts'
import type { SecretBox } from '../storage/secret-box.ts'
import type { Quota } from './quota.ts'

export type CardRouteSettings = { retryMinMs: number; retryMaxMs: number }
export const CARD_ROUTE_SETTINGS: CardRouteSettings = { retryMinMs: 5_000, retryMaxMs: 300_000 }

const STOP_MS = 2_000

export type CardRouteDeps = {
  db: Db
  box: SecretBox
  clock: Clock
  log: Log
  client: DingTalkClient
  quota: Quota
  integration: Integration
  publicUrl: string | undefined
  settings: CardRouteSettings
}

/** Registers where presses of HTTP cards go, until DingTalk has confirmed it; once it has, it is not asked again. */
export function keepCardRoute(deps: CardRouteDeps): { problem(): string | undefined; stop(): Promise<void> } {
  const stopping = new AbortController()
  let problem: string | undefined = 'not done yet'

  const attempt = async (): Promise<void> => {
    const { db, box, clock, integration, publicUrl } = deps
    const route = await db.write((trx) => ensureCardRoute(trx, box, integration.id, clock.nowMs()))
    if (publicUrl === undefined) {
      throw new AppError({ kind: 'blocked', code: 'PUBLIC_URL_MISSING' }, 'PUBLIC_URL is not set')
    }
    const url = cardCallbackUrl(integration, publicUrl)
    if (route.isRegistered(url)) return
    const wanted = { routeKey: cardRouteKeyOf(integration.id), url, apiSecret: route.apiSecret }
    await registerCardRoute(deps.client, wanted, () =>
      db.write((trx) => deps.quota.countCall(trx, 'callbacks/register')),
    )
    await db.write((trx) => noteRegistration(trx, integration.id, { url }, clock.nowMs()))
    deps.log.info('card-route-registered')
  }

  const run = async (): Promise<void> => {
    for (let failures = 0; !stopping.signal.aborted; failures++) {
      try {
        await attempt()
        problem = undefined
        return
      } catch (error) {
        if (stopping.signal.aborted) return
        problem = describe(error)
        deps.log[failures === 0 ? 'error' : 'warn']({ err: error, problem }, 'card-route-unregistered')
        const told = { problem }
        const { db, integration, clock } = deps
        await db.write((trx) => noteRegistration(trx, integration.id, told, clock.nowMs())).catch(() => {})
      }
      const { retryMinMs, retryMaxMs } = deps.settings
      await sleep(Math.min(retryMinMs * 2 ** Math.min(failures, 20), retryMaxMs), stopping.signal)
    }
  }

  const running = run()
  return {
    problem: () => problem,
    async stop() {
      stopping.abort()
      // A call that hangs may go on: whether it was done is asked again at the next start.
      await within(STOP_MS, running)
    },
  }
}

function describe(error: unknown): string {
  if (!(error instanceof AppError)) return 'an unexpected failure; see the log'
  if (error.failure.code === 'PUBLIC_URL_MISSING') return error.message
  return `${error.failure.code}${error.detail === undefined ? '' : ` (${error.detail})`}`
}
