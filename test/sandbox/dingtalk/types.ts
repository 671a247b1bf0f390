import type { Conversation, PressResult, RenderedCard } from './types/conversations.ts'
import type { App, Group, User } from './types/corporation.ts'
import type {
  ApiName,
  CardForgery,
  EventForgery,
  Fault,
  HandshakeFault,
  RefusalName,
  StreamFault,
} from './types/faults.ts'
import type { Journal } from './types/journal.ts'
import type { DingTalkSettings, PressManner } from './types/settings.ts'

/**
 * What a test, the demo or the chat window may ask of the simulated DingTalk. The simulator follows DingTalk's own
 * published behaviour and shares no code with `src`.
 */

export type * from './types/conversations.ts'
export type * from './types/corporation.ts'
export type * from './types/faults.ts'
export type * from './types/journal.ts'
export type * from './types/settings.ts'

/** What became of saving an address in the console; `reason` as the console words it. */
export type Saved = { saved: true } | { saved: false; reason: string }

export interface DingTalkControl {
  readonly settings: DingTalkSettings
  /** Moves the virtual clock, on which tickets, tokens and codes expire. */
  advance(ms: number): void

  createApp(fields?: Partial<App>): App
  /** Console changes after the fact: scopes granted or taken, visibility, publication, event mode. */
  updateApp(clientId: string, fields: Partial<Omit<App, 'clientId'>>): App
  /** A card template of the app's own, as docs/card-template.md has people build it. @returns its id */
  createTemplate(clientId: string): string
  createUser(fields: Partial<User> & { name: string }): User
  createGroup(fields: { title: string; memberUserIds: string[]; ownerUserId?: string }): Group
  app(clientId: string): App
  user(userId: string): User
  group(openConversationId: string): Group
  groups(): Group[]

  /**
   * Installs the app's cool app in the group (its robot joins) and pushes `im_cool_app_install`. Returns the eventId.
   * `coolAppCode` names another cool app of the same app.
   */
  installCoolApp(
    openConversationId: string,
    clientId: string,
    fields?: { operator?: string; robotCode?: string; coolAppCode?: string },
  ): string
  uninstallCoolApp(
    openConversationId: string,
    clientId: string,
    fields?: { operator?: string; coolAppCode?: string },
  ): string
  /** The robot alone comes or goes, which pushes the events of a cool app without its code. */
  addRobot(openConversationId: string, clientId: string, fields?: { operator?: string; robotCode?: string }): string
  removeRobot(openConversationId: string, clientId: string, fields?: { operator?: string }): string
  /** Somebody joins the group; pushes `chat_add_member`. */
  addMember(openConversationId: string, userId: string, fields?: { operator?: string }): string
  /** Somebody switches the app off or on in the console; pushes `inner_app_status_change`. */
  switchApp(clientId: string, on: boolean): string
  /** Somebody changes the app's visible range in the console; pushes `inner_app_scopes_change`. */
  changeVisibility(clientId: string, visibleTo: App['visibleTo']): string
  /** Changes the title and pushes `chat_update_title` to every app of the corporation. */
  renameGroup(openConversationId: string, title: string, fields?: { operator?: string }): string
  disbandGroup(openConversationId: string, fields?: { operator?: string }): string
  /** The person leaves the corporation and all groups; pushes `user_leave_org` to every app of the corporation. */
  removeUser(userId: string): string
  /** Changes what the directory knows of a person. */
  updateUser(userId: string, fields: Partial<Omit<User, 'userId'>>): User
  /** The code that the client of this person gives to a page of the app. */
  clientCode(clientId: string, userId: string): string
  /** The code that the login page sends this person's browser back with. */
  browserCode(clientId: string, userId: string, corpId?: string): string
  /**
   * What a person writes to the robot: in the group, mentioning it, or 1:1 without a group. Pushed as a robot message
   * callback; returns the msgId, which is the `businessId` of its frames.
   */
  messageRobot(message: { clientId: string; userId: string; text: string; openConversationId?: string }): string
  /**
   * Pushes any event as it stands: for odd shapes, duplicates (same eventId) and reorderings; `via` a door of its own
   * instead of the one that the console says.
   */
  pushEvent(
    clientId: string,
    event: { eventType: string; eventId?: string; data: unknown; bornTime?: number; via?: 'STREAM' | 'HTTP' },
  ): string
  /**
   * Resolves when the event was acknowledged or dropped. An event that went out more than once (to several apps, or
   * pushed again under the same eventId) is settled when all of them are: `dropped` when any one was dropped or parked.
   */
  eventSettled(eventId: string, timeoutMs?: number): Promise<'success' | 'dropped'>

  /** Whatever DingTalk would call under the public prefix reaches this local one: DNS, and the proxy before the daemon. */
  setProxy(publicPrefix: string, localPrefix: string): void
  /** The console's 事件订阅 in HTTP mode: the address is checked with `check_url` and kept, with the mode, if it answers. */
  setEventUrl(clientId: string, address: { url: string; token: string; aesKey: string }): Promise<Saved>
  /** One push over HTTP that is not as it should be; what it was answered. */
  forgeEvent(
    clientId: string,
    event: { eventType: string; eventId?: string; data: unknown },
    forgery: EventForgery,
  ): Promise<{ status: number; text: string }>
  /** How many events can be fetched because their pushes failed. */
  parkedEvents(clientId: string): number

  conversationsOf(userId: string): Conversation[]
  /** The card as this user sees it, or undefined when it reached no place this user can see. */
  view(outTrackId: string, userId: string): RenderedCard | undefined
  /** outTrackIds of every card instance, oldest first. */
  cards(): string[]
  /** How many messages show this card, by conversation id. */
  placementsOf(outTrackId: string): Record<string, number>
  /**
   * The user presses a button of the card they see. Throws when that button is not in their view, unless `force`.
   * `spaceId`: in another conversation, where it was forwarded to; `corpId`: as a person of another corporation;
   * `connectionId`: pushed over that Stream connection; `manner`: named otherwise than `pressManner` says.
   */
  press(press: {
    outTrackId: string
    userId: string
    buttonId: string
    force?: boolean
    /** Of an HTTP card: the callback is not as it should be. */
    forgery?: CardForgery
    spaceId?: string
    connectionId?: string
    corpId?: string
    manner?: PressManner
  }): Promise<PressResult>

  addFault(fault: Fault): void
  /** A fault that answers as DingTalk is known to refuse. */
  refuse(api: ApiName, name: RefusalName, times?: number): void
  /** Cards to this group or person fail inside an HTTP 200 with this text, until set to undefined. */
  failTarget(spaceId: string, errorMsg: string | undefined): void
  /** What the corporation has used of the month. */
  used(): { calls: number; pushes: number }
  addHandshakeFault(fault: HandshakeFault): void
  /** A named fault of the Stream side. */
  injectStreamFault(fault: StreamFault): void
  /** All kinds, but for what has been done to a connection that is open. */
  clearFaults(): void
  /** 1:1 robot messages to these users come back in `flowControlledStaffIdList`, until set anew. */
  setFlowControlled(userIds: string[]): void
  revokeTokens(clientId: string): void
  /** Live Stream connections of the app. */
  connections(clientId: string): string[]
  /** SYSTEM disconnect to these (default all) connections, then silence, then close. */
  disconnect(clientId: string, connectionId?: string): void
  /** Cuts the TCP connections without a word. */
  dropConnections(clientId: string, connectionId?: string): void
  /** Half-open: these (default all) connections go silent both ways without closing; pushes to them are lost. */
  freeze(clientId: string, connectionId?: string): void
  /** Pings that come on these (default all) connections in the next `ms` are answered at their end; all else goes on. */
  delayPongs(clientId: string, ms: number, connectionId?: string): void
  /** Sends this text as it is on these (default all) connections of the app; bytes go as a binary frame. */
  sendRaw(clientId: string, raw: string | Buffer, connectionId?: string): void
}

export interface DingTalkSandbox {
  /** Stand-ins for https://api.dingtalk.com, https://oapi.dingtalk.com and https://login.dingtalk.com */
  apiUrl: string
  oapiUrl: string
  loginUrl: string
  control: DingTalkControl
  journal: Journal
  close(): Promise<void>
}
