import type { MonthlyBooks } from './books.ts'
import type { Chat } from './chat.ts'
import { robotConversationId } from './chat.ts'
import type { Gateway } from './gateway.ts'
import { newMsgId } from './ids.ts'
import { SESSION_MS, type SessionBook } from './sessions.ts'
import { callbackFrame, ROBOT_TOPIC } from './stream-frames.ts'
import type { Timers } from './timers.ts'
import type { App, DingTalkSettings, Group, User } from './types.ts'
import type { World } from './world.ts'

type Deps = {
  settings: DingTalkSettings
  world: World
  chat: Chat
  gateway: Gateway
  timers: Timers
  books: MonthlyBooks
  sessions: SessionBook
}
export type RobotMessage = { clientId: string; userId: string; text: string; openConversationId?: string }

/** Pushes what a person wrote to the robot. Once more after a miss, under the same msgId (seen in the field). */
export function messageRobot(deps: Deps, { clientId, userId, text, openConversationId }: RobotMessage): string {
  const app = deps.world.getApp(clientId)
  const user = deps.world.getUser(userId)
  const group = openConversationId === undefined ? undefined : deps.world.getGroup(openConversationId)
  const msgId = newMsgId()
  const data = messageData(deps, app, user, group, msgId, text)
  void push(deps, app, msgId, deps.books.admitPush() ? data : withoutText(data))
  return msgId
}

async function push(deps: Deps, app: App, msgId: string, data: object): Promise<void> {
  for (const attempt of [1, 2]) {
    if (attempt > 1) await deps.timers.sleep(deps.settings.robotRedeliveryDelayMs)
    const outcome = await deps.gateway.push(
      app.clientId,
      { type: 'CALLBACK', topic: ROBOT_TOPIC },
      (connectionId) => callbackFrame(app, connectionId, ROBOT_TOPIC, data),
      { attempt, businessId: msgId, deadlineMs: deps.settings.robotDeadlineMs },
    )
    if (outcome.kind === 'reply' && outcome.reply.code === 200) return
  }
}

/** D:receive-message. A group message starts with the blank that the mention leaves. */
function messageData(deps: Deps, app: App, user: User, group: Group | undefined, msgId: string, text: string): object {
  const createAt = Date.now()
  const installed = group?.coolApps.find((entry) => entry.clientId === app.clientId)
  const robotCode = installed?.robotCode ?? app.clientId
  const chatbotUserId = deps.world.lwcpId(`robot ${robotCode}`)
  const conversation = group?.openConversationId ?? robotConversationId(app.clientId, user.userId)
  const common = {
    chatbotCorpId: app.corpId,
    chatbotUserId,
    robotCode,
    msgId,
    msgtype: 'text',
    createAt,
    senderId: deps.world.lwcpId(`user ${user.userId}`),
    ...(app.published ? { senderStaffId: user.userId } : {}),
    senderNick: user.name,
    senderCorpId: app.corpId,
    isAdmin: false,
    sessionWebhook: deps.sessions.open(conversation, robotCode),
    sessionWebhookExpiredTime: createAt + SESSION_MS,
  }
  if (!group) {
    const conversationId = deps.chat.wireId(robotConversationId(app.clientId, user.userId))
    return { conversationId, conversationType: '1', ...common, text: { content: text } }
  }
  return {
    conversationId: group.openConversationId,
    conversationType: '2',
    conversationTitle: group.title,
    atUsers: [{ dingtalkId: chatbotUserId }],
    isInAtList: true,
    ...common,
    text: { content: ` ${text}` },
  }
}

/** D:develop-stream-mode-push-server: the month's pushes are used up. */
function withoutText(data: object): object {
  return { ...data, text: undefined, errorCode: 20001, errorMessage: '当月消息推送额度已用完' }
}
