import type { Space } from '../domain/card.ts'
import { MAX_OPEN_SPACE_ID, openSpaceId } from '../dingtalk/cards.ts'

/**
 * Pure: which of the waiting spaces go into the next call: as many as `openSpaceId` has room for. Spaces that were
 * refused together go after the rest, in no greater company than their share.
 */
export function packSpaces(waiting: (Space & { share: number })[]): Space[] {
  const free = waiting.filter((space) => space.share === 0)
  const share = Math.max(...waiting.map((space) => space.share))
  const together = free.length > 0 ? free : waiting.filter((space) => space.share === share).slice(0, share)
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
