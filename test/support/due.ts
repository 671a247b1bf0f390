import { readDatabase } from './database.ts'
import type { World } from './world.ts'

/** While DingTalk is asked about a group, its next turn is that far off. */
const GROUP_RETRY_MS = 30_000

/** Whether a call about a card is due, or under way. */
export function isCardDue(world: World): boolean {
  const query = `select 1 from cards
    where deliver_due_at is not null or update_due_at is not null or lease_owner is not null limit 1`
  return readDatabase(world, query).length > 0
}

/**
 * Whether DingTalk is to be asked about a group, or is being asked.
 * @param nowMs by the daemon's clock
 */
export function isGroupDue(world: World, nowMs: number): boolean {
  const query = 'select 1 from groups where refresh_due_at <= ? limit 1'
  return readDatabase(world, query, nowMs + GROUP_RETRY_MS).length > 0
}
