import { encodeButton } from '../domain/button.ts'
import type { DrawnCard, Overlay } from '../domain/card.ts'
import { repeatsFor } from '../domain/click.ts'
import { newId } from '../domain/ids.ts'
import type { InboundPress, PressAnswer, PressTime } from '../domain/inbound.ts'
import { linkingAddress } from '../domain/integration.ts'
import { type Locale, say } from '../domain/messages.ts'
import type { Reason } from '../domain/reasons.ts'
import {
  type Beside,
  isForTheConsole,
  isMendedByLinking,
  isMendedBySwitching,
  refusalText,
} from '../domain/refusals.ts'
import { isTestIncident } from '../domain/test-card.ts'
import { withoutSecretValues } from '../domain/secrets.ts'
import { clockTime } from '../domain/time.ts'
import { AppError } from '../errors.ts'
import { patiently, within } from '../lifecycle.ts'
import { type CardOfNotification, findCard } from '../storage/cards.ts'
import type { Click } from '../storage/clicks.ts'
import { writeUntil } from '../storage/db.ts'
import { holdCard, releaseCard } from '../storage/held-cards.ts'
import { findIncident } from '../storage/incidents.ts'
import { isOfAnother } from '../storage/integrations.ts'
import type { KeepInbound } from '../storage/journal.ts'
import { isLive, listPlacements } from '../storage/placements.ts'
import type { Handle } from '../storage/schema.ts'
import { settleUpdates } from '../storage/settle-records.ts'
import { dropWantedAct, putWantedAct } from '../storage/wanted-acts.ts'
import { actionOf, actOf } from './click-parts.ts'
import type { PerformDeps } from './deps.ts'
import { notePress } from './note-press.ts'
import type { OpenPresses } from './open-presses.ts'
import { followUp, performWithin } from './perform-within.ts'
import { answerTest, isOfTest, noteHow, takeTestPress, type TestTaken } from './press-test-card.ts'
import type { PressWatch } from './press-watch.ts'
import { refuse, takeClick, type TakenClick, type Wanted } from './take-click.ts'
import { type Pressed, whichButton } from './which-button.ts'

/** Letters of a press that nobody could read, for the log. */
const MAX_LOGGED = 2_000

export type PressDeps = PerformDeps & {
  integration: { id: string; corpId: string }
  /** Cards that no update may leave for now. */
  openPresses: OpenPresses
  watch: PressWatch
  /** Whether calls that few would miss are left out for the rest of the month. */
  isThrifty: () => Promise<boolean>
  /** How people reach the pages; undefined = they are not reachable. */
  publicUrl: string | undefined
  /** Enters the push in the month's books. */
  countPush: (trx: Handle, topic: string) => Promise<void>
  /** Enters what came in the journal. */
  keep: KeepInbound
  /** The card as it is now; `overlay` is for the presser alone. */
  drawNow: (
    outTrackId: string,
    overlay?: (locale: Locale) => Overlay,
  ) => Promise<{ drawn: DrawnCard; rev: number; buttons: { id?: string; text: string }[] } | undefined>
}

type Taken =
  | TestTaken
  | (Extract<TakenClick, { kind: 'refused' }> & { cardKnown: boolean; wantedToken: string | undefined })
  | (Extract<TakenClick, { kind: 'click' }> & {
      cardKnown: true
      /** Nobody else has this card. */
      ownChat: boolean
      frozen: boolean
      /** Revision of the incident before the press. */
      rev: number
    })

/**
 * Answers one button press inside `answerBudgetMs` of its arrival: with the result, with a reason and what to do next, or
 * with 处理中 when Flashduty takes longer, or when so much of the time is gone that the act has to follow the answer. The
 * click is stored before anything else is done about it, and carried out whatever becomes of the answer.
 */
export async function answerPress(deps: PressDeps, press: InboundPress, time: PressTime): Promise<PressAnswer> {
  const leave = deps.openPresses.enter(press.outTrackId)
  try {
    const { cardParamMap, afterReply } = await answerOpen(deps, press, time)
    return {
      cardParamMap,
      afterReply(written) {
        leave()
        afterReply(written)
      },
    }
  } catch (error) {
    leave()
    throw error
  }
}

async function answerOpen(deps: PressDeps, press: InboundPress, time: PressTime): Promise<PressAnswer> {
  const startedAt = performance.now() - time.waitedMs
  const pressed = await whichButton(press, async () => (await drawSafely(deps, press.outTrackId))?.buttons ?? [])
  const named = pressed ? encodeButton(pressed.button) : (press.ids[0]?.id ?? press.text)
  const log = deps.log.child({ outTrackId: press.outTrackId, userId: press.userId, button: named, by: pressed?.by })
  let taken: Taken
  try {
    taken = await deps.db.write((trx) => takePress(deps, trx, press, pressed))
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    log.error({ err: error }, 'press-not-stored')
    const unavailable = (locale: Locale): Overlay => ({ tips: say(locale, 'press.STORE_UNAVAILABLE') })
    return answer(deps, press, unavailable, isOfOurs(deps, press))
  }
  deps.watch.notePress(
    press,
    { foreign: !isOfOurs(deps, press), nameless: pressed === undefined, cardKnown: taken.cardKnown },
    deps.clock.nowMs(),
  )
  // Set up otherwise than it should be, or a card of another make: what it says is all there is to mend it by.
  if (!pressed) log.warn({ said: whatWasSaid(press) }, 'press-nameless')
  if (taken.kind === 'refused') {
    const { incidentId, reason } = taken
    log.info({ incidentId, reason, tookMs: elapsed(startedAt) }, 'press-refused')
    // The incident is none of their business: they get the sentence and nothing else.
    const mayRead = incidentId !== undefined && reason !== 'OTHER_CORPORATION'
    return answer(deps, press, refusalOf(deps, reason, undefined, taken.wantedToken), mayRead)
  }

  if (taken.kind === 'test') {
    log.info({ incidentId: taken.incidentId, first: taken.isFirst, tookMs: elapsed(startedAt) }, 'test-card-pressed')
    return answerTest(deps, taken, press.outTrackId, async (overlay) => {
      const now = await drawSafely(deps, press.outTrackId, overlay)
      return now?.drawn.cardParamMap ?? { tips: tipsAlone(overlay?.('zh-CN') ?? { tips: say('zh-CN', 'press.done') }) }
    })
  }

  time.onTaken()
  const { click, repeated } = taken
  const clickLog = log.child({ incidentId: click.incident_id, clickId: click.id })
  clickLog.info({ action: click.action, memberId: click.member_id, repeated }, 'press-accepted')
  const { settled, outcome } = await performWithin(deps, click, repeated, startedAt)
  clickLog.info({ outcome: settled.status, tookMs: elapsed(startedAt) }, 'press-answered')
  if (settled.status === 'working') {
    const working = await answer(deps, press, (locale) => ({ tips: say(locale, 'press.working') }))
    // The card stays held until the truth is known, so that no update brings the old state back meanwhile.
    return repeated ? working : { ...working, afterReply: () => deps.inFlight.add(followUp(deps, click, outcome())) }
  }
  if (settled.status === 'failed') {
    const token = await keepFailed(deps, click, settled.reason)
    const refused = await answer(deps, press, refusalOf(deps, settled.reason, settled.detail, token))
    return {
      ...refused,
      // Whoever was not told the reason here is told by the robot.
      afterReply: (written) =>
        deps.inFlight.add(written || repeated ? unhold(deps, click) : followUp(deps, click, outcome())),
    }
  }
  return answerDone(deps, taken, click)
}

/** The new face is the answer; where it tells nothing of the press, a sentence does. */
async function answerDone(
  deps: PressDeps,
  { ownChat, frozen, rev, repeated }: Extract<Taken, { kind: 'click' }>,
  click: Click,
): Promise<PressAnswer> {
  const plain = await drawSafely(deps, click.out_track_id)
  // Somebody who means it a second time has to be told that it was not done a second time.
  const repeatMs = repeatsFor(actionOf(click))
  const before = repeated && repeatMs > 0 && repeatMs < Infinity
  const isShown = plain !== undefined && plain.rev > rev && !frozen && !before
  const key = before ? 'press.done.before' : frozen ? 'press.done.superseded' : 'press.done'
  const stored = before ? await findIncident(deps.db.read, click.integration_id, click.incident_id) : undefined
  const ranAt = clockTime(Math.floor(click.created_at / 1_000), stored?.incident.account_time_zone)
  const said = (locale: Locale): string => say(locale, key, { time: ranAt })
  const now = isShown ? plain : await drawSafely(deps, click.out_track_id, (locale) => ({ tips: said(locale) }))
  // A person may have the chat open on two devices, and the answer reaches one of them.
  const isAll = ownChat && isShown && (await deps.isThrifty())
  return {
    cardParamMap: now ? now.drawn.cardParamMap : { tips: said('zh-CN') },
    afterReply: (written) => {
      deps.inFlight.add(
        written && isAll
          ? writeUntil(deps, click.lease_until, (trx) => storeSeen(deps, trx, click.out_track_id, plain))
          : followUp(deps, click, Promise.resolve({ status: 'done' })),
      )
    },
  }
}

async function takePress(
  deps: PressDeps,
  trx: Handle,
  press: InboundPress,
  pressed: Pressed | undefined,
): Promise<Taken> {
  const button = pressed?.button
  await deps.countPush(trx, 'card')
  const card = await findCard(trx, press.outTrackId)
  const { integration } = deps
  // Nor is whoever pressed while the integration was being given to another one.
  const isColleague = isOfOurs(deps, press) && !(await isOfAnother(trx, integration.id, integration.corpId))
  // Where people of another corporation press is no group of ours.
  await notePress(deps, trx, press, isColleague ? card : undefined, deps.clock.nowMs())
  const isOurs = card?.integration_id === deps.integration.id
  const wanted: Omit<Wanted, 'act'> = {
    integrationId: deps.integration.id,
    userId: press.userId ?? '',
    incidentId: isOurs ? card.incident_id : undefined,
    outTrackId: press.outTrackId,
  }
  const no = async (reason: Reason): Promise<Taken> => {
    const act = button ?? { action: press.ids[0]?.id ?? press.text ?? '' }
    const refused = await refuse(deps, trx, { ...wanted, act }, reason)
    return { ...refused, cardKnown: isOurs, wantedToken: undefined }
  }
  if (!card || !isOurs) return no('CARD_UNKNOWN')
  if (!isColleague) return no('OTHER_CORPORATION')
  if (press.userId === undefined) return no('PRESSER_UNKNOWN')
  if (isTestIncident(card.incident_id)) {
    const { userId } = press
    if (pressed && isOfTest(pressed.button)) return takeTestPress(deps, trx, card, { ...press, userId }, pressed)
    await noteHow(trx, card, press, deps.clock.nowMs())
    return no('BUTTON_UNKNOWN')
  }
  const { audience } = card
  const offered =
    (button?.minutes === undefined || audience.snoozeMinutes.includes(button.minutes)) &&
    (button?.customId === undefined || audience.customActions.some((one) => one.integrationId === button.customId))
  if (!button || !offered) return no('BUTTON_UNKNOWN')

  const placements = (await listPlacements(trx, [card.out_track_id])).filter(isLive)
  const note = isElsewhere(press, placements) ? 'PRESSED_ELSEWHERE' : undefined
  const wholly = { ...wanted, incidentId: card.incident_id, act: button, note }
  const taken = await takeClick(deps, trx, wholly)
  if (taken.kind === 'refused') {
    const wantedToken = await keepForLater(deps, trx, card, wholly, taken.reason)
    return { ...taken, cardKnown: true, wantedToken }
  }
  await dropWantedAct(trx, wholly)
  if (!taken.repeated) await holdCard(trx, card.out_track_id, taken.click.lease_until)
  const stored = await findIncident(trx, card.integration_id, card.incident_id)
  return {
    ...taken,
    cardKnown: true,
    ownChat: placements.every(({ kind, target_id: id }) => kind === 'person' && id === press.userId),
    frozen: card.frozen === 1,
    // A repeated press shows whatever the first one has led to.
    rev: taken.repeated ? 0 : (stored?.rev ?? 0),
  }
}

/** What a press brought, for whoever has to find out why it names no button. */
function whatWasSaid({ raw }: InboundPress): string {
  const { content, value } = raw.body
  return JSON.stringify(withoutSecretValues({ content, value })).slice(0, MAX_LOGGED)
}

function isOfOurs({ integration }: Pick<PressDeps, 'integration'>, { corpId }: InboundPress): boolean {
  return corpId === undefined || corpId === integration.corpId
}

/**
 * A card that was forwarded. It counts all the same: who may act is for Flashduty to say, of the person that DingTalk
 * names; where they pressed gives and takes nobody a right. The record says so. DingTalk's id of a 1:1 chat is not known.
 */
function isElsewhere(press: InboundPress, placements: { kind: string; target_id: string }[]): boolean {
  const { spaceId, userId } = press
  if (spaceId === undefined || placements.length === 0) return false
  return !placements.some(({ kind, target_id: id }) => (kind === 'group' ? id === spaceId : id === userId))
}

/** What linking would mend is kept, and offered after it. @returns the token to ask for it by */
async function keepForLater(
  deps: PressDeps,
  trx: Handle,
  card: Pick<CardOfNotification, 'integration_id' | 'out_track_id' | 'incident_id'>,
  { act, userId }: Pick<Wanted, 'act' | 'userId'>,
  reason: Reason,
): Promise<string | undefined> {
  if (!isMendedByLinking(reason)) return undefined
  const nowMs = deps.clock.nowMs()
  const token = newId()
  const { action, minutes, customId } = act
  await putWantedAct(
    trx,
    {
      token,
      integrationId: card.integration_id,
      userId,
      outTrackId: card.out_track_id,
      incidentId: card.incident_id,
      action,
      ...(minutes === undefined ? {} : { minutes }),
      ...(customId === undefined ? {} : { customId }),
      expiresAt: nowMs + deps.settings.wantedMs,
    },
    nowMs,
  )
  return token
}

/** The same of what Flashduty refused. The answer does not wait for a store that is busy: it goes out without a button. */
async function keepFailed(deps: PressDeps, click: Click, reason: Reason): Promise<string | undefined> {
  if (!isMendedByLinking(reason)) return undefined
  const wanted = { act: actOf(click), userId: click.dingtalk_user_id }
  const kept = deps.db
    .write((trx) => keepForLater(deps, trx, click, wanted, reason))
    .catch((error: unknown) => {
      if (!(error instanceof AppError)) throw error
      return undefined
    })
  const token = await within(deps.settings.keepMs, kept, patiently)
  return token === 'timeout' ? undefined : token
}

/** Why it did not count, with the way out as a button. */
function refusalOf(deps: PressDeps, reason: Reason, detail?: string, token?: string): (locale: Locale) => Overlay {
  return (locale) => {
    const tips =
      (beside: Beside = {}): Overlay['tips'] =>
      (drawn) =>
        refusalText(locale, reason, detail, { ...beside, ...drawn })
    if (isForTheConsole(reason)) return { tips: tips(), lead: 'detail' }
    const switching = isMendedBySwitching(reason)
    if ((token === undefined && !switching) || deps.publicUrl === undefined) return { tips: tips() }
    const url = linkingAddress(deps.integration.id, deps.publicUrl, token)
    return {
      tips: tips({ link: !switching, goesOn: token !== undefined }),
      lead: { text: say(locale, switching ? 'button.switch' : 'button.link'), url },
    }
  }
}

/** The card as it is, with something for the presser alone. A card we do not know keeps its face and gets the sentence. */
async function answer(
  deps: PressDeps,
  press: InboundPress,
  overlay: (locale: Locale) => Overlay,
  known = true,
): Promise<PressAnswer> {
  const now = known ? await drawSafely(deps, press.outTrackId, overlay) : undefined
  return { cardParamMap: now ? now.drawn.cardParamMap : { tips: tipsAlone(overlay('zh-CN')) }, afterReply: () => {} }
}

/** Of a card that is not drawn nobody knows the buttons. */
function tipsAlone({ tips }: Overlay): string {
  return typeof tips === 'function' ? tips({ detail: false }) : tips
}

/** The answer must not fail for want of a face: the sentence alone will do. */
async function drawSafely(
  deps: PressDeps,
  ...which: Parameters<PressDeps['drawNow']>
): ReturnType<PressDeps['drawNow']> {
  try {
    return await deps.drawNow(...which)
  } catch (error) {
    deps.log.warn({ outTrackId: which[0], err: error }, 'press-draw-failed')
    return undefined
  }
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

function elapsed(startedAt: number): number {
  return Math.round(performance.now() - startedAt)
}
