import type { Clock } from '../clock.ts'
import { type IncidentEvent, parseIncidentEvent } from '../domain/event.ts'
import { type LastAct, versionOfEvent } from '../domain/incident.ts'
import { reasonText } from '../domain/reasons.ts'
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
import { enterInbox } from '../storage/inbox.ts'
import { pickIntegration } from '../storage/integrations.ts'
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
import type { Handle } from '../storage/schema.ts'
import { type ExistingCard, type Plan, planDelivery, type PlannedRecord } from './plan.ts'
import type { DeliverySettings } from './settings.ts'
import type { WakeDueCards } from './wake.ts'

export type AcceptDeps = {
  db: Db
  clock: Clock
  log: Log
  settings: DeliverySettings
  wakeDueCards: WakeDueCards
}

export type Accepted = { outcome: 'accepted' } | { outcome: 'rejected'; why: string }

const PAYLOAD_LIMIT = 64 * 1024

/**
 * Takes in one delivery: the plan for every target is committed before this resolves, the sending comes after.
 * Taking in the same event again changes nothing but the duplicate counters.
 * @throws AppError `retryable STORE_UNAVAILABLE`; nothing was taken in then
 */
export async function acceptDelivery(deps: AcceptDeps, body: unknown, jobId: string): Promise<Accepted> {
  const parsed = parseIncidentEvent(body)
  if (parsed.kind === 'invalid') {
    const why = `INVALID_PAYLOAD at ${parsed.path}: ${parsed.problem}`
    await recordUnplanned(
      deps,
      jobId,
      {
        record_key: `job:${jobId}`,
        kind: 'job',
        target_id: jobId,
        status: 'failed',
        reason: 'INVALID_PAYLOAD',
        detail: `${parsed.path}: ${parsed.problem}`,
        event_id: parsed.eventId ?? null,
        incident_id: parsed.incidentId ?? null,
      },
      body,
    )
    deps.log.warn(
      { jobId, eventId: parsed.eventId, incidentId: parsed.incidentId, path: parsed.path, problem: parsed.problem },
      'delivery-invalid',
    )
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
  return acceptEvent(deps, parsed.event, jobId)
}

async function acceptEvent(deps: AcceptDeps, event: IncidentEvent, jobId: string): Promise<Accepted> {
  const startedAt = performance.now()
  const ids = { incidentId: event.incident.incident_id, eventId: event.eventId, eventType: event.eventType, jobId }
  const taken = await deps.db.write(async (trx) => {
    const nowMs = deps.clock.nowMs()
    await enterInbox(trx, { source: 'deliver', id: event.eventId }, nowMs)
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
    const names = await readNames(trx, integration.id, event, placements)
    const plan = planDelivery({
      event,
      integration,
      isNewest: stored.advanced,
      progress: stored.incident.progress,
      groups: names.groups,
      links: names.links,
      cards: cards.map((card) => existing(card, placements)),
      seen: await listRecordedTargets(trx, integration.id, event.eventId),
      nowMs,
    })
    await storePlan(
      trx,
      deps.settings,
      { integrationId: integration.id, event, rev: stored.rev, plan, names: names.of },
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
  return { outcome: 'accepted' }
}

async function recordUnplanned(deps: AcceptDeps, jobId: string, record: NewRecord, body?: unknown): Promise<void> {
  await deps.db.write(async (trx) => {
    const nowMs = deps.clock.nowMs()
    const payload = body === undefined ? undefined : (JSON.stringify(body) ?? 'null').slice(0, PAYLOAD_LIMIT)
    await enterInbox(
      trx,
      { source: 'deliver', id: `job:${jobId}`, ...(payload === undefined ? {} : { payload }) },
      nowMs,
    )
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
async function readNames(trx: Handle, integrationId: string, event: IncidentEvent, placements: Placement[]) {
  const chatIds = event.delivery.targets?.chats.map((chat) => chat.chatId) ?? []
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
    of: new Map<string, string>([
      ...links.map((link): [string, string] => [`person:${link.dingtalk_user_id}`, link.member_name]),
      ...groups.flatMap((group): [string, string][] =>
        group.title === null ? [] : [[`group:${group.open_conversation_id}`, group.title]],
      ),
    ]),
  }
}

type Decided = { integrationId: string; event: IncidentEvent; rev: number; plan: Plan; names: Map<string, string> }

async function storePlan(trx: Handle, settings: DeliverySettings, decided: Decided, nowMs: number): Promise<void> {
  const { integrationId, event, rev, plan } = decided
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
      { ...card, integrationId, incidentId, notificationKey: plan.notification?.key ?? 'first', rev },
      nowMs,
    )
    await addPlacements(trx, card.outTrackId, card.spaces, nowMs)
    await putMentions(trx, card.outTrackId, mentions)
  }
  for (const join of plan.joins) {
    await addPlacements(trx, join.outTrackId, join.spaces, nowMs)
    await putMentions(trx, join.outTrackId, mentions)
  }
  for (const record of plan.records) await storeRecord(trx, decided, record, nowMs)
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
  await allowRevision(trx, plan.updates, rev, nowMs, settings.spacingMs)
  await freezeCards(trx, plan.freezes, nowMs)
}

async function storeRecord(trx: Handle, decided: Decided, record: PlannedRecord, nowMs: number): Promise<void> {
  const { integrationId, event, rev, names } = decided
  const { kind, id } = record.target
  const key = eventRecordKey(integrationId, event.eventId, kind, id)
  if (record.status === 'duplicate') {
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

/** Only what a person did is worth a line on the card. */
function lastActOf(event: IncidentEvent): LastAct | undefined {
  const name = event.person?.name
  return name ? { eventType: event.eventType, personName: name, at: Math.floor(event.eventTime / 1000) } : undefined
}
