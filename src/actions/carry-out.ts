import { canBeReread, judgeAction } from '../domain/click.ts'
import type { Incident } from '../domain/incident.ts'
import { AppError } from '../errors.ts'
import { type Click, markSent } from '../storage/clicks.ts'
import { writeUntil } from '../storage/db.ts'
import { findIncident } from '../storage/incidents.ts'
import { forgetRemakes, type MemberKey } from '../storage/member-keys.ts'
import type { Fresh } from '../storage/fresh-incident.ts'
import { type Acting, obtainKey, refuseKey } from './acting-key.ts'
import { actOf } from './click-parts.ts'
import type { PerformDeps } from './deps.ts'
import { readFresh } from './read-fresh.ts'

/** Flashduty's refusal together with what the incident was found to be. */
export class RefusedAct extends AppError {
  readonly fresh: Fresh

  constructor(code: string, message: string, fresh: Fresh, options?: { cause?: unknown; detail?: string }) {
    super({ kind: 'permanent', code }, message, options)
    this.fresh = fresh
  }
}

/**
 * Does what the click asks for, as the linked member.
 * @param reread somebody may have done it before: look first
 * @returns the incident as read after it; undefined when that could not be read, and the event will tell
 */
export async function carryOut(
  deps: PerformDeps,
  acting: Acting,
  click: Click,
  reread: boolean,
): Promise<Fresh | undefined> {
  if (click.sent_at !== null) throw unknownOutcome('it was sent before, and nobody knows what came of it')
  for (;;) {
    const key = await obtainKey(deps, acting, click)
    try {
      const fresh = await actWith(deps, click, key, reread)
      if (key.remakes > 0) {
        await writeUntil(deps, click.lease_until, (trx) => forgetRemakes(trx, click.integration_id, click.member_id))
      }
      return fresh
    } catch (error) {
      if (!(error instanceof AppError) || error.failure.code !== 'KEY_INVALID') throw error
      if (!(await refuseKey(deps, acting, click, key))) throw error
    }
  }
}

async function actWith(deps: PerformDeps, click: Click, key: MemberKey, reread: boolean): Promise<Fresh | undefined> {
  const act = actOf(click)
  const read = async (): Promise<Fresh> => {
    const seen = await findIncident(deps.db.read, click.integration_id, click.incident_id)
    const fresh = readFresh(deps, click, await deps.flashduty.readIncident(key.appKey, click.incident_id), seen)
    if (fresh) return fresh
    const failure = { kind: 'retryable', code: 'FLASHDUTY_UNAVAILABLE' } as const
    throw new AppError(failure, 'POST /incident/info: unreadable answer')
  }
  const judge = (incident: Incident) =>
    judgeAction(incident, {
      action: act.action,
      minutes: act.minutes,
      memberId: click.member_id,
      pressedAt: Math.floor(click.created_at / 1000),
    })
  if (act.action === 'refresh') return read()

  const stored = await findIncident(deps.db.read, click.integration_id, click.incident_id)
  // A stored state that makes the press pointless may be old: Flashduty decides.
  if (reread || !stored || judge(stored.incident) !== 'needed') {
    const fresh = await read()
    const verdict = judge(fresh.incident)
    if (verdict === 'reached') return fresh
    if (verdict === 'not-applicable') throw new RefusedAct('STATE_CHANGED', 'the action no longer applies', fresh)
  }
  if (!canBeReread(act.action)) {
    await writeUntil(deps, click.lease_until, (trx) => markSent(trx, click.id, deps.clock.nowMs()))
  }
  let said: string
  try {
    said = await deps.flashduty.act(key.appKey, click.incident_id, act)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    if (error.failure.kind === 'unknown-outcome' && !canBeReread(act.action)) {
      throw unknownOutcome(error.message, { cause: error, detail: error.detail })
    }
    return afterRefusal(error, read, judge)
  }
  if (said !== '') {
    const failure = { kind: 'permanent', code: 'CUSTOM_ACTION_FAILED' } as const
    throw new AppError(failure, 'the custom action says it failed', { detail: `message: ${said}`.slice(0, 500) })
  }
  try {
    return await read()
  } catch (error) {
    deps.log.warn({ incidentId: click.incident_id, clickId: click.id, err: error }, 'click-unread')
    return undefined
  }
}

/** Flashduty's words for "not as it is now" are those for "not like this": a look tells which it was. */
async function afterRefusal(
  error: AppError,
  read: () => Promise<Fresh>,
  judge: (incident: Incident) => ReturnType<typeof judgeAction>,
): Promise<Fresh> {
  const { code } = error.failure
  if (code !== 'ACTION_REJECTED' && code !== 'INCIDENT_NOT_FOUND') throw error
  let fresh: Fresh
  try {
    fresh = await read()
  } catch (cause) {
    const gone = cause instanceof AppError && cause.failure.code === 'INCIDENT_NOT_FOUND'
    throw gone || code === 'INCIDENT_NOT_FOUND' ? cause : error
  }
  const verdict = judge(fresh.incident)
  if (verdict === 'reached') return fresh
  const options = { cause: error, ...(error.detail === undefined ? {} : { detail: error.detail }) }
  // The incident is there, so it was something else that is not.
  const why = verdict === 'not-applicable' ? 'STATE_CHANGED' : 'ACTION_REJECTED'
  throw new RefusedAct(why, error.message, fresh, options)
}

function unknownOutcome(message: string, options: { cause?: unknown; detail?: string | undefined } = {}): AppError {
  const { cause, detail } = options
  return new AppError({ kind: 'permanent', code: 'OUTCOME_UNKNOWN' }, message, {
    cause,
    ...(detail === undefined ? {} : { detail }),
  })
}
