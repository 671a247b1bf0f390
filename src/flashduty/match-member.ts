import { chooseMember, type Contact, type Match, membersWithEmail, membersWithMobile } from '../domain/link-rules.ts'
import type { FlashdutyClient } from './client.ts'
import type { Urgency } from './pace.ts'

/**
 * Which member of the account somebody is, by what DingTalk knows of them.
 * @param appKey any key of the account
 * @throws AppError as the client does
 */
export async function matchMember(
  flashduty: Pick<FlashdutyClient, 'findMembers'>,
  appKey: string,
  { mobile, orgEmail }: Contact,
  urgency: Urgency,
): Promise<Match> {
  const [byMobile, byEmail] = await Promise.all([
    mobile === undefined ? [] : flashduty.findMembers(appKey, mobile, urgency),
    orgEmail === undefined ? [] : flashduty.findMembers(appKey, orgEmail, urgency),
  ])
  return chooseMember(
    mobile === undefined ? [] : membersWithMobile(mobile, byMobile),
    orgEmail === undefined ? [] : membersWithEmail(orgEmail, byEmail),
  )
}
