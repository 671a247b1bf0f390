import { z } from 'zod'

import { AppError } from '../errors.ts'
import type { DingTalkClient } from './client.ts'

export type GroupInfo = { title: string; disbanded: boolean }

const Answer = z.looseObject({ title: z.string(), status: z.coerce.number().optional() })

/**
 * `POST /v1.0/im/sceneGroups/query` (page "query-group-information"); permission `qyapi_chat_manage`.
 * @throws AppError among others `permanent COOL_APP_NOT_INSTALLED`
 */
export async function queryGroup(
  client: DingTalkClient,
  group: { openConversationId: string; coolAppCode: string | undefined },
): Promise<GroupInfo> {
  const answer = await client.call('POST', '/v1.0/im/sceneGroups/query', {
    openConversationId: group.openConversationId,
    ...(group.coolAppCode === undefined ? {} : { coolAppCode: group.coolAppCode }),
  })
  const parsed = Answer.safeParse(answer)
  if (!parsed.success) throw new AppError({ kind: 'retryable', code: 'IM_ERROR' }, 'the group answer has no title')
  return { title: parsed.data.title, disbanded: parsed.data.status === 2 }
}
