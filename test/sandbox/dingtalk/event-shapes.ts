import { newEventId, newUnionId } from './ids.ts'
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
export function coolAppChanged(
  app: App,
  group: Group,
  { robotCode, coolAppCode }: { robotCode: string; coolAppCode: string },
  operator: string,
): object {
  return {
    coolAppCode,
    operateTime: String(Date.now()),
    openConversationCorpId: app.corpId,
    robotCode,
    openConversationId: group.openConversationId,
    operator,
  }
}

/** D:group-session-add-persons */
export function memberAdded(world: World, group: Group, userId: string, operator: string): object {
  const { timeStamp, chatId, corpId, operatorUnionId } = chatFields(world, group, operator)
  const { openConversationId } = group
  const unionId = [world.users.get(userId)?.unionId ?? '']
  const who = { userId: [userId], unionId }
  return {
    timeStamp,
    eventType: 'chat_add_member',
    chatId,
    corpId,
    operatorUnionId,
    openConversationId,
    operator,
    ...who,
  }
}

/** D:enterprise-self-built-application-status-change; its `eventId` is another than the frame's. */
export function appSwitched(app: App, on: boolean): object {
  return {
    eventId: newEventId(),
    operatorUnionId: newUnionId(),
    unifiedAppId: app.unifiedAppId,
    status: on ? 'enable' : 'disable',
  }
}

/** D:enterprise-self-built-applications-can-be-used-to-change-the-scope */
export function scopesChanged(app: App): object {
  return {
    eventId: newEventId(),
    roleIds: [],
    userIds: app.visibleTo === 'ALL' ? [] : app.visibleTo,
    deptIds: app.visibleTo === 'ALL' ? [1] : [],
    operatorUnionId: newUnionId(),
    unifiedAppId: app.unifiedAppId,
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
