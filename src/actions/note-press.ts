import type { InboundPress } from '../domain/inbound.ts'
import { entryOfPress } from '../domain/journal.ts'
import type { CardOfNotification } from '../storage/cards.ts'
import { recordSeen } from '../storage/group-facts.ts'
import type { KeepInbound } from '../storage/journal.ts'
import { listPlacements } from '../storage/placements.ts'
import type { Handle } from '../storage/schema.ts'

const CONVERSATION = /^cid/

/**
 * Enters the press in the journal, and what it proves: the group it came from is there. DingTalk names a person's own
 * chat in the same way as a group, so only a card that is in no such chat says of a conversation that it is a group.
 */
export async function notePress(
  deps: { integration: { id: string }; keep: KeepInbound },
  trx: Handle,
  press: InboundPress,
  card: CardOfNotification | undefined,
  nowMs: number,
): Promise<void> {
  const integrationId = deps.integration.id
  const openConversationId = await groupOf(trx, press, card)
  await deps.keep(trx, integrationId, () => entryOfPress(press, openConversationId ?? null), nowMs)
  if (openConversationId === undefined || card?.integration_id !== integrationId) return
  await recordSeen(trx, { integrationId, openConversationId, ask: true }, nowMs)
}

async function groupOf(
  trx: Handle,
  { spaceId }: InboundPress,
  card: CardOfNotification | undefined,
): Promise<string | undefined> {
  if (!card || spaceId === undefined || !CONVERSATION.test(spaceId)) return undefined
  const placements = await listPlacements(trx, [card.out_track_id])
  const named = placements.some(({ kind, target_id: id }) => kind === 'group' && id === spaceId)
  return named || placements.every(({ kind }) => kind === 'group') ? spaceId : undefined
}
