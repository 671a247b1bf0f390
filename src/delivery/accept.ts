import type { Clock } from '../clock.ts'
import { type IncidentEvent, parseIncidentEvent, type ParsedEvent } from '../domain/event.ts'
import { type LastAct, versionOfEvent } from '../domain/incident.ts'
import { asReason, reasonText } from '../domain/reasons.ts'
import type { ResultContext } from '../domain/result.ts'
import type { Log } from '../log.ts'
import {
  addCard,
  addNotification,
  addPlacements,
  allowRevision,
  cancelCards,
  type CardOfNotification,
  freezeCards,
  isLive,
  listCardsOfIncident,
  listPlacements,
  type Placement,
} from '../storage/cards.ts'
import type { Db } from '../storage/db.ts'
import { findGroups } from '../storage/groups.ts'
import { advanceIncident } from '../storage/incidents.ts'
import { dropPosted, enterInbox } from '../storage/inbox.ts'
import { findIntegration, type IntegrationForDelivery, pickIntegration } from '../storage/integrations.ts'
import { findLinksOfMembers } from '../storage/links.ts'
import { putMentions } from '../storage/mentions.ts'
import {
  addRecord,
  countDuplicate,
  eventRecordKey,
  listRecordedTargets,
  type NewRecord,
  settleDelivery,
} from '../storage/records.ts'
import { addNotice } from '../storage/notices.ts'
import { digest } from '../domain/ids.ts'
import { say } from '../domain/messages.ts'
import { addMissed } from '../storage/missed.ts'
import { openResult } from '../storage/results.ts'
import { listRoutedGroups } from '../storage/routes.ts'
import type { Handle } from '../storage/schema.ts'
import type { SecretBox } from '../storage/secret-box.ts'
import { type LookedUp, type LookUpRule, wantsRule } from './look-up.ts'
import { type ExistingCard, type Plan, planDelivery, type PlannedRecord } from './plan.ts'
import { turnKeyOf } from './replace.ts'
import type { DeliverySettings } from './settings.ts'
import type { WakeDueCards } from './wake.ts'

export type AcceptDeps = {
  db: Db
  clock: Clock
  log: Log
  settings: DeliverySettings
  wakeDueCards: WakeDueCards
  box: SecretBox
  lookUpRule: LookUpRule
  wakeNotices: (integrationId: string) => Promise<void>
}

/** `again`: taken in, but a part of the targets cannot be known yet: the same job is to come back. */
export type Accepted = { outcome: 'accepted'; again?: true } | { outcome: 'rejected'; why: string }

/** How often this job has been here. */
export type Visit = { again: boolean; waitedMs: number }

/** So long a job comes back for the groups of a rule that Flashduty does not tell. */
const RULE_PATIENCE_MS = 10 * 60_000

const PAYLOAD_LIMIT = 64 * 1024

/**
 * Takes in one delivery: the plan for every target is committed before this resolves, the sending comes after.
 * Taking in the same event again changes nothing but the duplicate counters.
 * @throws AppError `retryable STORE_UNAVAILABLE`; nothing was taken in then
 */
export async function acceptDelivery(
  deps: AcceptDeps,
  body: unknown,
  jobId: string,
  visit: Visit = { again: false, waitedMs: 0 },
): Promise<Accepted> {
  const parsed = parseIncidentEvent(body)
  if (parsed.kind === 'invalid') {
    const why = await rejectDelivery(deps, parsed, jobId, body)
    return { outcome: 'rejected', why }
  }
  if (parsed.kind === 'unsupported') {
    await recordUnplanned(deps, jobId, {
      record_key: eventRecordKey('', parsed.eventId, 'none', ''),
      kind: 'none',
      target_id: '',
      status: 'skipped',
      reason: 'UNSUPPORTED_EVENT',
      event_id: parsed.eventId,
      event_type: parsed.eventType,
      incident_id: parsed.incidentId ?? null,
    })
    deps.log.info({ jobId, ...parsed, kind: undefined }, 'delivery-unsupported')
    return { outcome: 'accepted' }
  }
  return acceptEvent(deps, parsed.event, jobId, visit)
}

/** Puts a body that can never be taken in on record. @returns why not, for the job or whoever posted it */
export async function rejectDelivery(
  deps: Pick<AcceptDeps, 'db' | 'clock' | 'log'>,
  { eventId, incidentId, path, problem }: Omit<Extract<ParsedEvent, { kind: 'invalid' }>, 'kind'>,
  jobId: string,
  body: unknown,
): Promise<string> {
  await recordUnplanned(
    deps,
    jobId,
    {
      record_key: `job:${jobId}`,
      kind: 'job',
      target_id: jobId,
      status: 'failed',
      reason: 'INVALID_PAYLOAD',
      detail: `${path}: ${problem}`,
      event_id: eventId ?? null,
      incident_id: incidentId ?? null,
    },
    body,
  )
  deps.log.warn({ jobId, eventId, incidentId, path, problem }, 'delivery-invalid')
  return `INVALID_PAYLOAD at ${path}: ${problem}`
}

async function acceptEvent(deps: AcceptDeps, event: IncidentEvent, jobId: string, visit: Visit): Promise<Accepted> {
  const startedAt = performance.now()
  const ids = { incidentId: event.incident.incident_id, eventId: event.eventId, eventType: event.eventType, jobId }
  const lookedUp = await lookUp(deps, event)
  const later = lookedUp.kind === 'later' && visit.waitedMs < RULE_PATIENCE_MS
  const taken = await deps.db.write(async (trx) => {
    const nowMs = deps.clock.nowMs()
    await enterInbox(trx, { source: 'deliver', id: event.eventId }, nowMs)
    if (!later) await dropPosted(trx, event.eventId)
    const integration = await pickIntegration(trx, event.delivery.dataSourceId)
    if (!integration?.enabled) {
      const reason = integration ? 'INTEGRATION_DISABLED' : 'INTEGRATION_NOT_FOUND'
      await addRecord(
        trx,
        {
          ...recordBase(integration?.id ?? '', event),
          record_key: eventRecordKey(integration?.id ?? '', event.eventId, 'none', ''),
          kind: 'none',
          target_id: '',
          status: 'failed',
          reason,
        },
        nowMs,
      )
      return { reason }
    }

    const stored = await advanceIncident(
      trx,
      {
        integrationId: integration.id,
        incident: event.incident,
        version: versionOfEvent(event.incident, event.eventTime, event.eventId),
        lastAct: lastActOf(event),
        rendered: event.delivery.rendered,
        flapping: event.delivery.flapping,
        inStorm: event.delivery.inStorm,
      },
      nowMs,
    )
    const cards = await listCardsOfIncident(trx, integration.id, stored.incidentId)
    const placements = await listPlacements(
      trx,
      cards.map((card) => card.out_track_id),
    )
    const ruleChats = lookedUp.kind === 'found' ? lookedUp.chats : undefined
    const routedGroups = await listRoutedGroups(trx, integration.id, event.incident.channel_id)
    const named = [...(event.delivery.targets?.chats ?? ruleChats ?? []).map((chat) => chat.chatId), ...routedGroups]
    const names = await readNames(trx, integration.id, event, named, placements)
    const unread = later ? 'later' : 'error' in lookedUp ? asReason(lookedUp.error.failure.code) : undefined
    const plan = planDelivery({
      event,
      integration,
      isNewest: stored.advanced,
      progress: stored.incident.progress,
      groups: names.groups,
      links: names.links,
      ruleChats,
      routedGroups,
      // Routes stand in for a rule that nobody can read.
      unread: unread !== 'later' && routedGroups.length > 0 ? undefined : unread,
      cards: cards.map((card) => existing(card, placements)),
      seen: await listRecordedTargets(trx, integration.id, event.eventId),
      nowMs,
    })
    await storePlan(
      trx,
      deps.settings,
      { integration, event, rev: stored.rev, plan, names: names.of, members: names.members, again: visit.again },
      nowMs,
    )
    return { integrationId: integration.id, rev: stored.rev, isNewest: stored.advanced, plan }
  })

  if ('reason' in taken) {
    deps.log.error({ ...ids, reason: taken.reason }, 'delivery-refused')
    return { outcome: 'accepted' }
  }
  const { plan } = taken
  deps.log.info(
    {
      ...ids,
      integrationId: taken.integrationId,
      rev: taken.rev,
      newest: taken.isNewest,
      creates: plan.newCards.map((card) => ({ outTrackId: card.outTrackId, targets: card.spaces.length })),
      joins: plan.joins.length,
      updates: plan.updates.length,
      freezes: plan.freezes.length,
      refused: plan.records.flatMap((record) =>
        'reason' in record ? [`${record.target.id || 'nobody'}: ${record.reason}`] : [],
      ),
      tookMs: Math.round(performance.now() - startedAt),
    },
    'delivery-accepted',
  )
  await deps.wakeDueCards([
    ...plan.newCards.map((card) => card.outTrackId),
    ...plan.joins.map((join) => join.outTrackId),
    ...plan.updates,
    ...plan.freezes,
  ])
  for (let sent = 0; sent < plan.notices.length; sent++) await deps.wakeNotices(taken.integrationId)
  return later ? { outcome: 'accepted', again: true } : { outcome: 'accepted' }
}

async function lookUp(deps: AcceptDeps, event: IncidentEvent): Promise<LookedUp> {
  if (!wantsRule(event)) return { kind: 'none' }
  const picked = await pickIntegration(deps.db.read, event.delivery.dataSourceId)
  if (!picked?.enabled || !picked.hasFlashdutyKey) return { kind: 'none' }
  const integration = await findIntegration(deps.db.read, deps.box, picked.id)
  return integration ? deps.lookUpRule(integration, event) : { kind: 'none' }
}

async function recordUnplanned(
  deps: Pick<AcceptDeps, 'db' | 'clock'>,
  jobId: string,
  record: NewRecord,
  body?: unknown,
): Promise<void> {
  await deps.db.write(async (trx) => {
    const nowMs = deps.clock.nowMs()
    const payload = body === undefined ? undefined : (JSON.stringify(body) ?? 'null').slice(0, PAYLOAD_LIMIT)
    await enterInbox(
      trx,
      { source: 'deliver', id: `job:${jobId}`, ...(payload === undefined ? {} : { payload }) },
      nowMs,
    )
    // An unreadable body does not speak for a readable one of the same event.
    if (record.event_id && body === undefined) await dropPosted(trx, record.event_id)
    await addRecord(trx, record, nowMs)
  })
}

function existing(card: CardOfNotification, placements: Placement[]): ExistingCard {
  return {
    outTrackId: card.out_track_id,
    notificationKey: card.notification_key,
    generation: card.generation,
    audienceKey: card.audience_key,
    audience: card.audience,
    frozen: card.frozen === 1,
    unsent: card.stage === 'absent',
    spaces: placements
      .filter((placement) => placement.out_track_id === card.out_track_id && isLive(placement))
      .map((placement) => ({ kind: placement.kind, targetId: placement.target_id })),
  }
}

/** Groups and links the plan needs, and what to call every target in records. */
async function readNames(
  trx: Handle,
  integrationId: string,
  event: IncidentEvent,
  chatIds: string[],
  placements: Placement[],
) {
  const placed = placements.filter(({ kind }) => kind === 'group').map((placement) => placement.target_id)
  const groups = await findGroups(trx, integrationId, [...new Set([...chatIds, ...placed])])
  const responderIds = (event.incident.responders ?? []).map((person) => person.person_id)
  const memberIds = [
    ...(event.delivery.targets?.personIds ?? []),
    ...(event.delivery.atPersonIds ?? []),
    ...responderIds,
  ]
  const links = await findLinksOfMembers(trx, integrationId, [...new Set(memberIds)])
  return {
    groups: new Map(
      groups.map((group) => [
        group.open_conversation_id,
        { status: group.status, robotCode: group.robot_code, title: group.title },
      ]),
    ),
    links: new Map(links.map((link) => [link.member_id, link.dingtalk_user_id])),
    members: new Map(links.map((link) => [link.dingtalk_user_id, link.member_id])),
    of: new Map<string, string>([
      ...links.map((link): [string, string] => [`person:${link.dingtalk_user_id}`, link.member_name]),
      ...groups.flatMap((group): [string, string][] =>
        group.title === null ? [] : [[`group:${group.open_conversation_id}`, group.title]],
      ),
    ]),
  }
}

type Decided = {
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

async function storePlan(trx: Handle, settings: DeliverySettings, decided: Decided, nowMs: number): Promise<void> {
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
      },
      nowMs,
    )
    await addPlacements(trx, card.outTrackId, card.spaces, nowMs)
    if (mentions.length > 0) await putMentions(trx, card.outTrackId, mentions)
  }
  for (const join of plan.joins) {
    await addPlacements(trx, join.outTrackId, join.spaces, nowMs)
    await putMentions(trx, join.outTrackId, mentions)
  }
  for (const record of plan.records) await storeRecord(trx, decided, record, nowMs)
  for (const openConversationId of new Set(plan.notices)) {
    await addNotice(trx, {
      id: digest(24, integrationId, event.eventId, openConversationId),
      integration_id: integrationId,
      incident_id: incidentId,
      open_conversation_id: openConversationId,
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

function recordBase(integrationId: string, event: IncidentEvent): Partial<NewRecord> {
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

/** Only what a person did is worth a line on the card. */
function lastActOf(event: IncidentEvent): LastAct | undefined {
  const name = event.person?.name
  return name ? { eventType: event.eventType, personName: name, at: Math.floor(event.eventTime / 1000) } : undefined
}
