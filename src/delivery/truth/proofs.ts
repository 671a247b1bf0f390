import type { Space } from '../../domain/card.ts'
import type { Reason } from '../../domain/reasons.ts'
import { recordProof, recordDoubt } from '../../storage/group-facts.ts'
import type { Handle } from '../../storage/schema.ts'
import { doubtLink } from '../../storage/suspended-links.ts'

/** What a delivery proves about the places it went to, for free. */
export async function storeProofs(
  trx: Handle,
  integrationId: string,
  { delivered, failed }: { delivered: Space[]; failed: { space: Space; reason: Reason }[] },
  nowMs: number,
): Promise<void> {
  const groups = delivered.filter(({ kind }) => kind === 'group').map(({ targetId }) => targetId)
  await recordProof(trx, integrationId, groups, nowMs)
  for (const { space, reason } of failed) {
    if (space.kind === 'person' && reason === 'IM_USER_NOT_FOUND') {
      await doubtLink(trx, integrationId, space.targetId, nowMs)
    }
    if (space.kind === 'group' && GROUP_GONE.has(reason)) {
      const id = { integrationId, openConversationId: space.targetId }
      await recordDoubt(trx, id, ['installed', 'robot'], nowMs)
    }
  }
}

const GROUP_GONE = new Set<Reason>(['CHAT_NOT_FOUND', 'ROBOT_NOT_IN_CHAT', 'COOL_APP_NOT_INSTALLED'])
