import type { ButtonPress } from '../domain/button.ts'
import type { Overlay } from '../domain/card.ts'
import { newId } from '../domain/ids.ts'
import type { InboundPress, PressAnswer } from '../domain/inbound.ts'
import { type Locale, say } from '../domain/messages.ts'
import { mannerOf } from '../domain/press-manner.ts'
import { endCardTest, findCardTest, noteTestAnswer, noteTestPress } from '../storage/card-tests.ts'
import type { CardOfNotification } from '../storage/cards.ts'
import { writeUntil } from '../storage/db.ts'
import { holdCard, releaseCard } from '../storage/held-cards.ts'
import { findLinkOfUser } from '../storage/links.ts'
import { addRecord } from '../storage/records.ts'
import type { Handle } from '../storage/schema.ts'
import type { PerformDeps } from './deps.ts'
import type { Pressed } from './which-button.ts'

/** A press on a test card: answered here, and nobody else hears of it. */
export type TestTaken = {
  kind: 'test'
  incidentId: string
  cardKnown: true
  /** It is the one that was waited for. */
  isFirst: boolean
  heldUntil: number
}

type Deps = Pick<PerformDeps, 'db' | 'clock' | 'settings' | 'inFlight' | 'wakeDueCards'> & {
  integration: { id: string }
}

/** The first press closes the test; whoever it is needs no account at Flashduty. */
export async function takeTestPress(
  deps: Deps,
  trx: Handle,
  card: Pick<CardOfNotification, 'incident_id' | 'out_track_id'>,
  press: InboundPress & { userId: string },
  pressed: Pressed,
): Promise<TestTaken> {
  const { incident_id: incidentId, out_track_id: outTrackId } = card
  const nowMs = deps.clock.nowMs()
  const test = await findCardTest(trx, incidentId)
  const taken = { kind: 'test', incidentId, cardKnown: true, isFirst: false, heldUntil: 0 } as const
  if (!test || test.ended_at !== null) return taken
  const link = await findLinkOfUser(trx, deps.integration.id, press.userId)
  await noteHow(trx, card, press, nowMs, pressed)
  await addRecord(
    trx,
    {
      record_key: `press:${newId()}`,
      kind: 'action',
      target_id: press.userId,
      target_name: link?.member_name ?? null,
      integration_id: deps.integration.id,
      incident_id: incidentId,
      event_type: pressed.button.action,
      msg_id: outTrackId,
      status: 'success',
    },
    nowMs,
  )
  const personName = link?.member_name ?? press.userId
  await endCardTest(trx, test, { type: 'test_seen', personName }, deps.settings, nowMs)
  const heldUntil = nowMs + deps.settings.clickLeaseMs
  await holdCard(trx, outTrackId, heldUntil)
  return { ...taken, isFirst: true, heldUntil }
}

/** What came of a press on a test card, also of one that nobody can read: that is what a test is for. */
export async function noteHow(
  trx: Handle,
  { incident_id: incidentId }: Pick<CardOfNotification, 'incident_id'>,
  press: InboundPress,
  nowMs: number,
  pressed?: Pressed,
): Promise<void> {
  const manner = mannerOf(press, pressed?.by)
  await noteTestPress(trx, incidentId, { userId: press.userId ?? '', door: press.door, manner }, nowMs)
}

/** The closed face, and after it the update for everybody. */
export async function answerTest(
  deps: Deps,
  taken: TestTaken,
  outTrackId: string,
  answer: (overlay?: (locale: Locale) => Overlay) => Promise<Record<string, string>>,
): Promise<PressAnswer> {
  if (!taken.isFirst) {
    const over = await answer((locale) => ({ tips: say(locale, 'press.test.over') }))
    return { cardParamMap: over, afterReply: () => {} }
  }
  const after = async (written: boolean): Promise<void> => {
    await writeUntil(deps, taken.heldUntil, async (trx) => {
      const nowMs = deps.clock.nowMs()
      await noteTestAnswer(trx, taken.incidentId, written, nowMs)
      await releaseCard(trx, outTrackId, { dueAt: nowMs + deps.settings.spacingMs })
    })
    await deps.wakeDueCards([outTrackId])
  }
  return { cardParamMap: await answer(), afterReply: (written) => deps.inFlight.add(after(written)) }
}

/** Whether it is the one button that a test card has. */
export function isOfTest({ action }: ButtonPress): boolean {
  return action === 'ack'
}
