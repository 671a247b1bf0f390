import type { Chat } from './chat.ts'
import {
  appSwitched,
  coolAppChanged,
  disbanded,
  memberAdded,
  scopesChanged,
  titleChanged,
  userLeft,
} from './event-shapes.ts'
import type { EventPusher } from './events.ts'
import { newEventId } from './ids.ts'
import type { App, Group } from './types.ts'
import type { World } from './world.ts'

type By = { operator?: string }

/** What people do with groups and the corporation, and the events that follow. Every verb returns the eventId. */
export class GroupLife {
  #world: World
  #chat: Chat
  #events: EventPusher

  constructor(world: World, chat: Chat, events: EventPusher) {
    this.#world = world
    this.#chat = chat
    this.#events = events
  }

  /** The robot joins with the cool app. Its code is the clientId unless told otherwise. */
  install(
    openConversationId: string,
    clientId: string,
    fields: By & { robotCode?: string; coolAppCode?: string } = {},
  ): string {
    const group = this.#world.getGroup(openConversationId)
    const app = this.#world.getApp(clientId)
    const robotCode = fields.robotCode ?? app.clientId
    const coolAppCode = fields.coolAppCode ?? app.coolAppCode
    group.coolApps = [
      ...group.coolApps.filter((entry) => entry.clientId !== clientId || entry.coolAppCode !== coolAppCode),
      { coolAppCode, robotCode, clientId },
    ]
    const operator = fields.operator ?? group.ownerUserId
    this.#notice(group, robotCode, `${this.#nameOf(operator)} added the app's robot`)
    return this.#push([app], 'im_cool_app_install', coolAppChanged(app, group, { robotCode, coolAppCode }, operator))
  }

  uninstall(openConversationId: string, clientId: string, fields: By & { coolAppCode?: string } = {}): string {
    const group = this.#world.getGroup(openConversationId)
    const app = this.#world.getApp(clientId)
    const coolAppCode = fields.coolAppCode ?? app.coolAppCode
    const installed = group.coolApps.find((entry) => entry.clientId === clientId && entry.coolAppCode === coolAppCode)
    if (!installed) throw new Error(`the cool app of ${clientId} is not installed in ${openConversationId}`)
    group.coolApps = group.coolApps.filter((entry) => entry !== installed)
    const operator = fields.operator ?? group.ownerUserId
    this.#notice(group, installed.robotCode, `${this.#nameOf(operator)} removed the app's robot`)
    return this.#push([app], 'im_cool_app_uninstall', coolAppChanged(app, group, installed, operator))
  }

  /** Seen with robots of the app alone: the same events, without the code of a cool app. */
  addRobot(openConversationId: string, clientId: string, fields: By & { robotCode?: string } = {}): string {
    const group = this.#world.getGroup(openConversationId)
    const app = this.#world.getApp(clientId)
    const robotCode = fields.robotCode ?? app.clientId
    group.robots = [...group.robots.filter((entry) => entry.clientId !== clientId), { robotCode, clientId }]
    const operator = fields.operator ?? group.ownerUserId
    this.#notice(group, robotCode, `${this.#nameOf(operator)} added the app's robot`)
    return this.#push(
      [app],
      'im_cool_app_install',
      coolAppChanged(app, group, { robotCode, coolAppCode: '' }, operator),
    )
  }

  removeRobot(openConversationId: string, clientId: string, fields: By = {}): string {
    const group = this.#world.getGroup(openConversationId)
    const app = this.#world.getApp(clientId)
    const robot = group.robots.find((entry) => entry.clientId === clientId)
    if (!robot) throw new Error(`the robot of ${clientId} is not in ${openConversationId}`)
    group.robots = group.robots.filter((entry) => entry !== robot)
    const operator = fields.operator ?? group.ownerUserId
    const { robotCode } = robot
    return this.#push(
      [app],
      'im_cool_app_uninstall',
      coolAppChanged(app, group, { robotCode, coolAppCode: '' }, operator),
    )
  }

  addMember(openConversationId: string, userId: string, fields: By = {}): string {
    const group = this.#world.getGroup(openConversationId)
    this.#world.getUser(userId)
    group.memberUserIds = [...new Set([...group.memberUserIds, userId])]
    const operator = fields.operator ?? group.ownerUserId
    return this.#push(this.#appsOfCorp(), 'chat_add_member', memberAdded(this.#world, group, userId, operator))
  }

  switchApp(clientId: string, on: boolean): string {
    const app = this.#world.getApp(clientId)
    return this.#push([app], 'inner_app_status_change', appSwitched(app, on))
  }

  changeVisibility(clientId: string, visibleTo: App['visibleTo']): string {
    const app = this.#world.getApp(clientId)
    app.visibleTo = visibleTo
    return this.#push([app], 'inner_app_scopes_change', scopesChanged(app))
  }

  rename(openConversationId: string, title: string, fields: By = {}): string {
    const group = this.#world.getGroup(openConversationId)
    group.title = title
    const operator = fields.operator ?? group.ownerUserId
    this.#notice(group, '', `${this.#nameOf(operator)} changed the group name to ${title}`)
    return this.#push(this.#appsOfCorp(), 'chat_update_title', titleChanged(this.#world, group, operator))
  }

  disband(openConversationId: string, fields: By = {}): string {
    const group = this.#world.getGroup(openConversationId)
    group.disbanded = true
    const operator = fields.operator ?? group.ownerUserId
    return this.#push(this.#appsOfCorp(), 'chat_disband', disbanded(this.#world, group, operator))
  }

  leave(userId: string): string {
    this.#world.getUser(userId)
    this.#world.users.delete(userId)
    for (const group of this.#world.groups.values()) {
      group.memberUserIds = group.memberUserIds.filter((member) => member !== userId)
    }
    return this.#push(this.#appsOfCorp(), 'user_leave_org', userLeft(userId))
  }

  #push(apps: App[], eventType: string, data: object): string {
    const eventId = newEventId()
    this.#events.push(apps, { eventType, eventId, bornTime: Date.now(), data: JSON.stringify(data) })
    return eventId
  }

  #appsOfCorp(): App[] {
    return [...this.#world.apps.values()].filter((app) => app.corpId === this.#world.corpId)
  }

  #notice(group: Group, robotCode: string, text: string): void {
    this.#chat.post(group.openConversationId, robotCode, { kind: 'notice', text })
  }

  #nameOf(userId: string): string {
    return this.#world.users.get(userId)?.name ?? userId
  }
}
