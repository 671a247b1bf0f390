import { noteLeaver } from '../storage/leavers.ts'
import type { HandleEvent } from './deps.ts'
import { textsOf, timeOf } from './fields.ts'

/** `user_leave_org`: whoever left is linked no more and logged in nowhere; a returning person links again. */
export const peopleLeft: HandleEvent = async (deps, trx, event) => {
  const leftAt = timeOf(event, 'timeStamp') || event.bornAt
  for (const userId of textsOf(event, 'userId')) {
    const was = await noteLeaver(trx, { integrationId: deps.integration.id, userId, leftAt }, deps.clock.nowMs())
    if (was) deps.log.info({ eventId: event.eventId, userId, memberId: was.member_id }, 'link-suspended')
  }
  return { refreshGroup: false }
}
