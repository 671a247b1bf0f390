import type { CardInstance, SpaceType } from './cards.ts'
import type { Space } from './card-fields.ts'
import type { Chat } from './chat.ts'
import { robotConversationId } from './chat.ts'
import { refuse } from './errors.ts'
import type { Json } from './fields.ts'
import { isRecord, isTextMap, textOf } from './fields.ts'
import { newCarrierId } from './ids.ts'
import type { App } from './types.ts'
import type { World } from './world.ts'

/** How cards get to places: space models at creation, deliver models at delivery, one result row per space. */

/** What is longer is stored cut (page "interface-for-creating-a-card-instance"). */
const MAX_LAST_MESSAGE = 200

const SPACE_MODELS: Record<SpaceType, string> = {
  IM_GROUP: 'imGroupOpenSpaceModel',
  IM_ROBOT: 'imRobotOpenSpaceModel',
  IM_SINGLE: 'imSingleOpenSpaceModel',
  ONE_BOX: 'topOpenSpaceModel',
}

const DELIVER_MODELS: Record<SpaceType, string> = {
  IM_GROUP: 'imGroupOpenDeliverModel',
  IM_ROBOT: 'imRobotOpenDeliverModel',
  IM_SINGLE: 'imSingleOpenDeliverModel',
  ONE_BOX: 'topOpenDeliverModel',
}

export type DeliverResult = {
  spaceType: SpaceType
  spaceId: string
  success: boolean
  carrierId?: string
  errorMsg?: string
}

type Call = { app: App; body: Json; card: CardInstance; userIdType: number }

/** @throws ApiRefusal `param.openSpaceModelInvalid` for a group model without `supportForward` */
export function readSpaces(body: Json): CardInstance['spaces'] {
  const spaces: CardInstance['spaces'] = new Map()
  for (const [type, field] of Object.entries(SPACE_MODELS) as [SpaceType, string][]) {
    const model = body[field]
    if (model === undefined || model === null) continue
    if (!isRecord(model)) refuse('param.openSpaceModelInvalid')
    if (type === 'IM_GROUP' && typeof model['supportForward'] !== 'boolean') refuse('param.openSpaceModelInvalid')
    spaces.set(type, { alertContent: alertContent(model), lastMessage: lastMessage(model) })
  }
  return spaces
}

export function findDeliverModel(body: Json, type: SpaceType): Json | undefined {
  const model = body[DELIVER_MODELS[type]]
  return isRecord(model) ? model : undefined
}

/** A deliver model that is there must be whole. @throws ApiRefusal `param.openDeliverModelError` */
export function checkDeliverModels(body: Json): void {
  const group = findDeliverModel(body, 'IM_GROUP')
  if (group && textOf(group['robotCode']) === '') refuse('param.openDeliverModelError', 'robotCode is missing')
  const robot = findDeliverModel(body, 'IM_ROBOT')
  if (robot && textOf(robot['spaceType']).toUpperCase() !== 'IM_ROBOT') {
    refuse('param.openDeliverModelError', 'spaceType is not IM_ROBOT')
  }
}

/** Posts the card where it may go. A bad target fails in its own row and leaves the others alone. */
export function deliver(world: World, chat: Chat, call: Call, spaces: Space[]): DeliverResult[] {
  return spaces.map((space) => {
    const row = { spaceType: space.type, spaceId: space.id }
    const errorMsg = deliverOne(world, chat, call, space)
    return errorMsg === undefined
      ? { ...row, success: true, carrierId: newCarrierId() }
      : { ...row, success: false, errorMsg }
  })
}

/** Returns the error text, undefined when the card was posted. */
function deliverOne(world: World, chat: Chat, call: Call, space: Space): string | undefined {
  const failing = world.failing.get(space.id)
  if (failing !== undefined) return failing
  const texts = call.card.spaces.get(space.type)
  const model = findDeliverModel(call.body, space.type)
  if (!texts || !model) return 'spaces of card is empty'
  const mentions = readMentions(world, model, call.userIdType)
  const content = { kind: 'card', outTrackId: call.card.outTrackId, ...texts, mentions } as const
  const robotCode = textOf(model['robotCode'])
  // A top card hangs over the chat of its group: it is posted here, since nobody of ours makes one.
  if (space.type === 'IM_GROUP' || space.type === 'ONE_BOX') {
    const by = space.type === 'ONE_BOX' ? call.app.clientId : robotCode
    const error = groupError(world, call.app, space.id, by)
    if (error === undefined) chat.post(space.id, robotCode, content, readRecipients(world, model, call.userIdType))
    return error
  }
  if (space.type !== 'IM_ROBOT') return 'spaceId is illegal'
  const user = world.findUser(space.id, call.userIdType)
  if (!user) return 'spaceId is illegal'
  if (!world.isVisible(call.app, user.userId)) return 'user is not in the visible scope of the app'
  if (robotCode !== '' && robotCode !== call.app.clientId) return 'robot does not belong to the app'
  chat.post(robotConversationId(call.app.clientId, user.userId), call.app.clientId, content)
  return undefined
}

function groupError(world: World, app: App, openConversationId: string, robotCode: string): string | undefined {
  const group = world.groups.get(openConversationId)
  if (!group) return 'spaceId is illegal'
  if (group.disbanded) return 'group is disbanded'
  const robots = world.robotsIn(group, app.clientId)
  if (robots.length === 0) return 'robot is not in the group'
  if (!robots.includes(robotCode) && robotCode !== app.clientId) return 'robot does not belong to the app'
  return undefined
}

/** `atUserIds` maps user ids to names. @throws ApiRefusal `param.openDeliverModelError` for anything else */
function readMentions(world: World, model: Json, userIdType: number): string[] {
  const names = model['atUserIds'] ?? {}
  if (!isTextMap(names)) refuse('param.openDeliverModelError', 'atUserIds does not map user ids to names')
  return Object.keys(names).flatMap((id) => world.findUser(id, userIdType)?.userId ?? [])
}

/** `recipients` limits who sees the card; empty or absent = everybody. */
function readRecipients(world: World, model: Json, userIdType: number): string[] | undefined {
  const recipients = model['recipients']
  if (!Array.isArray(recipients) || recipients.length === 0) return undefined
  return recipients.map((id) => world.findUser(textOf(id), userIdType)?.userId).filter((id) => id !== undefined)
}

function alertContent(model: Json): string {
  return isRecord(model['notification']) ? textOf(model['notification']['alertContent']) : ''
}

function lastMessage(model: Json): string {
  const texts = isRecord(model['lastMessageI18n']) ? model['lastMessageI18n'] : {}
  return textOf(texts['ZH_CN'] ?? texts['zh_CN'] ?? Object.values(texts)[0]).slice(0, MAX_LAST_MESSAGE)
}
