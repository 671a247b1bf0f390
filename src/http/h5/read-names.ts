import type { DingTalkPeople } from '../../dingtalk/people.ts'
import { AppError } from '../../errors.ts'
import { type Patience, within } from '../../lifecycle.ts'
import type { Db } from '../../storage/db.ts'
import { findNamesSeen } from '../../storage/people-seen.ts'

/** Names of colleagues, those first of whom a name is known; whose name cannot be told is left out. */
export type ReadNames = (corporation: { integrationId: string; corpId: string }, userIds: string[]) => Promise<string[]>

/** So many are looked up for one page: the answers cost nothing of the month's quota, but they take their time. */
const LOOKED_UP = 10
const BUDGET_MS = 1_000
const MOST_KEPT = 5_000

export function createReadNames(deps: {
  db: Db
  patience: Patience
  peopleOf: (integrationId: string) => Pick<DingTalkPeople, 'readContact'> | undefined
}): ReadNames {
  const kept = new Map<string, string>()

  const lookUp = async (integrationId: string, userId: string, keptAs: string): Promise<void> => {
    try {
      const contact = await deps.peopleOf(integrationId)?.readContact(userId)
      if (!contact || contact.name === '') return
      if (kept.size >= MOST_KEPT) kept.clear()
      kept.set(keptAs, contact.name)
    } catch (error) {
      // Without the permission to read the directory people are counted, not named.
      if (!(error instanceof AppError)) throw error
    }
  }

  return async ({ integrationId, corpId }, userIds) => {
    const keyOf = (userId: string) => JSON.stringify([integrationId, corpId, userId])
    const seen = await findNamesSeen(deps.db.read, integrationId, userIds)
    const nameOf = (userId: string) => seen.get(userId) ?? kept.get(keyOf(userId))
    const unnamed = userIds.filter((userId) => nameOf(userId) === undefined).slice(0, LOOKED_UP)
    const lookUps = Promise.all(unnamed.map((userId) => lookUp(integrationId, userId, keyOf(userId))))
    await within(BUDGET_MS, lookUps, deps.patience)
    return userIds.flatMap((userId) => nameOf(userId) ?? [])
  }
}
