import { suspendLink } from '../storage/links.ts'
import { endSessionsOf } from '../storage/sessions.ts'
import type { HandleEvent } from './deps.ts'
import { textsOf, timeOf } from './fields.ts'

/** `user_leave_org`: whoever left is linked and logged in no more; a returning person links again. */
export const peopleLeft: HandleEvent = async (deps, trx, event) => {
  const leftAt = timeOf(event, 'timeStamp') || event.bornAt
  for (const userId of textsOf(event, 'userId')) {
    const who = { integrationId: deps.integration.id, userId, leftAt }
    const was = await suspendLink(trx, who, deps.clock.nowMs())
    await endSessionsOf(trx, who)
    if (was) deps.log.info({ eventId: event.eventId, userId, memberId: was.member_id }, 'link-suspended')
  }
  return { refreshGroup: false }
}
