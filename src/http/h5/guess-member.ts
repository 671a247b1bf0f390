import type { Integration } from '../../domain/integration.ts'
import type { ListedMember } from '../../domain/link-rules.ts'
import { AppError } from '../../errors.ts'
import { matchMember } from '../../flashduty/match-member.ts'
import { within } from '../../lifecycle.ts'
import { findLinksOfMembers } from '../../storage/links.ts'
import type { H5Deps } from './deps.ts'
import { noteVisitorLeft } from './note-left.ts'

/** Who of Flashduty a visitor seems to be. */
export type Guess =
  | { kind: 'one'; member: ListedMember; by: 'mobile' | 'email' }
  | { kind: 'none' | 'several' | 'taken' }
  /** The integration has no key to look with. */
  | { kind: 'off' }
  | { kind: 'unavailable'; code: string }
  /** DingTalk does not know the visitor any more; their session is over. */
  | { kind: 'left' }

/** Somebody is looking at an empty page meanwhile, and there is another way. */
const PATIENCE_MS = 4_000

/** Never throws for what DingTalk or Flashduty answer. */
export async function guessMember(deps: H5Deps, integration: Integration, visitor: { userId: string }): Promise<Guess> {
  const people = deps.peopleOf(integration.id)
  const { flashdutyKey } = integration
  if (!people || flashdutyKey === undefined) return { kind: 'off' }
  const look = async (): Promise<Guess> => {
    const contact = await people.readContact(visitor.userId)
    const match = await matchMember(deps.flashduty, flashdutyKey, contact, 'press')
    if (match.outcome !== 'one') return { kind: match.outcome }
    const [link] = await findLinksOfMembers(deps.db.read, integration.id, [match.member.memberId])
    if (link && link.dingtalk_user_id !== visitor.userId) return { kind: 'taken' }
    return { kind: 'one', member: match.member, by: match.by }
  }
  try {
    const guess = await within(PATIENCE_MS, look(), deps.patience)
    return guess === 'timeout' ? { kind: 'unavailable', code: 'FLASHDUTY_UNAVAILABLE' } : guess
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    if (error.failure.code === 'IM_USER_NOT_FOUND') {
      await noteVisitorLeft(deps, integration, visitor.userId)
      return { kind: 'left' }
    }
    deps.log.warn({ integrationId: integration.id, err: error }, 'member-not-guessed')
    return { kind: 'unavailable', code: error.failure.code }
  }
}
