import type { Audience, Space } from '../../domain/card.ts'
import { MAX_TARGETS } from '../../domain/limits.ts'
import { keyOfAudience, nameUnfrozen } from '../names.ts'
import type { Ask } from './ask.ts'
import { listCandidates } from './candidates.ts'
import {
  type ExistingCard,
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
  const { notification } = plan
  if (!notification) return []
  const reachedBy = findReached(input, ask, notification.key)
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

  const callBy = ({ outTrackId }: ExistingCard, target: RecordTarget, space: Space): void => {
    record({ target, status: 'pending', outTrackId, spaceId: space.targetId, effect: 'create' })
    if (!plan.callsBy.includes(outTrackId)) plan.callsBy.push(outTrackId)
  }

  const found = findTargets(input)
  const { onlyMembers } = ask.kind === 'first' ? ask : {}
  if (onlyMembers) found.people.ids = found.people.ids.filter((id) => onlyMembers.has(id))
  for (const { who, space, reason, audience, joinsLate } of listCandidates(input, found)) {
    const { target, memberId = null } = who
    const carrier = space && reason === undefined ? findCarrier(input, notification, space, audience) : undefined
    const isReached = space !== undefined && reachedBy(space).some((card) => card !== carrier)
    // Whom a card has reached follows the incident by it, however severe it is.
    if (joinsLate && !(joinsLate.severities && isReached))
      plan.missed.push({ target, memberId, audience, notification, ...joinsLate })
    if (isReached) waived.push(target)
    else if (reason === 'seen') record({ target, status: 'duplicate' })
    else if (reason) record({ ...who, status: statusOf(reason), reason })
    else if (carrier) callBy(carrier, target, space)
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

/** The cards for which a space needs none of this notification. */
function findReached(input: PlanInput, ask: Ask, notificationKey: string): (space: Space) => ExistingCard[] {
  // Frozen cards count: their targets were reached, and a repeated event must not reach them again.
  const here = input.cards.filter((card) => ask.kind === 'first' || card.notificationKey === notificationKey)
  // A card that shows the incident closed says all there is to say.
  const closed = refuseAll(input) === 'ALREADY_CLOSED' ? input.cards.filter((card) => !card.frozen) : []
  const bySpace = new Map<string, ExistingCard[]>()
  for (const card of [...here, ...closed]) {
    for (const key of card.spaces.map(spaceKey)) bySpace.set(key, [...(bySpace.get(key) ?? []), card])
  }
  return (space) => bySpace.get(spaceKey(space)) ?? []
}

/** A newer card that is still on its way to the space and looks the same: this one would be told right before it. */
function findCarrier(
  { cards }: PlanInput,
  { generation }: NonNullable<Plan['notification']>,
  space: Space,
  audience: Audience,
): ExistingCard | undefined {
  const key = spaceKey(space)
  const audienceKey = keyOfAudience(audience)
  return cards.find(
    (card) =>
      card.unsent &&
      !card.frozen &&
      card.generation > generation &&
      card.audienceKey === audienceKey &&
      card.spaces.some((each) => spaceKey(each) === key),
  )
}
