import { canBeReread } from '../domain/click.ts'
import { MAX_ID } from '../domain/limits.ts'
import { Fields, type Read, Reading } from '../domain/reading/reading.ts'
import { tidyBody } from '../domain/reading/tidy.ts'
import { flag, isObject, text, word } from '../domain/reading/values.ts'
import { asReason } from '../domain/reasons.ts'
import { beginningOf } from '../domain/text.ts'
import { AppError } from '../errors.ts'
import { classify } from '../flashduty/error-codes.ts'
import { within } from '../lifecycle.ts'
import { type Click, findClick, handOver, markSent } from '../storage/clicks.ts'
import { writeUntil } from '../storage/db.ts'
import { findIncident } from '../storage/incidents.ts'
import { actionOf, actOf, outcomeOf } from './click-parts.ts'
import type { ClickOutcome, PerformDeps } from './deps.ts'
import { readFresh } from './read-fresh.ts'
import { storeDone, storeFailed, storeFresh } from './store-outcome.ts'
import { tellLate } from './tell-late.ts'

const LOOK_MS = 50
const SETTLE_MS = 5_000

/**
 * Hands the click to Flashduty's queue. Offered again under the same name while no answer came, so that a Redis that was
 * away or emptied loses nothing, unless a second time could do it twice.
 * @throws AppError `permanent` when Flashduty has had its time
 */
export async function actByQueue(deps: PerformDeps, click: Click): Promise<ClickOutcome> {
  const { settings, clock, producer } = deps
  const action = actionOf(click)
  const endsAt = click.created_at + settings.queueAnswerMs
  if (clock.nowMs() >= endsAt) {
    const code = canBeReread(action) ? 'ACTION_UNANSWERED' : 'OUTCOME_UNKNOWN'
    throw new AppError({ kind: 'permanent', code }, 'Flashduty did not say what came of it')
  }
  const isHere = await producer.ping()
  if (isHere && (click.sent_at === null || canBeReread(action))) {
    await writeUntil(deps, click.lease_until, (trx) => markSent(trx, click.id, clock.nowMs()))
    await producer.addAction(jobOf(click)).catch((error: unknown) => {
      deps.log.warn({ clickId: click.id, err: error }, 'action-not-enqueued')
    })
  }
  const lookAgainAt = Math.min(clock.nowMs() + (isHere ? settings.queueLookMs : settings.retryMs), endsAt)
  await writeUntil(deps, click.lease_until, (trx) => handOver(trx, click.id, lookAgainAt))
  await producer.tickClick(click.id, lookAgainAt - clock.nowMs())
  return { status: 'waiting' }
}

function jobOf(click: Click) {
  const { action, comment, minutes, customId } = actOf(click)
  const args = {
    ...(minutes === undefined ? {} : { minutes }),
    ...(customId === undefined ? {} : { integration_id: customId }),
    ...(comment === undefined ? {} : { reason: comment }),
  }
  return {
    action_id: click.id,
    action,
    incident_id: click.incident_id,
    person_id: click.member_id,
    args,
    clicked_at: click.created_at,
    source: click.source,
  }
}

/**
 * Looks whether the result has come in, here or at another process, for as long as the presser waits.
 * @param over resolves when they do no longer
 */
export async function awaitResult(deps: PerformDeps, click: Click, over: Promise<void>): Promise<ClickOutcome> {
  const patience = over.then(() => 'over' as const)
  for (;;) {
    if ((await within(LOOK_MS, patience)) === 'over') return { status: 'waiting' }
    const now = await findClick(deps.db.read, click.id)
    if (now && now.status !== 'pending') return outcomeOf(now)
  }
}

/** What Flashduty says of an action it fetched from the queue. `error` or, of a custom action, `message` = it failed. */
type Result = {
  actionId: string
  ok: boolean | undefined
  error: { code: string; message: string } | undefined
  message: string | undefined
  incident: unknown
}

const MAX_SAID = 500

/** An error that says nothing of a code is one nevertheless. */
const error: Read<{ code: string; message: string }> = (value, at) => {
  if (value === false || value === 0 || value === '') return undefined
  if (!isObject(value)) return { code: UNSAID, message: typeof value === 'string' ? beginningOf(value, MAX_SAID) : '' }
  const fields = new Fields(value, at)
  const code = fields.take('code', word(MAX_ID)) ?? (fields.unreadable.has('code') ? UNSAID : '')
  return { code, message: fields.take('message', text(MAX_SAID)) ?? '' }
}
const UNSAID = 'Unknown'

/** @returns undefined for what names no action */
function readResult(body: unknown, reading: Reading): Result | undefined {
  const tidy = tidyBody(body, reading)
  const fields = new Fields(isObject(tidy) ? tidy : {}, reading.at(''))
  const actionId = fields.take('action_id', word(MAX_ID))
  if (actionId === undefined) return undefined
  return {
    actionId,
    ok: fields.take('ok', flag),
    error: fields.take('error', error),
    message: fields.take('message', text(MAX_SAID)),
    incident: fields.take('incident', (value) => value),
  }
}

/** Takes in one result. A result of a click that is unknown, or has come to its end, changes nothing of the click. */
export async function takeActionResult(deps: PerformDeps, body: unknown): Promise<void> {
  const reading = new Reading()
  const result = readResult(body, reading)
  if (!result) {
    deps.log.warn({ at: 'action_id' }, 'action-result-unreadable')
    return
  }
  if (reading.count > 0) {
    deps.log.warn({ clickId: result.actionId, ignored: reading.ignored }, 'action-result-read-in-part')
  }
  const click = await findClick(deps.db.read, result.actionId)
  if (!click) {
    deps.log.warn({ clickId: result.actionId.slice(0, 64) }, 'action-result-unknown')
    return
  }
  const log = deps.log.child({ incidentId: click.incident_id, clickId: click.id, action: click.action })
  const known = await findIncident(deps.db.read, click.integration_id, click.incident_id)
  const read = readFresh(deps, click, result.incident, known)
  // Read before what is stored now may have come, so it takes no other's place.
  const fresh = read && { ...read, seen: undefined }
  if (click.status !== 'pending') {
    if (fresh) await deps.db.write((trx) => storeFresh(deps, trx, click, fresh, undefined))
    log.info({ was: click.status }, 'action-result-late')
    return
  }
  const outcome = readOutcome(result)
  const untilMs = deps.clock.nowMs() + SETTLE_MS
  const settled =
    outcome.status === 'failed'
      ? await storeFailed(deps, click, { ...outcome, fresh }, untilMs)
      : await storeDone(deps, click, fresh, untilMs)
  log.info({ ...outcome }, 'action-result')
  if (!settled) return
  const dueAt = deps.clock.nowMs() + deps.settings.spacingMs
  if (settled.told_working === 1) await tellLate(deps, { ...settled, lease_until: untilMs }, outcome, dueAt)
}

function readOutcome({ ok, error, message }: Result): ClickOutcome {
  if (error && !['', '0', 'OK'].includes(error.code)) {
    const detail = `${error.code}: ${error.message}`.slice(0, 500)
    return { status: 'failed', reason: asReason(classify(400, error.code).code), detail }
  }
  if (message) {
    return { status: 'failed', reason: 'CUSTOM_ACTION_FAILED', detail: `message: ${message}`.slice(0, 500) }
  }
  return ok === false ? { status: 'failed', reason: 'ACTION_REJECTED', detail: undefined } : { status: 'done' }
}
