import type { Clock } from '../clock.ts'
import { ACTIONS, type Action } from '../domain/button.ts'
import { EVENT_OF_ACTION, judgeAction } from '../domain/click.ts'
import { type Incident, versionOfInfo } from '../domain/incident.ts'
import { asReason, type Reason } from '../domain/reasons.ts'
import { AppError } from '../errors.ts'
import type { FlashdutyClient } from '../flashduty/client.ts'
import type { Log } from '../log.ts'
import type { Producer } from '../queue/producer.ts'
import { allowRevision, listCardsOfIncident, releaseCard } from '../storage/cards.ts'
import { claimClick, type Click, settleClick } from '../storage/clicks.ts'
import { type Db, writeUntil } from '../storage/db.ts'
import { advanceIncident, findIncident, type StoredIncident } from '../storage/incidents.ts'
import { findLinkOfUser, findMemberKey, markMemberKey } from '../storage/links.ts'
import { settleRecord } from '../storage/records.ts'
import type { Handle } from '../storage/schema.ts'
import type { SecretBox } from '../storage/secret-box.ts'

export type ActionSettings = {
  /** How long a press may take before the presser is told that it is being worked on. */
  answerBudgetMs: number
  /** How long one process may keep a click to itself; longer than the calls it makes can last. */
  clickLeaseMs: number
  /** Least time between the answer to a press and the update for everybody. */
  spacingMs: number
  /** Pause before the second try at Flashduty; doubles for the third, which is the last. */
  retryMs: number
}

export const ACTION_SETTINGS: ActionSettings = {
  answerBudgetMs: 1_500,
  clickLeaseMs: 20_000,
  spacingMs: 500,
  retryMs: 1_000,
}

const MAX_ATTEMPTS = 3

export type PerformDeps = {
  db: Db
  box: SecretBox
  clock: Clock
  log: Log
  flashduty: FlashdutyClient
  /** Names this process in leases. */
  owner: string
  settings: ActionSettings
  producer: Pick<Producer, 'tickClick'>
  wakeDueCards: (outTrackIds: string[]) => Promise<void>
}

/** `retrying`: Flashduty could not be reached; the click stays stored and is tried again. */
export type ClickOutcome = { status: 'done' } | { status: 'failed'; reason: Reason } | { status: 'retrying' }

/** Works off a stored click that its first process did not finish. Does nothing when somebody else is at it. */
export async function resumeClick(deps: PerformDeps, clickId: string): Promise<void> {
  const nowMs = deps.clock.nowMs()
  const lease = { owner: deps.owner, nowMs, untilMs: nowMs + deps.settings.clickLeaseMs }
  const click = await deps.db.write((trx) => claimClick(trx, clickId, lease))
  if (!click) return
  // Whoever had it before may have died between the call and its record, so the state is read first.
  const outcome = await performClick(deps, click, { reread: true })
  if (outcome.status === 'retrying') return
  await writeUntil(deps, click.lease_until, (trx) =>
    releaseCard(trx, click.out_track_id, { dueAt: deps.clock.nowMs() }),
  )
  await deps.wakeDueCards([click.out_track_id])
}

/**
 * Carries the click to Flashduty as the linked member and stores what came of it; the caller holds the click's lease.
 * Every action can be re-read, so one whose outcome is unknown is repeated only after looking.
 */
export async function performClick(
  deps: PerformDeps,
  click: Click,
  options: { reread: boolean } = { reread: false },
): Promise<ClickOutcome> {
  const startedAt = performance.now()
  const log = deps.log.child({
    incidentId: click.incident_id,
    clickId: click.id,
    outTrackId: click.out_track_id,
    action: click.action,
    memberId: click.member_id,
  })
  let outcome: ClickOutcome
  try {
    const fresh = await carryOut(deps, click, options.reread)
    await storeDone(deps, click, fresh)
    outcome = { status: 'done' }
    log.info({ tookMs: Math.round(performance.now() - startedAt) }, 'click-done')
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    outcome = await storeFailure(deps, click, error).catch(async (cause: unknown) => {
      // It stays as it was stored; whoever takes it up then reads the state before acting.
      await deps.producer.tickClick(click.id, Math.max(0, click.lease_until - deps.clock.nowMs()))
      throw cause
    })
    log[outcome.status === 'retrying' ? 'warn' : 'error'](
      { err: error, detail: error.detail, ...outcome, tookMs: Math.round(performance.now() - startedAt) },
      outcome.status === 'retrying' ? 'click-retrying' : 'click-failed',
    )
  }
  const cards = await listCardsOfIncident(deps.db.read, click.integration_id, click.incident_id)
  await deps.wakeDueCards(cards.map((card) => card.out_track_id))
  return outcome
}

type Fresh = { incident: Incident; seen: StoredIncident | undefined }

/** @returns the incident as read after the action; undefined when that could not be read, and the event will tell */
async function carryOut(deps: PerformDeps, click: Click, reread: boolean): Promise<Fresh | undefined> {
  const { flashduty } = deps
  const key = await findMemberKey(deps.db.read, deps.box, click.integration_id, click.member_id)
  if (!key) throw new AppError({ kind: 'permanent', code: 'KEY_MISSING' }, 'the member has no key')
  const read = async (): Promise<Fresh> => {
    const seen = await findIncident(deps.db.read, click.integration_id, click.incident_id)
    return { seen, incident: await flashduty.readIncident(key.appKey, click.incident_id) }
  }
  const act = { action: actionOf(click), minutes: click.minutes ?? undefined }
  const judge = (incident: Incident) =>
    judgeAction(incident, { ...act, memberId: click.member_id, pressedAt: Math.floor(click.created_at / 1000) })

  const stored = await findIncident(deps.db.read, click.integration_id, click.incident_id)
  // A stored state that makes the press pointless may be old: Flashduty decides.
  if (reread || !stored || judge(stored.incident) !== 'needed') {
    const fresh = await read()
    const verdict = judge(fresh.incident)
    if (verdict === 'reached') return fresh
    if (verdict === 'not-applicable') {
      await deps.db.write((trx) => storeFresh(deps, trx, click, fresh, undefined))
      throw new AppError({ kind: 'permanent', code: 'STATE_CHANGED' }, 'the action no longer applies')
    }
  }
  await flashduty.act(key.appKey, click.incident_id, act)
  try {
    return await read()
  } catch (error) {
    deps.log.warn({ incidentId: click.incident_id, clickId: click.id, err: error }, 'click-unread')
    return undefined
  }
}

async function storeDone(deps: PerformDeps, click: Click, fresh: Fresh | undefined): Promise<void> {
  await writeUntil(deps, click.lease_until, async (trx) => {
    const nowMs = deps.clock.nowMs()
    if (fresh) {
      const link = await findLinkOfUser(trx, click.integration_id, click.dingtalk_user_id)
      await storeFresh(deps, trx, click, fresh, link?.member_name)
    }
    await settleClick(trx, click.id, { status: 'done' }, nowMs)
    await settleRecord(trx, recordKeyOf(click), { status: 'success' }, nowMs)
  })
}

/** Moves the incident forward and lets every card that takes such events show it. */
async function storeFresh(
  deps: PerformDeps,
  trx: Handle,
  click: Click,
  { incident, seen }: Fresh,
  actorName: string | undefined,
): Promise<void> {
  const nowMs = deps.clock.nowMs()
  const read = versionOfInfo(incident)
  // Read after the stored state was, so of the same second it cannot be older: it may take its place.
  const sameSecond = seen !== undefined && seen.version.updatedAt === read.updatedAt
  const eventType = EVENT_OF_ACTION[actionOf(click)]
  const stored = await advanceIncident(
    trx,
    {
      integrationId: click.integration_id,
      incident,
      version: sameSecond ? seen.version : read,
      ...(sameSecond ? { replacesRev: seen.rev } : {}),
      lastAct: actorName ? { eventType, personName: actorName, at: read.updatedAt } : undefined,
    },
    nowMs,
  )
  if (!stored.advanced) return
  const cards = await listCardsOfIncident(trx, click.integration_id, click.incident_id)
  const allowed = cards.filter(
    ({ frozen, audience, out_track_id: outTrackId }) =>
      frozen === 0 &&
      (outTrackId === click.out_track_id ||
        audience.replyEventTypes.length === 0 ||
        audience.replyEventTypes.includes(eventType)),
  )
  await allowRevision(
    trx,
    allowed.map((card) => card.out_track_id),
    { rev: stored.rev, spacingMs: deps.settings.spacingMs, urgent: true },
    nowMs,
  )
}

async function storeFailure(deps: PerformDeps, click: Click, error: AppError): Promise<ClickOutcome> {
  const { failure } = error
  const reason = asReason(failure.code)
  const final = failure.kind === 'permanent' || failure.kind === 'blocked' || click.attempts + 1 >= MAX_ATTEMPTS
  const pauseMs = deps.settings.retryMs * 2 ** click.attempts
  await writeUntil(deps, click.lease_until, async (trx) => {
    const nowMs = deps.clock.nowMs()
    const detail = error.detail
    if (failure.code === 'KEY_INVALID') {
      await markMemberKey(trx, click.integration_id, click.member_id, 'bad', nowMs)
    }
    await settleClick(
      trx,
      click.id,
      final ? { status: 'failed', reason } : { status: 'pending', reason, dueAt: nowMs + pauseMs },
      nowMs,
    )
    await settleRecord(trx, recordKeyOf(click), { status: final ? 'failed' : 'retrying', reason, detail }, nowMs)
  })
  if (final) return { status: 'failed', reason }
  await deps.producer.tickClick(click.id, pauseMs)
  return { status: 'retrying' }
}

export function recordKeyOf(click: Pick<Click, 'id'>): string {
  return `click:${click.id}`
}

function actionOf(click: Click): Action {
  const action = ACTIONS.find((known) => known === click.action)
  if (!action) throw new AppError({ kind: 'permanent', code: 'BUTTON_UNKNOWN' }, 'a stored click of an unknown action')
  return action
}
