import type { App, Group } from './types.ts'
import type { World } from './world.ts'

/** Stream `data` of the events that the control verbs cause. Times are epoch ms of the real clock. */

/** D:group-session-change-group-name */
export function titleChanged(world: World, group: Group, operator: string): object {
  const { timeStamp, chatId, corpId, operatorUnionId } = chatFields(world, group, operator)
  const { openConversationId, title } = group
  return { timeStamp, chatId, corpId, operatorUnionId, title, openConversationId, operator }
}

/** D:group-session-disband-group */
export function disbanded(world: World, group: Group, operator: string): object {
  const { timeStamp, chatId, corpId, operatorUnionId } = chatFields(world, group, operator)
  return { timeStamp, chatId, corpId, operatorUnionId, openConversationId: group.openConversationId, operator }
}

/** D:install-cool-application-events-in-the-group, D:uninstall-cool-app-event-in-group; `operateTime` is text. */
export function coolAppChanged(app: App, group: Group, robotCode: string, operator: string): object {
  return {
    coolAppCode: app.coolAppCode,
    operateTime: String(Date.now()),
    openConversationCorpId: app.corpId,
    robotCode,
    openConversationId: group.openConversationId,
    operator,
  }
}

/** D:address-book-user-resignation; `timeStamp` is text. */
export function userLeft(userId: string): object {
  return { timeStamp: String(Date.now()), userId: [userId] }
}

function chatFields(
  world: World,
  group: Group,
  operator: string,
): { timeStamp: number; chatId: string; corpId: string; operatorUnionId: string } {
  return {
    timeStamp: Date.now(),
    chatId: group.chatId,
    corpId: world.corpId,
    operatorUnionId: world.users.get(operator)?.unionId ?? '',
  }
}
