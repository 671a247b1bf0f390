import type { Clock } from '../clock.ts'
import { templateNameOf } from '../domain/card-template.ts'
import { isScarce, warningOf } from '../domain/quota.ts'
import { listAppNotes } from '../storage/app-notes.ts'
import type { Db } from '../storage/db.ts'
import { listIntegrations } from '../storage/integrations.ts'
import type { SecretBox } from '../storage/secret-box.ts'
import { sumUsage } from '../storage/usage.ts'

/** One corporation's month. */
export type Usage = { corp: string; kind: 'call' | 'push'; used: number; limit: number }

/** How the enabled integrations stand with DingTalk, for the operator. */
export type Standing = {
  /** One row per corporation and kind. */
  readUsage(): Promise<Usage[]>
  /** What works, but somebody should know about. */
  readNotes(): Promise<string[]>
}

/** So long somebody may wonder why people get nothing any more. */
const SCOPES_WORTH_MS = 3 * 86_400_000

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
  const readAppNotes = async (): Promise<string[]> => {
    const names = new Map((await listIntegrations(db.read, box)).map(({ id, name }) => [id, name]))
    return (await listAppNotes(db.read)).flatMap(({ integration_id: id, kind, changed_at: changedAt, detail }) => {
      const name = names.get(id)
      if (name === undefined) return []
      if (kind === 'switched-off') return [`${name}: the app is switched off in DingTalk's developer console`]
      if (kind === 'status-unknown') {
        return [`${name}: DingTalk says "${detail}" of the app, which nobody knows: look whether it is switched on`]
      }
      return clock.nowMs() - changedAt < SCOPES_WORTH_MS
        ? [`${name}: the app's visible range was changed; whoever is outside it gets nothing`]
        : []
    })
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
          ? [`${name}: DingTalk refused the card template ${templateNameOf(templateId)}; the public one is used`]
          : [],
      )
      return [...usage, ...refused, ...(await readAppNotes())]
    },
  }
}
