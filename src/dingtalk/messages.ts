import { fields, listOf, someText } from '../domain/lenient.ts'
import { AppError } from '../errors.ts'
import type { DingTalkClient } from './client.ts'

export type RobotMessage = { msgKey: 'sampleText'; msgParam: { content: string } }

const Sent = fields({ invalidStaffIdList: listOf(someText), flowControlledStaffIdList: listOf(someText) })

/** `POST /v1.0/robot/groupMessages/send`; `coolAppCode` is required when the robot came with a cool app. */
export async function sendToGroup(
  client: DingTalkClient,
  to: { openConversationId: string; robotCode: string; coolAppCode: string | undefined },
  message: RobotMessage,
): Promise<void> {
  await client.call('POST', '/v1.0/robot/groupMessages/send', {
    robotCode: to.robotCode,
    openConversationId: to.openConversationId,
    ...(to.coolAppCode === undefined ? {} : { coolAppCode: to.coolAppCode }),
    msgKey: message.msgKey,
    msgParam: JSON.stringify(message.msgParam),
  })
}

/** `POST /v1.0/robot/oToMessages/batchSend` to one person. It answers 200 also for people it cannot reach. */
export async function sendToPerson(
  client: DingTalkClient,
  to: { userId: string; robotCode: string },
  message: RobotMessage,
): Promise<void> {
  const answer = await client.call('POST', '/v1.0/robot/oToMessages/batchSend', {
    robotCode: to.robotCode,
    userIds: [to.userId],
    msgKey: message.msgKey,
    msgParam: JSON.stringify(message.msgParam),
  })
  const sent = Sent.safeParse(answer)
  if (sent.success && sent.data.invalidStaffIdList.includes(to.userId)) {
    throw new AppError({ kind: 'permanent', code: 'IM_USER_NOT_FOUND' }, 'DingTalk does not know this user')
  }
  if (sent.success && sent.data.flowControlledStaffIdList.includes(to.userId)) {
    throw new AppError(
      { kind: 'retryable', code: 'IM_RATE_LIMITED', retryAfterMs: 60_000 },
      'DingTalk throttles messages to this user',
    )
  }
}
