import type { Clock } from '../clock.ts'
import { type IncidentEvent, parseIncidentEvent, type ParsedEvent } from '../domain/event.ts'
import { type LastAct, versionOfEvent } from '../domain/incident.ts'
import { asReason } from '../domain/reasons.ts'
import type { Log } from '../log.ts'
import { type CardOfNotification, listCardsOfIncident } from '../storage/cards.ts'
import type { Db } from '../storage/db.ts'
import { findGroups } from '../storage/groups.ts'
import { dropPosted, enterInbox } from '../storage/inbox.ts'
import { advanceIncident } from '../storage/incidents.ts'
import { findIntegration } from '../storage/integrations.ts'
import { findLinksOfMembers, findLinksOfUsers } from '../storage/links.ts'
import { pickIntegration } from '../storage/pick-integration.ts'
import { isLive, listPlacements, type Placement } from '../storage/placements.ts'
import { addRecord, eventRecordKey, listRecordedTargets, type NewRecord } from '../storage/records.ts'
import { listRoutedGroups } from '../storage/routes.ts'
import type { Handle } from '../storage/schema.ts'
import type { SecretBox } from '../storage/secret-box.ts'
import { findSuspended } from '../storage/suspended-links.ts'
import { type LookedUp, type LookUpRule, wantsRule } from './look-up.ts'
import { planDelivery } from './plan/plan-delivery.ts'
import type { ExistingCard } from './plan/plan.ts'
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
        version: versionOfEvent(event.incident, event),
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
      left: names.left,
      ruleChats,
      routedGroups,
      // Routes stand in for a rule that nobody can read.
      unread: unread !== 'later' && routedGroups.length > 0 ? undefined : unread,
      cards: cards.map((card) => existing(card, placements, stored.rev)),
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

function existing(card: CardOfNotification, placements: Placement[], rev: number): ExistingCard {
  return {
    outTrackId: card.out_track_id,
    notificationKey: card.notification_key,
    generation: card.generation,
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

/** Groups and links the plan needs, and what to call every target in records. */
async function readNames(
  trx: Handle,
  integrationId: string,
  event: IncidentEvent,
  chatIds: string[],
  placements: Placement[],
) {
  const placed = (kind: Placement['kind']): string[] =>
    placements.filter((placement) => placement.kind === kind).map((placement) => placement.target_id)
  const groups = await findGroups(trx, integrationId, [...new Set([...chatIds, ...placed('group')])])
  const responderIds = (event.incident.responders ?? []).map((person) => person.person_id)
  const memberIds = [
    ...(event.delivery.targets?.personIds ?? []),
    ...(event.delivery.atPersonIds ?? []),
    ...responderIds,
  ]
  const named = await findLinksOfMembers(trx, integrationId, [...new Set(memberIds)])
  // Whom a card has reached may be named by no event any more; the result still has to say which member that is.
  const known = new Set(named.map((link) => link.dingtalk_user_id))
  const reached = [...new Set(placed('person'))].filter((userId) => !known.has(userId))
  const links = [...named, ...(await findLinksOfUsers(trx, integrationId, reached))]
  return {
    groups: new Map(
      groups.map((group) => [
        group.open_conversation_id,
        { status: group.status, robotCode: group.robot_code, title: group.title },
      ]),
    ),
    links: new Map(
      links.flatMap((link) => (link.suspended_at === null ? [[link.member_id, link.dingtalk_user_id] as const] : [])),
    ),
    left: new Set((await findSuspended(trx, integrationId, [...new Set(memberIds)])).map((link) => link.member_id)),
    members: new Map(links.map((link) => [link.dingtalk_user_id, link.member_id])),
    of: new Map<string, string>([
      ...links.map((link): [string, string] => [`person:${link.dingtalk_user_id}`, link.member_name]),
      ...groups.flatMap((group): [string, string][] =>
        group.title === null ? [] : [[`group:${group.open_conversation_id}`, group.title]],
      ),
    ]),
  }
}

/** Only what a person did is worth a line on the card. */
function lastActOf(event: IncidentEvent): LastAct | undefined {
  const name = event.person?.name
  return name ? { eventType: event.eventType, personName: name, at: Math.floor(event.eventTime / 1000) } : undefined
}
