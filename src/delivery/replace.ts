import { changeLeased } from '../storage/change-cards.ts'
import { isLive, listPlacements, spaceOf } from '../storage/placements.ts'
import type { Handle } from '../storage/schema.ts'
import { settleOpen } from '../storage/settle-records.ts'
import { keyOfAudience, nameCard } from './names.ts'
import { addStandIn } from './stand-in.ts'
import type { ReconcileDeps, Work } from './work.ts'

/** A card that DingTalk keeps forgetting is not made a fifth time. */
const MAX_REPLACEMENTS = 3

/**
 * DingTalk no longer knows the card: another takes its place, in the same groups and chats, and shows the newest state.
 * @returns the new card; undefined when there is nothing to replace, or it was replaced too often
 */
export async function replaceCard(
  deps: ReconcileDeps,
  trx: Handle,
  { card, stored }: Pick<Work, 'card' | 'stored'>,
  detail: string | undefined,
): Promise<string | undefined> {
  const nowMs = deps.clock.nowMs()
  const gone = { stage: 'gone', frozen: 1, deliver_due_at: null, update_due_at: null } as const
  await changeLeased(trx, card.out_track_id, deps.owner, {
    ...gone,
    called_at: nowMs,
    lease_owner: null,
    lease_until: 0,
  })
  const spaces = (await listPlacements(trx, [card.out_track_id])).filter(isLive).map(spaceOf)
  if (card.frozen === 1 || card.replacement >= MAX_REPLACEMENTS || spaces.length === 0) {
    await settleOpen(trx, card.out_track_id, { status: 'failed', reason: 'CARD_NOT_EXIST', detail }, nowMs)
    return undefined
  }
  const replacement = card.replacement + 1
  // Presses of the one that takes its place return the way they do now.
  const audience = { ...card.audience, callbackType: deps.cardCallback }
  const audienceKey = audience.callbackType === card.audience.callbackType ? card.audience_key : keyOfAudience(audience)
  const outTrackId = nameCard(card.integration_id, card.incident_id, card.notification_key, audienceKey, replacement)
  const next = { outTrackId, replacement, audience, audienceKey, spaces }
  await addStandIn(trx, card, next, stored, nowMs)
  return outTrackId
}
