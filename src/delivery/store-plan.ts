import type { IncidentEvent } from '../domain/event.ts'
import { digest } from '../domain/ids.ts'
import { say } from '../domain/messages.ts'
import { reasonText } from '../domain/reasons.ts'
import type { ResultContext } from '../domain/result.ts'
import { addCard, addNotification, addSpaces } from '../storage/cards.ts'
import { allowRevision, cancelCards, freezeCards } from '../storage/change-cards.ts'
import { putMentions } from '../storage/mentions.ts'
import { addMissed } from '../storage/missed.ts'
import { addNotice } from '../storage/notices.ts'
import type { IntegrationForDelivery } from '../storage/pick-integration.ts'
import { listPlacements } from '../storage/placements.ts'
import { addRecord, countDuplicate, eventRecordKey, type NewRecord } from '../storage/records.ts'
import { openResult } from '../storage/results.ts'
import type { Handle } from '../storage/schema.ts'
import { settleDelivery } from '../storage/settle-records.ts'
import type { Plan, PlannedRecord } from './plan/plan.ts'
import { turnKeyOf } from './replace.ts'
import type { DeliverySettings } from './settings.ts'

/** A plan with what it was made from. */
export type Decided = {
  integration: IntegrationForDelivery
  event: IncidentEvent
  rev: number
  plan: Plan
  names: Map<string, string>
  /** Member ids by DingTalk user. */
  members: Map<string, number>
  /** The job has been here before: what is recorded already is no duplicate. */
  again: boolean
}

/** Writes down all that the plan decided; nothing of it has happened yet. */
export async function storePlan(
  trx: Handle,
  settings: DeliverySettings,
  decided: Decided,
  nowMs: number,
): Promise<void> {
  const { event, rev, plan } = decided
  const integrationId = decided.integration.id
  const incidentId = event.incident.incident_id
  if (plan.notification) {
    await addNotification(trx, { ...plan.notification, integrationId, incidentId, eventId: event.eventId }, nowMs)
  }
  const mentions = plan.mentions.map(({ userId, name }) => ({
    userId,
    name: name || decided.names.get(`person:${userId}`) || userId,
  }))
  for (const card of plan.newCards) {
    await addCard(
      trx,
      {
        ...card,
        integrationId,
        incidentId,
        notificationKey: plan.notification?.key ?? 'first',
        rev,
        turnKey: turnKeyOf(card.spaces),
        urgent: event.incident.incident_severity === 'Critical',
        mentions,
      },
      nowMs,
    )
  }
  for (const join of plan.joins) {
    await addSpaces(trx, join.outTrackId, join.spaces, nowMs)
    await putMentions(trx, join.outTrackId, mentions)
  }
  for (const record of plan.records) await storeRecord(trx, decided, record, nowMs)
  for (const openConversationId of new Set(plan.notices)) {
    await addNotice(trx, {
      id: digest(24, integrationId, event.eventId, openConversationId),
      integration_id: integrationId,
      incident_id: incidentId,
      open_conversation_id: openConversationId,
      dingtalk_user_id: null,
      text: stormText(event),
      due_at: nowMs,
      expires_at: nowMs + NOTICE_WORTH_MS,
    })
  }
  for (const missed of plan.missed) {
    const { kind, id } = missed.target
    if (kind === 'none' || plan.records.some((r) => r.target === missed.target && r.status === 'duplicate')) continue
    await addMissed(trx, {
      integration_id: integrationId,
      incident_id: incidentId,
      kind,
      target_id: id,
      member_id: missed.memberId,
      event_id: event.eventId,
      record_key: eventRecordKey(integrationId, event.eventId, kind, id),
      notification_key: missed.notification.key,
      generation: missed.notification.generation,
      prefix: missed.notification.prefix,
      audience: missed.audience,
      expires_at: event.delivery.expiresAtMs ?? null,
      created_at: nowMs,
    })
  }
  if (plan.tells) {
    const context: ResultContext = {
      rid: event.delivery.rid ?? null,
      fire_type: event.delivery.fireType,
      escalate_rule_id: event.incident.assigned_to?.escalate_rule_id ?? null,
      escalate_rule_name: event.incident.assigned_to?.escalate_rule_name ?? null,
      layer_idx: event.incident.assigned_to?.layer_idx ?? 0,
      data_source_id: decided.integration.dataSourceId ?? null,
    }
    const result = { integration_id: integrationId, event_id: event.eventId, incident_id: incidentId }
    const isDue = plan.records.some(({ status }) => status !== 'pending')
    await openResult(trx, { ...result, context: JSON.stringify(context) }, isDue, nowMs)
  }
  for (const outTrackId of plan.cancels) {
    for (const placement of await listPlacements(trx, [outTrackId])) {
      const space = { kind: placement.kind, targetId: placement.target_id }
      await settleDelivery(
        trx,
        { outTrackId, drawnRev: rev },
        space,
        { status: 'skipped', reason: 'SUPERSEDED' },
        nowMs,
      )
    }
  }
  await cancelCards(trx, plan.cancels, reasonText('SUPERSEDED'), nowMs)
  await allowRevision(trx, plan.updates, { rev, spacingMs: settings.spacingMs }, nowMs)
  await freezeCards(trx, plan.freezes, nowMs, settings.spacingMs)
}

async function storeRecord(trx: Handle, decided: Decided, record: PlannedRecord, nowMs: number): Promise<void> {
  const { event, rev, names } = decided
  const integrationId = decided.integration.id
  const { kind, id } = record.target
  const key = eventRecordKey(integrationId, event.eventId, kind, id)
  if (record.status === 'duplicate') {
    if (decided.again) return
    await countDuplicate(trx, key, nowMs)
    return
  }
  await addRecord(
    trx,
    {
      ...recordBase(integrationId, event),
      record_key: key,
      kind,
      target_id: id,
      member_id: record.memberId ?? (kind === 'person' ? (decided.members.get(id) ?? null) : null),
      target_name: record.target.name ?? names.get(`${kind}:${id}`) ?? null,
      status: record.status,
      ...(record.status === 'pending' ? { out_track_id: record.outTrackId, rev, effect: record.effect } : {}),
      ...('reason' in record ? { reason: record.reason } : {}),
    },
    nowMs,
  )
}

/** What every record of an event has in common. */
export function recordBase(integrationId: string, event: IncidentEvent): Partial<NewRecord> {
  return {
    integration_id: integrationId,
    event_id: event.eventId,
    incident_id: event.incident.incident_id,
    incident_num: event.incident.num,
    event_type: event.eventType,
    fire_type: event.delivery.fireType,
    rid: event.delivery.rid ?? null,
  }
}

/** A storm is news for so long. */
const NOTICE_WORTH_MS = 10 * 60_000

function stormText({ incident, delivery }: IncidentEvent): string {
  const locale = delivery.locale ?? (incident.account_locale?.startsWith('en') ? 'en-US' : 'zh-CN')
  const number = incident.num ? `#${incident.num} ` : ''
  return say(locale, 'notice.storm', { title: `${number}${incident.title.slice(0, 200)}`, count: incident.alert_cnt })
}
