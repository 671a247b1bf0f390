import { z } from 'zod'

import { fields, listOf, maybeFlag, maybeText, someText } from '../domain/lenient.ts'
import type { Reason } from '../domain/reasons.ts'
import { AppError } from '../errors.ts'
import type { DingTalkClient } from './client.ts'

export type GroupMembers = {
  userIds: string[]
  /** By userId, as far as DingTalk tells names. */
  names: Map<string, string>
  /** undefined = that is all of them. */
  nextToken: string | undefined
}

/**
 * `whole` = there are no members beyond these. `stale`: of then, since DingTalk does not tell now. `final`: asking again
 * is no use. `waitS`: DingTalk was not asked, since whoever wants to know has had it asked too often.
 */
export type Members =
  | {
      kind: 'known'
      userIds: Set<string>
      names: Map<string, string>
      whole: boolean
      stale?: { atMs: number; reason: Reason }
    }
  | { kind: 'refused'; reason: Reason; final: boolean; waitS?: number }

/** @param askedBy userId of whoever wants to know: each may cause so many calls only */
export type ReadMembers = (openConversationId: string, askedBy: string) => Promise<Members>

const Names = z.record(z.string(), maybeText).nullish().catch(undefined)
const Answer = fields({
  memberUserIds: z.array(z.unknown()).transform((ids) => listOf(someText).parse(ids)),
  hasMore: maybeFlag,
  nextToken: maybeText,
  staffIdNickMap: Names,
})

const MAX_RESULTS = 200

/**
 * `POST /v1.0/im/sceneGroups/members/batchQuery` (page "query-group-members"); up to 1,000 members come in one answer.
 * @throws AppError as `queryGroup` does
 */
export async function queryGroupMembers(
  client: DingTalkClient,
  group: { openConversationId: string; coolAppCode: string | undefined },
  nextToken = '',
): Promise<GroupMembers> {
  const answer = await client.call('POST', '/v1.0/im/sceneGroups/members/batchQuery', {
    openConversationId: group.openConversationId,
    ...(group.coolAppCode === undefined ? {} : { coolAppCode: group.coolAppCode }),
    maxResults: MAX_RESULTS,
    nextToken,
  })
  const parsed = Answer.safeParse(answer)
  if (!parsed.success) throw new AppError({ kind: 'retryable', code: 'IM_ERROR' }, 'the members answer has no members')
  const { memberUserIds, hasMore, nextToken: next, staffIdNickMap } = parsed.data
  return {
    userIds: memberUserIds,
    names: new Map(
      Object.entries(staffIdNickMap ?? {}).flatMap(([id, name]): [string, string][] => (name ? [[id, name]] : [])),
    ),
    nextToken: hasMore && next ? next : undefined,
  }
}
