import type { Clock } from '../clock.ts'
import { findCardTest } from '../storage/card-tests.ts'
import { canonicalJson } from '../domain/canonical.ts'
import { type IncidentEvent, type InvalidBody, parseIncidentEvent, type ParsedEvent } from '../domain/event.ts'
import { variantId } from '../domain/event-id.ts'
import type { LastAct } from '../domain/incident.ts'
import { MAX_BODIES, MAX_VARIANTS } from '../domain/limits.ts'
import { asReason } from '../domain/reasons.ts'
import { isTestIncident } from '../domain/test-card.ts'
import type { Log } from '../log.ts'
import { type CardOfNotification, listCardsOfIncident } from '../storage/cards.ts'
import type { Db } from '../storage/db.ts'
import { type DeliveryId, dropPosted, enterDelivery, enterInbox } from '../storage/inbox.ts'
import { advanceIncident, tellCorporation } from '../storage/incidents.ts'
import { findIntegration } from '../storage/integrations.ts'
import { releaseMissed } from '../storage/missed.ts'
import { findForDelivery, pickIntegration } from '../storage/pick-integration.ts'
import { isLive, listPlacements, type Placement } from '../storage/placements.ts'
import { proveClicks } from '../storage/prove-clicks.ts'
import {
  addRecord,
  eventRecordKey,
  listRecordedMembers,
  listRecordedTargets,
  type NewRecord,
} from '../storage/records.ts'
import { listRoutedGroups } from '../storage/routes.ts'
import type { SecretBox } from '../storage/secret-box.ts'
import { aimAtTarget, linksOfTest } from './card-test.ts'
import { type LookedUp, type LookUpRule, wantsRule } from './look-up.ts'
import { placeEvent } from './place-event.ts'
import { namesNobody } from './plan/ask.ts'
import { planDelivery } from './plan/plan-delivery.ts'
import type { ExistingCard } from './plan/plan.ts'
import { readNames } from './read-names.ts'
import type { DeliverySettings } from './settings.ts'
import { recordBase, storePlan } from './store-plan.ts'
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

/** How often this job has been here, for how long it has waited, and when it was made, as far as anybody knows. */
export type Visit = {
  again: boolean
  waitedMs: number
  sentAtMs?: number
  /** Nobody is to be told by it any more: it only updates the cards that there are. */
  quiet?: boolean
}

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
  const parsed = parseIncidentEvent(body, deps.clock.nowMs())
  if (parsed.kind === 'invalid') {
    const why = await rejectDelivery(deps, parsed, jobId, body)
    return { outcome: 'rejected', why }
  }
  if (parsed.kind === 'unsupported') {
    const { eventId, eventType, incidentId } = parsed
    await recordUnplanned(
      deps,
      jobId,
      {
        record_key: eventRecordKey('', eventId, 'none', ''),
        kind: 'none',
        target_id: '',
        status: 'skipped',
        reason: 'UNSUPPORTED_EVENT',
        event_id: eventId,
        event_type: eventType,
        incident_id: incidentId ?? null,
      },
      { posted: { eventId, bodyHash: parsed.bodyHash } },
    )
    deps.log.info({ jobId, eventId, eventType, incidentId }, 'delivery-unsupported')
    return { outcome: 'accepted' }
  }
  return acceptEvent(deps, parsed, jobId, visit)
}

/** Puts a body that can never be taken in on record. @returns why not, for the job or whoever posted it */
export async function rejectDelivery(
  deps: Pick<AcceptDeps, 'db' | 'clock' | 'log'>,
  { eventId, incidentId, path, problem }: InvalidBody,
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
    { body },
  )
  deps.log.warn({ jobId, eventId, incidentId, path, problem }, 'delivery-invalid')
  return `INVALID_PAYLOAD at ${path}: ${problem}`
}

async function acceptEvent(
  deps: AcceptDeps,
  { event: sent, bodyHash, contentHash, ignored }: Extract<ParsedEvent, { kind: 'event' }>,
  jobId: string,
  visit: Visit,
): Promise<Accepted> {
  const told: IncidentEvent = visit.quiet ? { ...sent, delivery: { ...sent.delivery, mode: 'update' } } : sent
  const startedAt = performance.now()
  const ids = { incidentId: told.incident.incident_id, eventId: told.eventId, eventType: told.eventType, jobId }
  if (ignored.length > 0 && !visit.again) deps.log.warn({ ...ids, ignored }, 'delivery-read-in-part')
  const delivery: DeliveryId = { eventId: told.eventId, bodyHash, contentHash }
  const isTest = isTestIncident(ids.incidentId)
  const lookedUp: LookedUp = isTest ? { kind: 'none' } : await lookUp(deps, told)
  const later = lookedUp.kind === 'later' && visit.waitedMs < RULE_PATIENCE_MS
  const taken = await deps.db.write(async (trx) => {
    const nowMs = deps.clock.nowMs()
    const arrival = await enterDelivery(trx, delivery, { nowMs, sentAtMs: visit.sentAtMs ?? nowMs })
    if (!later) await dropPosted(trx, delivery)
    const { dataSourceId } = told.delivery
    const test = isTest ? await findCardTest(trx, ids.incidentId) : undefined
    const integration = isTest
      ? test && (await findForDelivery(trx, test.integration_id))
      : dataSourceId === 'unreadable'
        ? undefined
        : await pickIntegration(trx, dataSourceId)
    if (!arrival) {
      await addRecord(trx, tooManyBodies(integration?.id ?? '', told), nowMs)
      return { reason: 'EVENT_ID_REUSED' as const }
    }
    if (!integration?.enabled) {
      // A test whose place another one has taken is over.
      const over = isTest && !test
      const reason = over ? 'EXPIRED' : integration ? 'INTEGRATION_DISABLED' : 'INTEGRATION_NOT_FOUND'
      await addRecord(
        trx,
        {
          ...recordBase(integration?.id ?? '', { ...told, eventId: arrival.eventId }, ignored),
          record_key: eventRecordKey(integration?.id ?? '', arrival.eventId, 'none', ''),
          kind: 'none',
          target_id: '',
          status: over ? 'skipped' : 'failed',
          reason,
        },
        nowMs,
      )
      return { reason }
    }

    const { event: placed, version } = await placeEvent(trx, integration.id, told, arrival)
    const event = test ? aimAtTarget(placed, test) : placed
    const stored = await advanceIncident(
      trx,
      {
        integrationId: integration.id,
        incident: event.incident,
        version,
        lastAct: lastActOf(event, version.eventTime),
        rendered: event.delivery.rendered,
        flapping: event.delivery.flapping,
        inStorm: event.delivery.inStorm,
        isRepeat: arrival.isRepeat,
      },
      nowMs,
    )
    await tellCorporation(trx, stored, integration.corpId)
    const news = {
      eventType: event.eventType,
      personId: event.person?.id,
      customId: event.customId,
      at: Math.floor(version.eventTime / 1_000),
      incident: event.incident,
    }
    const { isRepeat } = arrival
    const proven =
      stored.advanced && !isRepeat
        ? await proveClicks(trx, stored, news, { nowMs, dueAt: nowMs + deps.settings.spacingMs })
        : []
    const cards = await listCardsOfIncident(trx, integration.id, stored.incidentId)
    const placements = await listPlacements(
      trx,
      cards.map((card) => card.out_track_id),
    )
    const ruleChats = lookedUp.kind === 'found' ? lookedUp.chats : undefined
    const routedGroups = await listRoutedGroups(trx, integration.id, event.incident.channel_id)
    const named = [...(event.delivery.chats ?? ruleChats ?? []).map((chat) => chat.chatId), ...routedGroups]
    const names = await readNames(trx, integration.id, event, named, placements)
    const unread = later ? 'later' : 'error' in lookedUp ? asReason(lookedUp.error.failure.code) : undefined
    const plan = planDelivery({
      event,
      integration,
      eventTime: version.eventTime,
      isNewest: stored.advanced,
      progress: stored.incident.progress,
      groups: names.groups,
      links: test ? linksOfTest(test) : names.links,
      left: names.left,
      ruleChats,
      routedGroups,
      // Routes stand in for a rule that nobody can read.
      unread: unread !== 'later' && routedGroups.length > 0 ? undefined : unread,
      cards: cards.map((card) => existing(card, placements, stored.rev)),
      recorded:
        integration.dmFromWebhook && namesNobody(event)
          ? await listRecordedMembers(trx, integration.id, stored.incidentId)
          : undefined,
      seen: await listRecordedTargets(trx, integration.id, event.eventId),
      nowMs,
    })
    if (test) {
      plan.tells = false
      plan.missed = []
    }
    await storePlan(
      trx,
      deps.settings,
      {
        integration,
        event,
        rev: stored.rev,
        eventTime: version.eventTime,
        plan,
        names: names.of,
        members: names.members,
        again: visit.again,
        ignored,
        isVariant: event.eventId !== told.eventId,
      },
      nowMs,
    )
    // What came late may keep from a group what the incident has become meanwhile; no newer snapshot has to follow.
    const waits = plan.missed.some(({ severities }) => severities !== null)
    if (waits && !stored.advanced) await releaseMissed(trx, integration.id, stored.incident)
    return {
      integrationId: integration.id,
      rev: stored.rev,
      isNewest: stored.advanced,
      plan,
      eventId: event.eventId,
      doubted: version.doubted,
      proven,
    }
  })

  if ('reason' in taken) {
    deps.log[taken.reason === 'EXPIRED' ? 'info' : 'error']({ ...ids, reason: taken.reason }, 'delivery-refused')
    return { outcome: 'accepted' }
  }
  const { plan } = taken
  if (taken.eventId !== told.eventId) deps.log.warn({ ...ids, takenAs: taken.eventId }, 'event-id-reused')
  if (taken.doubted && !visit.again) deps.log.warn(ids, 'event-time-not-believed')
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
  if (taken.proven.length > 0) deps.log.info({ ...ids, cards: taken.proven }, 'clicks-proven')
  await deps.wakeDueCards([
    ...taken.proven,
    ...plan.newCards.map((card) => card.outTrackId),
    ...plan.joins.map((join) => join.outTrackId),
    ...plan.updates,
    ...plan.freezes,
    ...plan.callsBy,
  ])
  for (let sent = 0; sent < plan.notices.length; sent++) await deps.wakeNotices(taken.integrationId)
  return later ? { outcome: 'accepted', again: true } : { outcome: 'accepted' }
}

async function lookUp(deps: AcceptDeps, event: IncidentEvent): Promise<LookedUp> {
  if (!wantsRule(event) || event.delivery.dataSourceId === 'unreadable') return { kind: 'none' }
  const picked = await pickIntegration(deps.db.read, event.delivery.dataSourceId)
  if (!picked?.enabled || !picked.hasFlashdutyKey) return { kind: 'none' }
  const integration = await findIntegration(deps.db.read, deps.box, picked.id)
  return integration ? deps.lookUpRule(integration, event) : { kind: 'none' }
}

async function recordUnplanned(
  deps: Pick<AcceptDeps, 'db' | 'clock'>,
  jobId: string,
  record: NewRecord,
  { body, posted }: { body?: unknown; posted?: Pick<DeliveryId, 'eventId' | 'bodyHash'> },
): Promise<void> {
  await deps.db.write(async (trx) => {
    const nowMs = deps.clock.nowMs()
    const payload = body === undefined ? undefined : canonicalJson(body).slice(0, PAYLOAD_LIMIT)
    await enterInbox(
      trx,
      { source: 'deliver', id: `job:${jobId}`, ...(payload === undefined ? {} : { payload }) },
      nowMs,
    )
    if (posted) await dropPosted(trx, posted)
    await addRecord(trx, record, nowMs)
  })
}

function existing(card: CardOfNotification, placements: Placement[], rev: number): ExistingCard {
  return {
    outTrackId: card.out_track_id,
    notificationKey: card.notification_key,
    generation: card.generation,
    eventTime: card.event_time,
    audienceKey: card.audience_key,
    audience: card.audience,
    frozen: card.frozen === 1,
    unsent: card.stage === 'absent',
    behind: card.allowed_rev < rev,
    spaces: placements
      .filter((placement) => placement.out_track_id === card.out_track_id && isLive(placement))
      .map((placement) => ({ kind: placement.kind, targetId: placement.target_id })),
  }
}

/** Only what a person did is worth a line on the card. */
function lastActOf(event: IncidentEvent, atMs: number): LastAct | undefined {
  const name = event.person?.name
  return name ? { eventType: event.eventType, personName: name, at: Math.floor(atMs / 1000) } : undefined
}

/** Counts whatever comes under an id that has stood for too many bodies. */
function tooManyBodies(integrationId: string, { eventId, eventType, incident }: IncidentEvent): NewRecord {
  return {
    record_key: eventRecordKey(integrationId, variantId(eventId, 'more'), 'none', ''),
    integration_id: integrationId || null,
    kind: 'none',
    target_id: '',
    status: 'failed',
    reason: 'EVENT_ID_REUSED',
    event_id: eventId,
    event_type: eventType,
    incident_id: incident.incident_id,
    detail: `more than ${MAX_VARIANTS} different contents (or ${MAX_BODIES} bodies) came under this event id: this one was not taken in`,
  }
}
