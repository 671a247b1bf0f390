import type { Clock } from '../clock.ts'
import type { IncidentEvent } from '../domain/event.ts'
import type { ChatTarget } from '../domain/read-delivery.ts'
import { AppError } from '../errors.ts'
import type { FlashdutyClient } from '../flashduty/client.ts'
import type { Log } from '../log.ts'

/** Flashduty's id of "no rule": assigned by hand. */
const NO_RULE = /^0*$/

const KEPT_MS = 60_000
const KEPT_RULES = 1_000

/** The groups of the event's escalation rule, as far as they can be known. */
export type LookedUp =
  | { kind: 'found'; chats: ChatTarget[] }
  /** There is no rule to ask about, or nothing to ask with. */
  | { kind: 'none' }
  /** Flashduty does not answer now. */
  | { kind: 'later'; error: AppError }
  /** Flashduty will not say. */
  | { kind: 'refused'; error: AppError }

export type LookUpRule = (
  integration: { id: string; dataSourceId: number | undefined; flashdutyKey: string | undefined },
  event: IncidentEvent,
) => Promise<LookedUp>

/** Whether only the escalation rule can say which groups the event is for. */
export function wantsRule(event: IncidentEvent): boolean {
  const { incident, eventType, delivery } = event
  const rule = incident.assigned_to?.escalate_rule_id ?? ''
  return eventType === 'i_assign' && delivery.chats === undefined && delivery.mode !== 'update' && !NO_RULE.test(rule)
}

/** Asks Flashduty for escalation rules, each at most once a minute, however many incidents they assign. */
export function createLookUpRule(deps: { flashduty: FlashdutyClient; clock: Clock; log: Log }): LookUpRule {
  const kept = new Map<string, { untilMs: number; layers: Promise<ChatTarget[][]> }>()

  const readLayers = (key: string, read: () => Promise<ChatTarget[][]>): Promise<ChatTarget[][]> => {
    const nowMs = deps.clock.nowMs()
    const known = kept.get(key)
    if (known && nowMs < known.untilMs && known.untilMs <= nowMs + KEPT_MS) return known.layers
    const layers = read()
    kept.delete(key)
    kept.set(key, { untilMs: nowMs + KEPT_MS, layers })
    const [oldest] = kept.keys()
    if (kept.size > KEPT_RULES && oldest !== undefined) kept.delete(oldest)
    // What failed is asked again next time.
    layers.catch(() => kept.delete(key))
    return layers
  }

  return async (integration, event) => {
    const { incident } = event
    const ruleId = incident.assigned_to?.escalate_rule_id
    const appKey = integration.flashdutyKey
    if (!wantsRule(event) || ruleId === undefined || appKey === undefined) return { kind: 'none' }
    const rule = { channelId: incident.channel_id, ruleId }
    try {
      const layers = await readLayers(JSON.stringify([integration.id, rule]), () =>
        deps.flashduty.readRuleChats(appKey, rule, integration.dataSourceId),
      )
      return { kind: 'found', chats: layers[incident.assigned_to?.layer_idx ?? 0] ?? [] }
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      const later = error.failure.kind !== 'permanent' && error.failure.kind !== 'blocked'
      const ids = { incidentId: incident.incident_id, eventId: event.eventId, integrationId: integration.id }
      deps.log[later ? 'warn' : 'error']({ ...ids, ...rule, err: error, detail: error.detail }, 'rule-unread')
      return { kind: later ? 'later' : 'refused', error }
    }
  }
}
