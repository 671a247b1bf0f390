import * as ids from './ids.ts'
import type { App, Group, User } from './types.ts'

const ALL_SCOPES = [
  'qyapi_base',
  'qyapi_robot_sendmsg',
  'qyapi_chat_manage',
  'qyapi_chat_read',
  'qyapi_get_member',
  'fieldMobile',
  'fieldEmail',
  'Card.Instance.Write',
  'Card.Streaming.Write',
  'Contact.User.Read',
]

/** One corporation, named by its first app if that names one: its apps, people and groups. Holds state and looks it up; rules live elsewhere. */
export class World {
  corpId = ids.newCorpId()
  readonly apps = new Map<string, App>()
  readonly users = new Map<string, User>()
  readonly groups = new Map<string, Group>()
  /** Templates made in the console, each with the app it was made for. */
  readonly templates = new Map<string, string>()
  /** userIds to whom 1:1 robot messages are refused for their number. */
  readonly flowControlled = new Set<string>()
  /** Why cards to a group or person fail, by the id of their space. */
  readonly failing = new Map<string, string>()
  readonly #lwcpIds = new Map<string, string>()

  createApp(fields: Partial<App> = {}): App {
    if (this.apps.size === 0) this.corpId = fields.corpId ?? this.corpId
    const app: App = {
      clientId: ids.newClientId(),
      clientSecret: ids.newClientSecret(),
      corpId: this.corpId,
      agentId: ids.newAgentId(),
      coolAppCode: ids.newCoolAppCode(),
      unifiedAppId: ids.newUuid(),
      scopes: [...ALL_SCOPES],
      published: true,
      eventMode: 'STREAM',
      eventAddress: undefined,
      eventForm: 'current',
      cardField: 'content',
      visibleTo: 'ALL',
      ...structuredClone(fields),
    }
    this.apps.set(app.clientId, app)
    return app
  }

  createUser(fields: Partial<User> & { name: string }): User {
    let userId = ids.newUserId()
    while (this.users.has(userId)) userId = ids.newUserId()
    const user: User = {
      userId,
      unionId: ids.newUnionId(),
      mobile: '',
      orgEmail: '',
      email: '',
      external: false,
      ...fields,
    }
    this.users.set(user.userId, user)
    return user
  }

  createGroup(fields: { title: string; memberUserIds: string[]; ownerUserId?: string }): Group {
    const ownerUserId = fields.ownerUserId ?? fields.memberUserIds[0]
    if (ownerUserId === undefined) throw new Error('a group needs an owner or at least one member')
    const memberUserIds = [...new Set([ownerUserId, ...fields.memberUserIds])]
    for (const userId of memberUserIds) this.getUser(userId)
    const group: Group = {
      openConversationId: ids.newOpenConversationId(),
      chatId: ids.newChatId(),
      title: fields.title,
      ownerUserId,
      memberUserIds,
      disbanded: false,
      coolApps: [],
      robots: [],
    }
    this.groups.set(group.openConversationId, group)
    return group
  }

  getApp(clientId: string): App {
    return this.apps.get(clientId) ?? missing('app', clientId)
  }

  getUser(userId: string): User {
    return this.users.get(userId) ?? missing('user', userId)
  }

  getGroup(openConversationId: string): Group {
    return this.groups.get(openConversationId) ?? missing('group', openConversationId)
  }

  /** @param userIdType 1 = userId, 2 = unionId (D:faq-card) */
  findUser(id: string, userIdType: number): User | undefined {
    if (userIdType === 1) return this.users.get(id)
    return [...this.users.values()].find((user) => user.unionId === id)
  }

  /** The app's robots in the group, however they came. */
  robotsIn(group: Group, clientId: string): string[] {
    return [...group.coolApps, ...group.robots]
      .filter((entry) => entry.clientId === clientId)
      .map(({ robotCode }) => robotCode)
  }

  /** What chat calls a person or a robot: the same whenever it is the same one. */
  lwcpId(whom: string): string {
    const known = this.#lwcpIds.get(whom) ?? ids.newLwcpId()
    this.#lwcpIds.set(whom, known)
    return known
  }

  isVisible(app: App, userId: string): boolean {
    return app.visibleTo === 'ALL' || app.visibleTo.includes(userId)
  }
}

function missing(kind: string, id: string): never {
  throw new Error(`no ${kind} ${id} in the sandbox`)
}
