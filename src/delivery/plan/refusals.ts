import type { IncidentEvent } from '../../domain/event.ts'
import type { ChatTarget } from '../../domain/read-delivery.ts'
import { isReachable } from '../../domain/group.ts'
import { passesSeverity } from '../../domain/incident.ts'
import type { Reason } from '../../domain/reasons.ts'
import type { GroupState, PlanInput } from './plan.ts'

export function refuseAll({ event, progress, nowMs }: PlanInput): Reason | undefined {
  if (progress === 'Closed') return 'ALREADY_CLOSED'
  if (event.delivery.expiresAtMs !== undefined && event.delivery.expiresAtMs <= nowMs) return 'EXPIRED'
  return undefined
}

export function refuseGroup(group: GroupState | undefined): Reason | undefined {
  if (group?.status === 'disbanded') return 'CHAT_NOT_FOUND'
  return isReachable(group?.status) ? undefined : 'COOL_APP_NOT_INSTALLED'
}

export function refuseSeverity(chat: ChatTarget, event: IncidentEvent): Reason | undefined {
  return passesSeverity(chat.severities, event.incident.incident_severity) ? undefined : 'SEVERITY_FILTERED'
}

/** Nobody has to act on a `skipped`; a `failed` says whom the alert did not reach though it should have. */
export function statusOf(reason: Reason): 'failed' | 'skipped' {
  return ['ALREADY_CLOSED', 'EXPIRED', 'SEVERITY_FILTERED'].includes(reason) ? 'skipped' : 'failed'
}
