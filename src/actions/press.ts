import { decodeButton } from '../domain/button.ts'
import type { DrawnCard } from '../domain/card.ts'
import { newId } from '../domain/ids.ts'
import type { InboundPress, PressAnswer } from '../domain/inbound.ts'
import { isMessageKey, type Locale, type MessageKey, say } from '../domain/messages.ts'
import type { Reason } from '../domain/reasons.ts'
import { AppError } from '../errors.ts'
import { type InFlight, within } from '../lifecycle.ts'
import { type CardOfNotification, findCard, holdCard, isLive, listPlacements, releaseCard } from '../storage/cards.ts'
import { addClick, type Click } from '../storage/clicks.ts'
import { writeUntil } from '../storage/db.ts'
import { findIncident } from '../storage/incidents.ts'
import { findLinkOfUser, findMemberKey } from '../storage/links.ts'
import type { KeepInbound } from '../storage/journal.ts'
import { addRecord, settleUpdates } from '../storage/records.ts'
import type { Handle } from '../storage/schema.ts'
import { notePress } from './note-press.ts'
import { type ClickOutcome, performClick, type PerformDeps, recordKeyOf } from './perform-click.ts'

export type PressDeps = PerformDeps & {
  integration: { id: string; corpId: string }
  inFlight: InFlight
  /** Enters the push in the month's books. */
  countPush: (trx: Handle, topic: string) => Promise<void>
  /** Enters what came in the journal. */
  keep: KeepInbound
  /** The card as it is now; `tips` puts a sentence for the presser under it. */
  drawNow: (
    outTrackId: string,
    tips?: (locale: Locale) => string,
  ) => Promise<{ drawn: DrawnCard; rev: number } | undefined>
}

type Taken =
  | { kind: 'refused'; reason: Reason; incidentId: string | undefined }
  | { kind: 'click'; click: Click; repeated: boolean; ownChat: boolean }

/**
 * Answers one button press inside `answerBudgetMs`: with the result, with a reason and what to do next, or with
 * 处理中 when Flashduty takes longer. The click is stored before anything else is done about it.
 */
export async function answerPress(deps: PressDeps, press: InboundPress): Promise<PressAnswer> {
  const startedAt = performance.now()
  const log = deps.log.child({ outTrackId: press.outTrackId, userId: press.userId, button: press.buttonId })
  let taken: Taken
  try {
    taken = await deps.db.write((trx) => takePress(deps, trx, press))
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    log.error({ err: error }, 'press-not-stored')
    return overlay(deps, press, 'press.STORE_UNAVAILABLE')
  }
  if (taken.kind === 'refused') {
    log.info({ incidentId: taken.incidentId, reason: taken.reason, tookMs: elapsed(startedAt) }, 'press-refused')
    return overlay(deps, press, refusal(taken.reason), taken.incidentId !== undefined)
  }

  const { click, repeated } = taken
  const clickLog = log.child({ incidentId: click.incident_id, clickId: click.id })
  clickLog.info({ action: click.action, memberId: click.member_id, repeated }, 'press-accepted')
  const outcome: Promise<ClickOutcome> = repeated
    ? Promise.resolve(outcomeOf(click))
    : performClick(deps, click).catch((error: unknown) => {
        clickLog.error({ err: error }, 'click-broken')
        return { status: 'retrying' }
      })
  deps.inFlight.add(outcome)
  const settled = await within(Math.max(0, deps.settings.answerBudgetMs - elapsed(startedAt)), outcome)
  clickLog.info(
    { outcome: settled === 'timeout' ? 'working' : settled.status, tookMs: elapsed(startedAt) },
    'press-answered',
  )
  if (settled === 'timeout' || settled.status === 'retrying') {
    const answer = await overlay(deps, press, 'press.working')
    if (repeated || settled !== 'timeout') return answer
    // The card stays held until the truth is known, so that no update brings the old state back meanwhile.
    return { ...answer, afterReply: () => deps.inFlight.add(outcome.then((late) => showEverybody(deps, click, late))) }
  }
  if (settled.status === 'failed') {
    const answer = await overlay(deps, press, refusal(settled.reason))
    return { ...answer, afterReply: () => deps.inFlight.add(unhold(deps, click)) }
  }
  const now = await deps.drawNow(click.out_track_id)
  if (!now) return overlay(deps, press, 'press.done')
  return {
    cardParamMap: now.drawn.cardParamMap,
    afterReply: (written) => {
      const allSeen = written && taken.kind === 'click' && taken.ownChat
      deps.inFlight.add(
        allSeen
          ? writeUntil(deps, click.lease_until, (trx) => storeSeen(deps, trx, click.out_track_id, now))
          : showEverybody(deps, click, settled),
      )
    },
  }
}

async function takePress(deps: PressDeps, trx: Handle, press: InboundPress): Promise<Taken> {
  const nowMs = deps.clock.nowMs()
  await deps.countPush(trx, 'card')
  const card = await findCard(trx, press.outTrackId)
  await notePress(deps, trx, press, card, nowMs)
  const ours =
    card?.integration_id === deps.integration.id &&
    (press.corpId ?? deps.integration.corpId) === deps.integration.corpId
  if (!card || !ours) return refuse(deps, trx, press, undefined, 'CARD_UNKNOWN')
  const button = decodeButton(press.buttonId)
  if (!button) return refuse(deps, trx, press, card, 'BUTTON_UNKNOWN')
  const link = await findLinkOfUser(trx, deps.integration.id, press.userId)
  if (!link) return refuse(deps, trx, press, card, 'NOT_LINKED')
  const key = await findMemberKey(trx, deps.box, deps.integration.id, link.member_id)
  if (!key) return refuse(deps, trx, press, card, 'KEY_MISSING')
  if (key.status === 'bad') return refuse(deps, trx, press, card, 'KEY_INVALID')

  const leaseUntil = nowMs + deps.settings.clickLeaseMs
  const { click, repeated } = await addClick(
    trx,
    {
      id: newId(),
      integration_id: deps.integration.id,
      incident_id: card.incident_id,
      out_track_id: card.out_track_id,
      dingtalk_user_id: press.userId,
      member_id: link.member_id,
      action: button.action,
      minutes: button.minutes ?? null,
      revision: button.revision,
      lease_owner: deps.owner,
      lease_until: leaseUntil,
    },
    nowMs,
  )
  await addRecord(
    trx,
    {
      ...(await pressRecord(trx, press, card)),
      record_key: recordKeyOf(click),
      target_name: link.member_name,
      event_type: button.action,
      status: 'pending',
    },
    nowMs,
  )
  if (!repeated) await holdCard(trx, card.out_track_id, leaseUntil)
  const placements = (await listPlacements(trx, [card.out_track_id])).filter(isLive)
  const ownChat = placements.every(({ kind, target_id: id }) => kind === 'person' && id === press.userId)
  return { kind: 'click', click, repeated, ownChat }
}

async function refuse(
  deps: PressDeps,
  trx: Handle,
  press: InboundPress,
  card: CardOfNotification | undefined,
  reason: Reason,
): Promise<Taken> {
  await addRecord(
    trx,
    {
      ...(await pressRecord(trx, press, card)),
      integration_id: deps.integration.id,
      record_key: `press:${newId()}`,
      event_type: decodeButton(press.buttonId)?.action ?? press.buttonId.slice(0, 64),
      status: 'failed',
      reason,
    },
    deps.clock.nowMs(),
  )
  return { kind: 'refused', reason, incidentId: card?.incident_id }
}

async function pressRecord(trx: Handle, press: InboundPress, card: CardOfNotification | undefined) {
  const stored = card && (await findIncident(trx, card.integration_id, card.incident_id))
  return {
    kind: 'action' as const,
    target_id: press.userId,
    integration_id: card?.integration_id ?? null,
    incident_id: card?.incident_id ?? null,
    incident_num: stored?.incident.num ?? null,
    msg_id: press.outTrackId.slice(0, 64),
  }
}

/** The card as it is, with one sentence for the presser. A card we do not know keeps its face and gets the sentence. */
async function overlay(deps: PressDeps, press: InboundPress, key: MessageKey, known = true): Promise<PressAnswer> {
  const nothing = (): void => {}
  try {
    const now = known ? await deps.drawNow(press.outTrackId, (locale) => say(locale, key)) : undefined
    if (now) return { cardParamMap: now.drawn.cardParamMap, afterReply: nothing }
  } catch (error) {
    deps.log.warn({ outTrackId: press.outTrackId, err: error }, 'press-draw-failed')
  }
  return { cardParamMap: { tips: say('zh-CN', key) }, afterReply: nothing }
}

/** Nobody knows what the presser's client shows once the answer and an update have crossed, so everybody gets an update. */
async function showEverybody(deps: PressDeps, click: Click, outcome: ClickOutcome): Promise<void> {
  if (outcome.status === 'retrying') return
  const dueAt = deps.clock.nowMs() + deps.settings.spacingMs
  await writeUntil(deps, click.lease_until, (trx) => releaseCard(trx, click.out_track_id, { dueAt }))
  await deps.wakeDueCards([click.out_track_id])
}

/** The answer was an update in itself: events taken in meanwhile are on the card already. */
async function storeSeen(
  deps: PressDeps,
  trx: Handle,
  outTrackId: string,
  { rev, drawn }: { rev: number; drawn: DrawnCard },
): Promise<void> {
  await releaseCard(trx, outTrackId, { shown: { rev, hash: drawn.hash } })
  await settleUpdates(trx, { outTrackId, drawnRev: rev }, { status: 'updated' }, deps.clock.nowMs())
}

async function unhold(deps: PressDeps, click: Click): Promise<void> {
  await writeUntil(deps, click.lease_until, (trx) => releaseCard(trx, click.out_track_id, 'as-it-was'))
  await deps.wakeDueCards([click.out_track_id])
}

function outcomeOf(click: Click): ClickOutcome {
  return click.status === 'done' ? { status: 'done' } : { status: 'retrying' }
}

function refusal(reason: Reason): MessageKey {
  const key = `press.${reason}`
  return isMessageKey(key) ? key : 'press.UNKNOWN'
}

function elapsed(startedAt: number): number {
  return Math.round(performance.now() - startedAt)
}
