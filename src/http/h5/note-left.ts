import type { Integration } from '../../domain/integration.ts'
import { isOfCorporation } from '../../storage/integrations.ts'
import { noteLeaver } from '../../storage/leavers.ts'
import type { H5Deps } from './deps.ts'

/** DingTalk does not know the visitor any more: their sessions are over, and they are linked no more. */
export async function noteVisitorLeft(
  deps: Pick<H5Deps, 'db' | 'clock' | 'log'>,
  { id: integrationId, corpId }: Pick<Integration, 'id' | 'corpId'>,
  userId: string,
): Promise<void> {
  const nowMs = deps.clock.nowMs()
  const was = await deps.db.write(async (trx) => {
    // The former corporation's answer says nothing of the new one's people.
    if (!(await isOfCorporation(trx, integrationId, corpId))) return undefined
    return noteLeaver(trx, { integrationId, userId, leftAt: nowMs }, nowMs)
  })
  if (was) deps.log.info({ integrationId, userId, memberId: was.member_id }, 'link-suspended')
}
