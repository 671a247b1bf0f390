import type { Clock } from '../../clock.ts'
import { asReason, type Reason } from '../../domain/reasons.ts'
import { AppError } from '../../errors.ts'
import type { FlashdutyClient } from '../../flashduty/client.ts'
import type { FeedItem } from '../../flashduty/feed.ts'
import { type Patience, within } from '../../lifecycle.ts'
import type { Db } from '../../storage/db.ts'
import { findMemberKey } from '../../storage/member-keys.ts'
import type { SecretBox } from '../../storage/secret-box.ts'

export type Timeline =
  | { kind: 'read'; items: FeedItem[]; more: boolean }
  /** Flashduty was not asked: there is nobody to ask as. */
  | { kind: 'no-key' }
  /** This member may not see it. */
  | { kind: 'denied'; reason: Reason }
  | { kind: 'unread'; reason: Reason }

/**
 * Reads an incident's timeline as a member, inside a time that somebody looking at an empty page puts up with.
 * `beforeAsking` is called where no answer is kept, and may throw.
 */
export type ReadTimeline = (
  who: { integrationId: string; memberId: number },
  incident: { incidentId: string; rev: number },
  beforeAsking: () => Promise<void>,
) => Promise<Timeline>

const BUDGET_MS = 1_500
const ITEMS = 50
/** Somebody clicking to and fro, or reloading, does not use up the account's calls. */
const KEPT_MS = 5_000
const MOST_KEPT = 200
const DENIED: ReadonlySet<string> = new Set([
  'NO_PERMISSION',
  'NO_LICENSE',
  'SUBSCRIPTION_OVER',
  'INCIDENT_NOT_FOUND',
  'KEY_INVALID',
])

export function createReadTimeline(deps: {
  db: Db
  box: SecretBox
  clock: Clock
  flashduty: Pick<FlashdutyClient, 'readFeed'>
  patience: Patience
}): ReadTimeline {
  const kept = new Map<string, { timeline: Promise<Timeline>; untilMs: number }>()

  const read = async (appKey: string, incidentId: string): Promise<Timeline> => {
    try {
      return { kind: 'read', ...(await deps.flashduty.readFeed(appKey, incidentId, ITEMS)) }
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      const reason = asReason(error.failure.code)
      return { kind: DENIED.has(reason) ? 'denied' : 'unread', reason }
    }
  }

  return async ({ integrationId, memberId }, { incidentId, rev }, beforeAsking) => {
    const key = await findMemberKey(deps.db.read, deps.box, integrationId, memberId)
    if (!key || key.status === 'bad') return { kind: 'no-key' }
    const nowMs = deps.clock.nowMs()
    const name = JSON.stringify([integrationId, memberId, incidentId, rev])
    let entry = kept.get(name)
    if (!entry || entry.untilMs <= nowMs) {
      await beforeAsking()
      entry = { timeline: read(key.appKey, incidentId), untilMs: nowMs + KEPT_MS }
      if (kept.size >= MOST_KEPT) kept.clear()
      kept.set(name, entry)
    }
    const timeline = await within(BUDGET_MS, entry.timeline, deps.patience)
    return timeline === 'timeout' ? { kind: 'unread', reason: 'FLASHDUTY_UNAVAILABLE' } : timeline
  }
}
