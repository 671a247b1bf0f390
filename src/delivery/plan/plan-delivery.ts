import type { Space } from '../../domain/card.ts'
import { readAskOf } from './ask.ts'
import { makeRoom, notificationOf } from './generations.ts'
import { planCreates } from './creates.ts'
import {
  type ExistingCard,
  type Merge,
  type Plan,
  type PlanInput,
  type PlannedRecord,
  type RecordTarget,
  spaceKey,
  type TakeRecord,
  targetKey,
  targetOfKey,
} from './plan.ts'
import { findMentions } from './targets.ts'

/** Pure: what one event means for every target, each outcome with its reason. */
export function planDelivery(given: PlanInput): Plan {
  const ask = readAskOf(given)
  const notified = ask.kind === 'update-only' ? undefined : notificationOf(given, ask)
  const input = notified?.inserts ? makeRoom(given, notified.notification.generation) : given
  const plan: Plan = {
    notification: notified?.notification,
    insertsGeneration: notified?.inserts ?? false,
    merges: [],
    callsBy: [],
    newCards: [],
    joins: [],
    updates: [],
    freezes: [],
    cancels: [],
    notices: [],
    missed: [],
    mentions: findMentions(input),
    records: [],
    tells: ask.kind !== 'update-only',
  }
  const records = new Map<string, PlannedRecord>()
  const record: TakeRecord = (entry) => {
    const key = targetKey(entry.target)
    if (!records.has(key)) records.set(key, input.seen.has(key) ? { target: entry.target, status: 'duplicate' } : entry)
  }

  const live = input.cards.filter((card) => !card.frozen).sort((a, b) => b.generation - a.generation)
  const waived = ask.kind === 'update-only' ? [] : planCreates(input, ask, plan, record)
  const toldAgain = ask.kind === 'again' && plan.newCards.length + plan.joins.length > 0
  const replaced = toldAgain ? findReplaced(live, plan) : new Set<ExistingCard>()
  if (toldAgain) plan.merges = findMerges(live, plan)
  for (const card of live) {
    if (replaced.has(card)) (card.unsent ? plan.cancels : plan.freezes).push(card.outTrackId)
    else planUpdate(input, card, plan, record)
  }
  // Told before, by a card that is frozen now: no live card has a record for them.
  for (const target of waived) record({ target, status: 'skipped', reason: 'SUPERSEDED' })
  for (const key of input.seen) record({ target: targetOfKey(key), status: 'duplicate' })

  const nobody: RecordTarget = { kind: 'none', id: '', name: undefined }
  if (input.unread !== undefined && input.unread !== 'later') {
    record({ target: nobody, status: 'failed', reason: input.unread })
  }
  if (records.size === 0 && input.unread !== 'later') {
    record({ target: nobody, status: 'skipped', reason: 'NO_TARGET' })
  }
  plan.records = [...records.values()]
  if (plan.newCards.length === 0 && plan.joins.length === 0) {
    plan.notification = undefined
    plan.insertsGeneration = false
  }
  return plan
}

/** What the event means for a card that is there and stays. */
function planUpdate(input: PlanInput, card: ExistingCard, plan: Plan, record: TakeRecord): void {
  const { event, isNewest, seen } = input
  const { replyEventTypes } = card.audience
  const allowed = replyEventTypes.length === 0 || replyEventTypes.includes(event.eventType)
  // What overtook this event was kept from the card, so this one is still news there.
  const isNews = isNewest || (card.behind && allowed && seen.size === 0)
  if (isNews && allowed) {
    plan.updates.push(card.outTrackId)
    if (isNewest && event.eventType === 'i_storm') {
      plan.notices.push(...card.spaces.flatMap(({ kind, targetId }) => (kind === 'group' ? [targetId] : [])))
    }
  }
  for (const space of card.spaces) {
    const target: RecordTarget = { kind: space.kind, id: space.targetId, name: undefined }
    // The card came after this event did, so the event was never news there.
    if (!isNews && seen.size > 0 && !seen.has(targetKey(target))) continue
    if (!isNews) record({ target, status: 'skipped', reason: 'STALE_EVENT' })
    else if (!allowed) record({ target, status: 'skipped', reason: 'EVENT_FILTERED' })
    else record({ target, status: 'pending', outTrackId: card.outTrackId, spaceId: space.targetId, effect: 'update' })
  }
}

/** A newer card that goes to the same places carries what waits for an older one of which nothing has left. */
function findMerges(live: ExistingCard[], plan: Plan): Merge[] {
  const generation = plan.notification?.generation ?? 0
  const older = live.filter((card) => card.unsent && card.generation < generation)
  const newer = [
    ...plan.newCards,
    ...plan.joins.map((join) => ({
      ...join,
      audienceKey: live.find((card) => card.outTrackId === join.outTrackId)?.audienceKey,
    })),
  ]
  return older.flatMap((from) =>
    newer
      .filter((to) => to.audienceKey === from.audienceKey)
      .map((to) => ({ from: from.outTrackId, to: to.outTrackId, spaces: shared(from.spaces, to.spaces) }))
      .filter(({ spaces }) => spaces.length > 0),
  )
}

function shared(a: Space[], b: Space[]): Space[] {
  const keys = new Set(b.map(spaceKey))
  return a.filter((space) => keys.has(spaceKey(space)))
}

/** The live cards all of whose spaces have a newer one, this plan's own cards included. */
function findReplaced(live: ExistingCard[], plan: Plan): Set<ExistingCard> {
  const joining = (card: ExistingCard): Space[] =>
    plan.joins.flatMap((join) => (join.outTrackId === card.outTrackId ? join.spaces : []))
  const newest = newestGenerations(live, plan)
  return new Set(
    live.filter((card) => {
      const spaces = [...card.spaces, ...joining(card)]
      return spaces.length > 0 && spaces.every((space) => (newest.get(spaceKey(space)) ?? -1) > card.generation)
    }),
  )
}

/** The generation of each space's newest live card, this plan's own cards included. */
function newestGenerations(live: ExistingCard[], plan: Plan): Map<string, number> {
  const planned = [...plan.newCards, ...plan.joins].map(({ spaces }) => ({
    spaces,
    generation: plan.notification?.generation ?? 0,
  }))
  const newest = new Map<string, number>()
  for (const { spaces, generation } of [...live, ...planned]) {
    for (const key of spaces.map(spaceKey)) newest.set(key, Math.max(generation, newest.get(key) ?? -1))
  }
  return newest
}
