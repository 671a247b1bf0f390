import type { Audience, Space } from '../../domain/card.ts'
import { MAX_TARGETS } from '../../domain/limits.ts'
import { keyOfAudience, nameUnfrozen } from '../names.ts'
import type { Ask } from './ask.ts'
import { listCandidates } from './candidates.ts'
import {
  type NewCard,
  type Plan,
  type PlanInput,
  type RecordTarget,
  spaceKey,
  type TakeRecord,
  targetKey,
} from './plan.ts'
import { refuseAll, statusOf } from './refusals.ts'
import { findTargets } from './targets.ts'

/**
 * Plans cards for whoever the event is meant for, in `plan`.
 * @returns the targets that get no card because they were reached before
 */
export function planCreates(
  input: PlanInput,
  ask: Exclude<Ask, { kind: 'update-only' }>,
  plan: Plan,
  record: TakeRecord,
): RecordTarget[] {
  const notification = notificationOf(input, ask)
  plan.notification = notification
  const reached = findReached(input, ask, notification.key)
  const waived: RecordTarget[] = []
  const audiences = new Map<string, NewCard>()
  const placed = new Set<string>()
  const place = (target: RecordTarget, space: Space, audience: Audience): void => {
    const audienceKey = keyOfAudience(audience)
    const incidentId = input.event.incident.incident_id
    const card = audiences.get(audienceKey) ?? {
      ...nameUnfrozen(input.integration.id, incidentId, input.cards, notification.key, audienceKey),
      audienceKey,
      audience,
      spaces: [],
    }
    record({ target, status: 'pending', outTrackId: card.outTrackId, spaceId: space.targetId, effect: 'create' })
    // Whoever has a record of this very event was told, or found not to be reachable, when it came first.
    if (input.seen.has(targetKey(target))) return
    const key = `${spaceKey(space)} ${audienceKey}`
    if (!placed.has(key)) card.spaces.push(space)
    placed.add(key)
    audiences.set(audienceKey, card)
  }

  const found = findTargets(input)
  for (const { who, space, reason, audience, joinsLate } of listCandidates(input, found)) {
    const { target, memberId = null } = who
    const isReached = space !== undefined && reached.has(spaceKey(space))
    // Whom a card has reached follows the incident by it, however severe it is.
    if (joinsLate && !(joinsLate.severities && isReached))
      plan.missed.push({ target, memberId, audience, notification, ...joinsLate })
    if (isReached) waived.push(target)
    else if (reason === 'seen') record({ target, status: 'duplicate' })
    else if (reason) record({ ...who, status: statusOf(reason), reason })
    else if (space) place(target, space, audience)
  }

  for (const { path, problem } of found.unreadable) {
    const target: RecordTarget = { kind: 'none', id: path, name: undefined }
    record({ target, status: 'failed', reason: 'TARGET_UNREADABLE', detail: problem })
  }
  if (found.overLimit > 0) {
    const target: RecordTarget = { kind: 'none', id: 'over-limit', name: undefined }
    const detail = `${found.overLimit} more targets than the ${MAX_TARGETS} that one delivery may have`
    record({ target, status: 'failed', reason: 'OVER_LIMIT', detail })
  }

  for (const card of audiences.values()) {
    const { outTrackId, spaces } = card
    if (input.cards.some((other) => other.outTrackId === outTrackId)) plan.joins.push({ outTrackId, spaces })
    else plan.newCards.push(card)
  }
  return waived
}

function notificationOf({ cards }: PlanInput, ask: Exclude<Ask, { kind: 'update-only' }>) {
  const key = ask.kind === 'first' ? 'first' : ask.key
  const known = cards.find((card) => card.notificationKey === key)
  const generation = known?.generation ?? Math.max(-1, ...cards.map((card) => card.generation)) + 1
  return { key, generation, prefix: ask.kind === 'again' ? ask.prefix : '' }
}

/** The spaces that need no card of this notification. */
function findReached(input: PlanInput, ask: Ask, notificationKey: string): Set<string> {
  // Frozen cards count: their targets were reached, and a repeated event must not reach them again.
  const here = input.cards.filter((card) => ask.kind === 'first' || card.notificationKey === notificationKey)
  // A card that shows the incident closed says all there is to say.
  const closed = refuseAll(input) === 'ALREADY_CLOSED' ? input.cards.filter((card) => !card.frozen) : []
  return new Set([...here, ...closed].flatMap((card) => card.spaces.map(spaceKey)))
}
