import type { IncidentEvent } from '../domain/event.ts'
import { digest } from '../domain/ids.ts'
import { knownSeverity } from '../domain/incident.ts'
import { reasonText } from '../domain/reasons.ts'
import { stormNotice } from '../domain/notices.ts'
import type { Ignored } from '../domain/reading/reading.ts'
import type { ResultContext } from '../domain/result.ts'
import { addCard, addNotification, addSpaces, moveUpGenerations } from '../storage/cards.ts'
import { allowRevision, freezeCards } from '../storage/change-cards.ts'
import { addMentions, putMentions, readMentions } from '../storage/mentions.ts'
import { addMissed } from '../storage/missed.ts'
import { addNotice } from '../storage/notices.ts'
import type { IntegrationForDelivery } from '../storage/pick-integration.ts'
import { changePlacements } from '../storage/placements.ts'
import { addRecord, countDuplicate, eventRecordKey, moveRecordsOf, type NewRecord } from '../storage/records.ts'
import { openResult } from '../storage/results.ts'
import type { Handle } from '../storage/schema.ts'
import { cancelCard } from './cancel.ts'
import type { Merge, MissedTarget, Plan, PlannedRecord } from './plan/plan.ts'
import type { DeliverySettings } from './settings.ts'

/** A plan with what it was made from. */
export type Decided = {
  integration: IntegrationForDelivery
  event: IncidentEvent
  rev: number
  /** When the event was, in ms. */
  eventTime: number
  plan: Plan
  names: Map<string, string>
  /** Member ids by DingTalk user. */
  members: Map<string, number>
  /** The job has been here before: what is recorded already is no duplicate. */
  again: boolean
  /** Parts of its body that were left out. */
  ignored: Ignored[]
  /** Another body came first under its id. */
  isVariant: boolean
}

/** Writes down all that the plan decided; nothing of it has happened yet. */
export async function storePlan(
  trx: Handle,
  settings: DeliverySettings,
  decided: Decided,
  nowMs: number,
): Promise<void> {
  const { rev, plan } = decided
  await storeCards(trx, decided, nowMs)
  for (const record of plan.records) await storeRecord(trx, decided, record, nowMs)
  for (const openConversationId of new Set(plan.notices)) await storeNotice(trx, decided, openConversationId, nowMs)
  const repeated = new Set(plan.records.filter(({ status }) => status === 'duplicate').map(({ target }) => target))
  for (const missed of plan.missed) if (!repeated.has(missed.target)) await storeMissed(trx, decided, missed, nowMs)
  if (plan.tells) await storeResult(trx, decided, nowMs)
  for (const outTrackId of plan.cancels) await cancelCard(trx, outTrackId, 'SUPERSEDED', nowMs)
  await allowRevision(trx, plan.updates, { rev, spacingMs: settings.spacingMs }, nowMs)
  await freezeCards(trx, plan.freezes, nowMs, settings.spacingMs)
}

async function storeCards(trx: Handle, decided: Decided, nowMs: number): Promise<void> {
  const { integration, event, rev, plan, names } = decided
  const ids = { integrationId: integration.id, incidentId: event.incident.incident_id }
  const { eventTime } = decided
  if (plan.notification) {
    if (plan.insertsGeneration) await moveUpGenerations(trx, ids, plan.notification.generation)
    await addNotification(trx, { ...plan.notification, ...ids, eventId: event.eventId, eventTime }, nowMs)
  }
  const mentions = plan.mentions.map(({ userId, name }) => ({
    userId,
    name: name || names.get(`person:${userId}`) || userId,
  }))
  for (const card of plan.newCards) {
    await addCard(
      trx,
      {
        ...card,
        ...ids,
        notificationKey: plan.notification?.key ?? 'first',
        rev,
        urgent: knownSeverity(event.incident.incident_severity) === 'Critical',
        mentions,
      },
      nowMs,
    )
  }
  for (const join of plan.joins) {
    await addSpaces(trx, join.outTrackId, join.spaces, nowMs)
    await putMentions(trx, join.outTrackId, mentions)
  }
  for (const outTrackId of plan.callsBy) await addMentions(trx, outTrackId, mentions)
  for (const merge of plan.merges) await storeMerge(trx, merge, nowMs)
}

/** The newer card does for both, in the places that both are for. */
async function storeMerge(trx: Handle, merge: Merge, nowMs: number): Promise<void> {
  const superseded = { status: 'cancelled', reason: reasonText('SUPERSEDED') } as const
  await changePlacements(trx, merge.from, merge.spaces, superseded, nowMs)
  await moveRecordsOf(trx, merge, nowMs)
  await addMentions(trx, merge.to, await readMentions(trx, merge.from))
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
      ...recordBase(integrationId, event, decided.ignored),
      record_key: key,
      kind,
      target_id: id,
      member_id: record.memberId ?? (kind === 'person' ? (decided.members.get(id) ?? null) : null),
      target_name: record.target.name ?? names.get(`${kind}:${id}`) ?? null,
      status: record.status,
      ...(decided.isVariant ? { note: 'EVENT_ID_REUSED' } : {}),
      ...('detail' in record ? { detail: record.detail ?? null } : {}),
      ...(record.status === 'pending' ? { out_track_id: record.outTrackId, rev, effect: record.effect } : {}),
      ...('reason' in record ? { reason: record.reason } : {}),
    },
    nowMs,
  )
}

/** A storm is news for so long. */
const NOTICE_WORTH_MS = 10 * 60_000

async function storeNotice(
  trx: Handle,
  { integration, event }: Decided,
  openConversationId: string,
  nowMs: number,
): Promise<void> {
  await addNotice(trx, {
    id: digest(24, integration.id, event.eventId, openConversationId),
    integration_id: integration.id,
    incident_id: event.incident.incident_id,
    open_conversation_id: openConversationId,
    dingtalk_user_id: null,
    text: stormText(event),
    due_at: nowMs,
    expires_at: nowMs + NOTICE_WORTH_MS,
  })
}

async function storeMissed(
  trx: Handle,
  { integration, event }: Decided,
  { target, memberId, audience, notification, severities }: MissedTarget,
  nowMs: number,
): Promise<void> {
  const { kind, id } = target
  if (kind === 'none') return
  await addMissed(trx, {
    integration_id: integration.id,
    incident_id: event.incident.incident_id,
    kind,
    target_id: id,
    member_id: memberId,
    event_id: event.eventId,
    record_key: eventRecordKey(integration.id, event.eventId, kind, id),
    notification_key: notification.key,
    generation: notification.generation,
    prefix: notification.prefix,
    audience,
    expires_at: event.delivery.expiresAtMs ?? null,
    severities: severities && JSON.stringify(severities),
    created_at: nowMs,
  })
}

async function storeResult(trx: Handle, { integration, event, plan }: Decided, nowMs: number): Promise<void> {
  const assigned = event.incident.assigned_to
  const context: ResultContext = {
    rid: event.delivery.rid ?? null,
    fire_type: event.delivery.fireType,
    escalate_rule_id: assigned?.escalate_rule_id ?? null,
    escalate_rule_name: assigned?.escalate_rule_name ?? null,
    layer_idx: assigned?.layer_idx ?? 0,
    data_source_id: integration.dataSourceId ?? null,
  }
  const ids = { integration_id: integration.id, event_id: event.eventId, incident_id: event.incident.incident_id }
  const isDue = plan.records.some(({ status }) => status !== 'pending')
  await openResult(trx, { ...ids, context: JSON.stringify(context) }, isDue, nowMs)
}

function stormText({ incident, delivery }: IncidentEvent): string {
  const locale = delivery.locale ?? (incident.account_locale?.startsWith('en') ? 'en-US' : 'zh-CN')
  return stormNotice(locale, incident)
}

/** What every record of an event has in common. */
export function recordBase(integrationId: string, event: IncidentEvent, ignored: Ignored[]): Partial<NewRecord> {
  return {
    ignored: wordsOf(ignored),
    integration_id: integrationId,
    event_id: event.eventId,
    incident_id: event.incident.incident_id,
    incident_num: event.incident.num,
    event_type: event.eventType,
    fire_type: event.delivery.fireType,
    rid: event.delivery.rid ?? null,
  }
}

const MAX_WORDS = 500

/** What was left out of a body, for a record's detail. */
function wordsOf(ignored: Ignored[]): string | null {
  if (ignored.length === 0) return null
  const words = ignored.map(({ path, problem }) => `${path} ${problem}`).join('; ')
  return `left out: ${words.length > MAX_WORDS ? `${words.slice(0, MAX_WORDS)}…` : words}`
}
