import { z } from 'zod'

import { fields, listOf, maybeNumber, maybeText, someText } from '../domain/lenient.ts'
import { AppError } from '../errors.ts'
import type { DingTalkClient } from './client.ts'

export type GroupInfo = { title: string; disbanded: boolean }

const Info = fields({ title: maybeText.pipe(z.string()), status: maybeNumber })

/**
 * `POST /v1.0/im/sceneGroups/query` (page "query-group-information"); permission `qyapi_chat_manage`.
 * @throws AppError among others `permanent COOL_APP_NOT_INSTALLED`, and `permanent GROUP_NOT_TOLD` about groups that
 *   DingTalk does not talk about to this app
 */
export async function queryGroup(
  client: DingTalkClient,
  group: { openConversationId: string; coolAppCode: string | undefined },
): Promise<GroupInfo> {
  const answer = await client.call('POST', '/v1.0/im/sceneGroups/query', {
    openConversationId: group.openConversationId,
    ...(group.coolAppCode === undefined ? {} : { coolAppCode: group.coolAppCode }),
  })
  const parsed = Info.safeParse(answer)
  if (!parsed.success) throw new AppError({ kind: 'retryable', code: 'IM_ERROR' }, 'the group answer has no title')
  return { title: parsed.data.title, disbanded: parsed.data.status === 2 }
}

const Robots = fields({ chatbotInstanceVOList: listOf(fields({ robotCode: someText })) })

/**
 * Codes of the robots in the group: `POST /v1.0/robot/groups/robots/query` (page "obtain-the-list-of-robots-in-the-group");
 * permission `qyapi_chat_manage`.
 */
export async function queryRobots(client: DingTalkClient, openConversationId: string): Promise<string[]> {
  const answer = await client.call('POST', '/v1.0/robot/groups/robots/query', { openConversationId })
  const parsed = Robots.safeParse(answer)
  if (!parsed.success) throw new AppError({ kind: 'retryable', code: 'IM_ERROR' }, 'the answer lists no robots')
  return parsed.data.chatbotInstanceVOList.map(({ robotCode }) => robotCode)
}
