import { LRUCache } from 'lru-cache'

import type { Clock } from '../../clock.ts'
import type { DingTalkPeople } from '../../dingtalk/people.ts'
import type { Integration } from '../../domain/integration.ts'
import { AppError } from '../../errors.ts'
import { type Patience, within } from '../../lifecycle.ts'
import type { Log } from '../../log.ts'
import { SESSION_MOVE_EVERY_MS } from '../../storage/sessions.ts'

/** `unsure`: DingTalk does not say (yet), or says of somebody that their account is not in use. */
export type Whereabouts = 'there' | 'left' | 'unsure'

/**
 * Whether DingTalk still knows a colleague. Asked at most once for each renewal of a session, whoever else asks meanwhile;
 * the question costs nothing of the month's quota. Nobody waits for the answer longer than `PATIENCE_MS`; one that comes
 * later counts at the next request. Never throws.
 */
export type AskStillThere = (integration: Pick<Integration, 'id' | 'corpId'>, userId: string) => Promise<Whereabouts>

/** Somebody is looking at an empty page meanwhile, perhaps at night. */
const PATIENCE_MS = 1_000
const MOST_KEPT = 10_000

type Asked = { atMs: number; now: Whereabouts; first: Promise<unknown> }

export function createStillThere(deps: {
  clock: Clock
  log: Log
  patience: Patience
  peopleOf: (integrationId: string) => Pick<DingTalkPeople, 'readContact'> | undefined
}): AskStillThere {
  const kept = new LRUCache<string, Asked>({ max: MOST_KEPT })

  const ask = async (integrationId: string, userId: string): Promise<Whereabouts> => {
    try {
      const contact = await deps.peopleOf(integrationId)?.readContact(userId)
      return contact?.active ? 'there' : 'unsure'
    } catch (error) {
      const isExpected = error instanceof AppError
      if (isExpected && error.failure.code === 'IM_USER_NOT_FOUND') return 'left'
      // Even a mistake of ours is no reason to keep somebody from their page.
      deps.log[isExpected ? 'info' : 'error']({ integrationId, userId, err: error }, 'visitor-not-looked-up')
      return 'unsure'
    }
  }

  return async ({ id, corpId }, userId) => {
    const nowMs = deps.clock.nowMs()
    // The same id is somebody else's in another corporation.
    const who = JSON.stringify([id, corpId, userId])
    let asked = kept.get(who)
    if (!asked || Math.abs(nowMs - asked.atMs) >= SESSION_MOVE_EVERY_MS) {
      const fresh: Asked = { atMs: nowMs, now: 'unsure', first: Promise.resolve() }
      const answered = ask(id, userId).then((answer) => void (fresh.now = answer))
      fresh.first = within(PATIENCE_MS, answered, deps.patience)
      kept.set(who, (asked = fresh))
    }
    await asked.first
    return asked.now
  }
}
