import type { Chat } from './chat.ts'
import { robotConversationId } from './chat.ts'
import { refuse } from './errors.ts'
import type { Json } from './fields.ts'
import { parseRecord, textOf } from './fields.ts'
import { newCarrierId } from './ids.ts'
import type { App, Group } from './types.ts'
import type { World } from './world.ts'

const MAX_MSG_PARAM_BYTES = 15_000
const MAX_USERS = 20

/** Keys each message form must have (D:robot-message-type). */
const MSG_KEYS: Record<string, string[]> = {
  sampleText: ['content'],
  sampleMarkdown: ['title', 'text'],
  sampleImageMsg: ['photoURL'],
  sampleLink: ['text', 'title', 'picUrl', 'messageUrl'],
  sampleActionCard: ['title', 'text', 'singleTitle', 'singleURL'],
  ...Object.fromEntries([2, 3, 4, 5].map((count) => [`sampleActionCard${count}`, actionCardKeys(count)])),
  sampleActionCard6: ['title', 'text', 'buttonTitle1', 'buttonUrl1', 'buttonTitle2', 'buttonUrl2'],
  sampleAudio: ['mediaId', 'duration'],
  sampleFile: ['mediaId', 'fileName', 'fileType'],
  sampleVideo: ['duration', 'videoMediaId', 'videoType', 'picMediaId'],
}

function actionCardKeys(count: number): string[] {
  const numbers = Array.from({ length: count }, (_, index) => index + 1)
  return ['title', 'text', ...numbers.flatMap((n) => [`actionTitle${n}`, `actionURL${n}`])]
}

/** Ordinary robot messages: to a group and to people. */
export class RobotApi {
  #world: World
  #chat: Chat

  constructor(world: World, chat: Chat) {
    this.#world = world
    this.#chat = chat
  }

  /** D:the-robot-sends-a-group-message */
  sendToGroup(app: App, body: Json): Json {
    const robotCode = readRobotCode(body)
    const content = readContent(body)
    const openConversationId = textOf(body['openConversationId'])
    if (openConversationId === '') refuse('miss.openConversationId')
    const group = this.#world.groups.get(openConversationId) ?? refuse('invalid.openConversationId')
    if (group.disbanded) refuse('group.disbanded')
    this.#checkRobot(app, robotCode)
    checkCoolApp(app, group, robotCode, textOf(body['coolAppCode']))
    this.#chat.post(openConversationId, robotCode, content)
    return { processQueryKey: newCarrierId() }
  }

  /** D:chatbots-send-one-on-one-chat-messages-in-batches. Users in neither list were sent to. */
  sendToUsers(app: App, body: Json): Json {
    const robotCode = readRobotCode(body)
    const content = readContent(body)
    const userIds = body['userIds']
    if (!Array.isArray(userIds) || userIds.length === 0) refuse('invalidParameter.userIds.empty')
    if (userIds.length > MAX_USERS) refuse('invalidParameter.userIds.overMax')
    this.#checkRobot(app, robotCode)
    const invalidStaffIdList: string[] = []
    const flowControlledStaffIdList: string[] = []
    for (const userId of new Set(userIds.map(textOf))) {
      if (!this.#world.users.has(userId) || !this.#world.isVisible(app, userId)) invalidStaffIdList.push(userId)
      else if (this.#world.flowControlled.has(userId)) flowControlledStaffIdList.push(userId)
      else this.#chat.post(robotConversationId(app.clientId, userId), robotCode, content)
    }
    return { processQueryKey: newCarrierId(), invalidStaffIdList, flowControlledStaffIdList }
  }

  /** The robot is the app's own under its clientId, or under the code it got in some group. */
  #checkRobot(app: App, robotCode: string): void {
    const owners = new Set(
      [...this.#world.groups.values()].flatMap((group) =>
        [...group.coolApps, ...group.robots]
          .filter((entry) => entry.robotCode === robotCode)
          .map((entry) => entry.clientId),
      ),
    )
    if (robotCode === app.clientId || owners.has(app.clientId)) return
    if (owners.size > 0 || this.#world.apps.has(robotCode)) refuse('invalidParameter.robotCode.auth')
    refuse('invalidParameter.robotCode.notExsit')
  }
}

/** A robot that came with a cool app sends only with that cool app's code; one that came by itself needs none. */
function checkCoolApp(app: App, group: Group, robotCode: string, coolAppCode: string): void {
  const is = (entry: { clientId: string; robotCode: string }): boolean =>
    entry.clientId === app.clientId && (entry.robotCode === robotCode || robotCode === app.clientId)
  if (coolAppCode === '' && group.robots.some(is)) return
  const installed = group.coolApps.filter(is)
  if (installed.length === 0) refuse('resource.unavailable')
  if (coolAppCode === '') refuse('invalidParameter.robotCode.coolApp')
  if (!installed.some((entry) => entry.coolAppCode === coolAppCode)) refuse('resource.unavailable')
}

function readRobotCode(body: Json): string {
  const robotCode = textOf(body['robotCode'])
  return robotCode === '' ? refuse('invalidParameter.robotCode.empty') : robotCode
}

function readContent(body: Json): { kind: 'robot'; msgKey: string; msgParam: Record<string, string> } {
  const msgKey = textOf(body['msgKey'])
  if (msgKey === '') refuse('invalidParameter.msgKey.empty')
  const required = MSG_KEYS[msgKey] ?? refuse('invalidParameter.msgKey.invalid')
  const text = textOf(body['msgParam'])
  if (Buffer.byteLength(text) > MAX_MSG_PARAM_BYTES) refuse('invalidParameter.msgParam.tooLong')
  const params = parseRecord(text) ?? refuse('invalidParameter.msgParam.invalid')
  if (!required.every((key) => textOf(params[key]) !== '')) refuse('invalidParameter.msgParam.invalid')
  const msgParam = Object.fromEntries(
    Object.entries(params).map(([key, value]) => [key, typeof value === 'string' ? value : JSON.stringify(value)]),
  )
  return { kind: 'robot', msgKey, msgParam }
}
