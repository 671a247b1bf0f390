import type { Clock } from '../clock.ts'
import { isScarce, warningOf } from '../domain/quota.ts'
import type { Db } from '../storage/db.ts'
import { listIntegrations } from '../storage/integrations.ts'
import type { SecretBox } from '../storage/secret-box.ts'
import { sumUsage, type UsageKind } from '../storage/usage.ts'

/** One corporation's month. */
export type Usage = { corp: string; kind: UsageKind; used: number; limit: number }

/** How the enabled integrations stand with DingTalk, for the operator. */
export type Standing = {
  /** One row per corporation and kind. */
  readUsage(): Promise<Usage[]>
  /** What works, but somebody should know about. */
  readNotes(): Promise<string[]>
}

export function createStanding({ db, box, clock }: { db: Db; box: SecretBox; clock: Clock }): Standing {
  const readUsage = async (): Promise<Usage[]> => {
    const books = new Map<string, Usage>()
    for (const integration of await listIntegrations(db.read, box)) {
      if (!integration.enabled) continue
      for (const kind of ['call', 'push'] as const) {
        const used = await sumUsage(db.read, integration.corpId, kind, clock.nowMs())
        const limit = kind === 'call' ? integration.monthlyCalls : integration.monthlyPushes
        books.set(`${integration.corpId} ${kind}`, { corp: integration.corpId, kind, used, limit })
      }
    }
    return [...books.values()]
  }
  return {
    readUsage,
    async readNotes() {
      const usage = (await readUsage()).flatMap(({ corp, kind, used, limit }) => {
        if (warningOf(used, limit) === undefined) return []
        const what = kind === 'call' ? 'API calls' : 'pushes'
        const saving = kind === 'call' && isScarce(used, limit) ? '; updates that are not final wait' : ''
        return [`${corp}: ${used} of ${limit} ${what} of this month are used${saving}`]
      })
      const refused = (await listIntegrations(db.read, box)).flatMap(({ name, templateId, templateRefusedAt }) =>
        templateId !== undefined && templateRefusedAt !== undefined
          ? [`${name}: DingTalk refused the card template ${templateId}; the public one is used`]
          : [],
      )
      return [...usage, ...refused]
    },
  }
}
