import type { Space } from '../domain/card.ts'
import { MAX_OPEN_SPACE_ID, openSpaceId } from '../dingtalk/cards.ts'

/**
 * Pure: which of the waiting spaces go into the next call: as many as `openSpaceId` has room for. Spaces marked alone
 * were refused together with others and go one by one, after the rest.
 */
export function packSpaces(waiting: (Space & { alone: boolean })[]): Space[] {
  const together = waiting.filter((space) => !space.alone)
  if (together.length === 0) return waiting.slice(0, 1).map(bare)
  const packed: Space[] = []
  for (const space of together) {
    if (packed.length > 0 && openSpaceId([...packed, space]).length > MAX_OPEN_SPACE_ID) break
    packed.push(bare(space))
  }
  return packed
}

function bare({ kind, targetId }: Space): Space {
  return { kind, targetId }
}
