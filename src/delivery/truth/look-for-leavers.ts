import type { Clock } from '../../clock.ts'
import type { DingTalkPeople } from '../../dingtalk/people.ts'
import { AppError } from '../../errors.ts'
import type { Log } from '../../log.ts'
import type { Db } from '../../storage/db.ts'
import { isOfAnother } from '../../storage/integrations.ts'
import { confirmLeaver } from '../../storage/leavers.ts'
import type { AccountLink } from '../../storage/links.ts'
import { listDoubtedLinks, settleDoubt } from '../../storage/suspended-links.ts'

export type LeaverDeps = {
  db: Db
  clock: Clock
  log: Log
  people: Pick<DingTalkPeople, 'readContact'>
  integrationId: string
  /** Whose directory is asked. */
  corpId: string
  /** Ends it before the next person. */
  signal: AbortSignal
}

const RETRY_MS = 60_000

/**
 * Looks for people whom DingTalk did not know when something was sent to them: who has left is linked no more and logged in
 * nowhere. Asking is free of quota, but may not be allowed; then what DingTalk said at first counts.
 */
export async function lookForLeavers(deps: LeaverDeps): Promise<void> {
  for (const link of await listDoubtedLinks(deps.db.read, deps.integrationId, deps.clock.nowMs())) {
    if (deps.signal.aborted) return
    const verdict = await findOut(deps, link)
    const noted = await deps.db.write(async (trx) => {
      if (await isOfAnother(trx, deps.integrationId, deps.corpId)) return false
      const nowMs = deps.clock.nowMs()
      if (verdict === 'left') return confirmLeaver(trx, link, nowMs)
      return settleDoubt(trx, link, { checkAgainAt: verdict === 'stays' ? null : nowMs + RETRY_MS })
    })
    if (verdict === 'left' && noted) {
      deps.log.info({ userId: link.dingtalk_user_id, memberId: link.member_id }, 'link-suspended')
    }
  }
}

async function findOut(deps: LeaverDeps, link: AccountLink): Promise<'stays' | 'left' | 'later'> {
  try {
    await deps.people.readContact(link.dingtalk_user_id)
    return 'stays'
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    if (error.failure.code === 'IM_USER_NOT_FOUND') return 'left'
    // Whom the app cannot see has not left.
    if (error.failure.code === 'OUT_OF_SCOPE') return 'stays'
    const userId = link.dingtalk_user_id
    deps.log.warn({ userId, err: error, detail: error.detail }, 'person-not-looked-up')
    return error.failure.code === 'APP_PERMISSION_MISSING' ? 'left' : 'later'
  }
}
