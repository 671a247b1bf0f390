import type { Locale } from '../domain/messages.ts'
import { takenNotice } from '../domain/notices.ts'
import { readAudience } from './audiences.ts'
import { type AccountLink, type NewLink, putLink } from './links.ts'
import { addNotice } from './notices.ts'
import { findNamesSeen } from './people-seen.ts'
import type { Handle } from './schema.ts'

/** Longer than anybody is without DingTalk answering for them, or an administrator for the app. */
const NEWS_MS = 7 * 24 * 3_600_000

/**
 * Links as `putLink` does. Whoever had the member is told by the robot, as soon as a daemon runs; whoever has left is not.
 * @param link `linked_by`: how it was taken, which they are told as well
 * @returns the links that were replaced, and of those whose people are told
 */
export async function takeOver(
  trx: Handle,
  link: NewLink,
  nowMs: number,
): Promise<{ replaced: AccountLink[]; told: AccountLink[] }> {
  const replaced = await putLink(trx, link)
  const told = replaced.filter(
    (old) =>
      old.member_id === link.member_id && old.dingtalk_user_id !== link.dingtalk_user_id && old.suspended_at === null,
  )
  const { integration_id: integrationId, dingtalk_user_id: userId } = link
  for (const old of told) {
    const names = await findNamesSeen(trx, integrationId, [userId])
    const taken = {
      member: old.member_name,
      who: names.get(userId) || userId,
      way: link.linked_by === 'key' ? ('key' as const) : ('admin' as const),
      atMs: link.linked_at,
    }
    await addNotice(trx, {
      id: `taken:${integrationId}:${link.member_id}:${old.dingtalk_user_id}:${link.linked_at}`,
      integration_id: integrationId,
      incident_id: '',
      open_conversation_id: '',
      dingtalk_user_id: old.dingtalk_user_id,
      text: takenNotice(await localeOf(trx, integrationId, old.dingtalk_user_id), taken),
      due_at: nowMs,
      expires_at: nowMs + NEWS_MS,
    })
  }
  return { replaced, told }
}

/** That of the last card in the person's own chat. */
async function localeOf(trx: Handle, integrationId: string, userId: string): Promise<Locale> {
  const row = await trx
    .selectFrom('placements')
    .innerJoin('cards', 'cards.out_track_id', 'placements.out_track_id')
    .select('cards.audience')
    .where('placements.kind', '=', 'person')
    .where('placements.target_id', '=', userId)
    .where('placements.status', 'in', ['sending', 'delivered'])
    .where('cards.integration_id', '=', integrationId)
    .orderBy('placements.updated_at', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row ? readAudience(row.audience).locale : 'zh-CN'
}
