/**
 * What a test, the demo or the chat window may ask of the simulated DingTalk. The simulator follows DingTalk's own
 * published behaviour and shares no code with `src`.
 */

/** Durations in milliseconds. Real ones run on the real clock; those marked "virtual" are moved by `advance`. */
export type DingTalkSettings = {
  /** Reply deadline of an EVENT push. */
  eventDeadlineMs: number
  /** Deadline of an event push over HTTP, and the pauses before it is tried again; after the last it is parked. */
  httpEventDeadlineMs: number
  httpRetryDelaysMs: number[]
  /** How long a parked event can be fetched (virtual), and how many one call returns. */
  failedKeptMs: number
  failedPageSize: number
  /** Reply deadline of a card action push. */
  cardDeadlineMs: number
  /** Reply deadline of a robot message push. */
  robotDeadlineMs: number
  /** Pause before the one redelivery of a robot message that got no reply with code 200. */
  robotRedeliveryDelayMs: number
  /** Pauses before each redelivery of an EVENT that was missed or answered LATER; after the last one it is dropped. */
  redeliveryDelaysMs: number[]
  /** Pause between SYSTEM pings, and how long the echo may take. 0 = no pings. */
  systemPingMs: number
  systemPingReplyMs: number
  /** Silence between a SYSTEM disconnect and the close of the socket. */
  disconnectSilenceMs: number
  /** Virtual. */
  ticketTtlMs: number
  /** Virtual. */
  tokenTtlMs: number
  /** Virtual: how long a login code may wait. */
  codeTtlMs: number
  /** Calls per app and API in any one second; 0 = unlimited. */
  qpsPerApi: number
  /** Calls and pushes of the corporation in one month of the virtual clock; 0 = unlimited. */
  monthlyCalls: number
  monthlyPushes: number
  /** Least time between two PUTs of one card; 0 = not enforced. */
  cardUpdateSpacingMs: number
  /** Virtual. Age at which a connection is sent SYSTEM disconnect; 0 = never. Each ends up to the jitter's share earlier. */
  lifetimeMs: number
  lifetimeJitter: number
  /** Frames and pongs go out up to this much late, in order. */
  jitterMs: number
  /** A late or second reply blocks the connection's read loop: nothing that comes in is read, no ping is answered. */
  wedgeOnLateReply: boolean
  /** Live connections an app may have, 0 = any number, and where the next one is refused. */
  maxConnections: number
  refuseExtraAt: 'open' | 'handshake'
  /** Every second `connections/open` of an app answers an endpoint that already has a query string. */
  endpointQuery: boolean
}

export type App = {
  clientId: string
  clientSecret: string
  corpId: string
  agentId: string
  /** Code of its cool app, `COOLAPP-1-…`. */
  coolAppCode: string
  unifiedAppId: string
  scopes: string[]
  published: boolean
  eventMode: 'STREAM' | 'HTTP'
  /** Where its events go in HTTP mode, and what its console shows for it; kept by `setEventUrl`. */
  eventAddress: { url: string; token: string; aesKey: string } | undefined
  /** `legacy`: events over HTTP as they were in the register-callback era, UpperCamel and without ids. */
  eventForm: 'current' | 'legacy'
  /** What callbacks of HTTP cards call the pressed button's description. */
  cardField: 'content' | 'value'
  /** userIds that can see the app; `'ALL'` = everybody. */
  visibleTo: string[] | 'ALL'
}

export type User = {
  userId: string
  unionId: string
  name: string
  /** Verified by DingTalk; '' = hidden. */
  mobile: string
  /** Given out by the corporation; '' = none. */
  orgEmail: string
  /** What the person wrote into their profile. */
  email: string
  /** An external contact of the corporation, no colleague. */
  external: boolean
}

export type Group = {
  /** `cid` + base64 with `+`, `/` and `=`. */
  openConversationId: string
  chatId: string
  title: string
  ownerUserId: string
  memberUserIds: string[]
  disbanded: boolean
  /** Cool apps installed in it: code and the robot that came along. An app may have several cool apps. */
  coolApps: { coolAppCode: string; robotCode: string; clientId: string }[]
  /** Robots that were added by themselves. */
  robots: { robotCode: string; clientId: string }[]
}

export type Button = { id: string; text: string; color: string } | { url: string; text: string; color: string }

/**
 * The card as one viewer's client would draw it: from the public Markdown-with-buttons template, or from one of the
 * app's own built by docs/card-template.md.
 */
export type RenderedCard = {
  outTrackId: string
  cardTemplateId: string
  title: string
  markdown: string
  tips: string
  buttons: Button[]
  /** userIds of the people whom tags in `markdown` mention. */
  mentions: string[]
  /** Every variable that viewer has: public, then private, then what the answer to their own press changed. */
  data: Record<string, string>
}

export type ChatMessage = {
  /** Unique and growing. */
  seq: number
  /** Real clock, epoch ms. */
  at: number
  robotCode: string
  content:
    | {
        kind: 'card'
        outTrackId: string
        alertContent: string
        lastMessage: string
        /** userIds of the members whom this message notifies by name. */
        mentions: string[]
      }
    | { kind: 'robot'; msgKey: string; msgParam: Record<string, string> }
    | { kind: 'notice'; text: string }
}

export type Conversation = {
  /** openConversationId of a group, `robot:<clientId>:<userId>` of a 1:1 chat with the robot. */
  id: string
  kind: 'group' | 'robot'
  title: string
  messages: ChatMessage[]
}

export type PressResult =
  | {
      outcome: 'answered'
      tookMs: number
      /** The `response` object the daemon returned (D 6.8), already applied to the presser's view. */
      response: unknown
      view: RenderedCard
    }
  /** What the client shows as a failed request: no connection, no reply inside the deadline, or a broken reply. */
  | { outcome: 'failed'; tookMs: number; reason: string }

/** What became of saving an address in the console; `reason` as the console words it. */
export type Saved = { saved: true } | { saved: false; reason: string }

/** Event pushes that DingTalk itself does not send, or not in its usual form; `replay` = the last one to the byte. */
export type EventForgery =
  | 'replay'
  | 'bad-signature'
  | 'wrong-owner'
  | 'wrong-padding'
  | 'wrong-key'
  | 'plain'
  | 'not-json'
  | 'huge'
  /** `signature` and `timeStamp` alone, as older pages name them. */
  | 'old-names'
  /** Signed two hours ago. */
  | 'late'
  /** For the corporation instead of the app. */
  | 'by-corporation'

export type CardForgery = 'replay' | 'replay-with-another-body' | 'bad-signature' | 'unsigned' | 'late' | 'huge'

/** Name of an endpoint for faults, quotas and the journal. */
export type ApiName =
  | 'accessToken'
  | 'gettoken'
  | 'connections/open'
  | 'createAndDeliver'
  | 'createCard'
  | 'deliver'
  | 'updateCard'
  | 'groupMessages/send'
  | 'oToMessages/batchSend'
  | 'sceneGroups/query'
  | 'callbacks/register'
  | 'get_call_back_failed_result'
  | 'members/batchQuery'
  | 'robots/query'
  | 'user/getuserinfo'
  | 'user/get'
  | 'user/getbyunionid'
  | 'userAccessToken'
  | 'contact/users/me'
  | 'jsapiTickets'
  | 'oauth2/auth'

/** How DingTalk refuses a call, by name: the rows of its error tables; see refusals.ts. */
export type RefusalName =
  | 'qps-app'
  | 'qps-api'
  | 'qpm-app'
  | 'http-429'
  | 'oapi-90002'
  | 'oapi-90018'
  | 'send-too-fast'
  | 'send-by-token-too-fast'
  | 'too-many-group'
  | 'too-many-people'
  | 'ip-ban-page'
  | 'ip-ban-json'
  | 'system-error'
  | 'system-busy'
  | 'unknown-error'
  | 'bad-gateway'
  | 'unavailable'
  | 'oapi-busy'
  | 'token-invalid'
  | 'oapi-token-invalid'
  | 'oapi-token-expired'
  | 'token-missing'
  | 'oapi-token-missing'
  | 'credentials-wrong'
  | 'oapi-credentials-wrong'
  | 'oapi-app-key-wrong'
  | 'auth-failed'
  | 'scope-missing'
  | 'oapi-scope-missing'
  | 'ip-not-allowed'
  | 'oapi-ip-not-allowed'
  | 'quota-used-up'
  | 'oapi-quota-used-up'
  | 'auth-level'
  | 'group-disbanded'
  | 'group-invalid'
  | 'group-of-other-org'
  | 'robot-unavailable'
  | 'cool-app-uninstalled'
  | 'bot-stopped'
  | 'group-permission-denied'
  | 'group-template-denied'
  | 'cool-app-unknown'
  | 'cool-app-denied'
  | 'owner-invisible'
  | 'cid-broken'
  | 'param-illegal'
  | 'param-blank'
  | 'scene-system-error'
  | 'auth-error'
  | 'user-unknown'
  | 'card-user-unknown'
  | 'oapi-user-unknown'
  | 'oapi-user-id-invalid'
  | 'oapi-user-out-of-scope'
  | 'template-unknown'
  | 'template-unpublished'
  | 'content-unsafe'
  | 'content-url'
  | 'content-text'
  | 'param-invalid'
  | 'message-param-invalid'
  | 'param-missing'
  | 'oapi-param-missing'
  | 'oapi-param-invalid'
  | 'card-unknown'
  | 'card-known'
  | 'unlisted-4xx'
  | 'unlisted-5xx'

export type Fault = {
  api: ApiName
  /** How many calls it hits before it goes away; default 1. */
  times?: number
  /** Of the calls it fits, the share it hits; default 1, all. */
  share?: number
  /** Only calls whose raw body contains this text. */
  bodyContains?: string
  effect:
    /** Answer this instead of doing the call. */
    | { kind: 'answer'; status: number; body: unknown; contentType?: string; headers?: Record<string, string> }
    /** Do the call, then answer this instead of what it came to. */
    | { kind: 'apply-then-answer'; status: number; body: unknown; contentType?: string }
    /** Wait, then do the call and answer as usual. */
    | { kind: 'delay'; ms: number }
    /** Never answer; the call is not done. */
    | { kind: 'hang' }
    /** Cut the connection; the call is not done. */
    | { kind: 'reset' }
    /** Do the call, then never answer. */
    | { kind: 'apply-then-hang' }
    /** Do the call, then cut the connection. */
    | { kind: 'apply-then-reset' }
    /** Do the call, then cut the connection in the middle of the answer. */
    | { kind: 'apply-then-cut' }
}

/** Hits WebSocket upgrades, whatever the ticket; the ticket stays unspent unless it was accepted. */
export type HandshakeFault = {
  /** How many upgrades it hits before it goes away; default 1. */
  times?: number
  /** Of the upgrades it fits, the share it hits; default 1, all. */
  share?: number
  /** Only upgrades with a ticket of this app. */
  clientId?: string
  effect:
    | { kind: 'refuse'; status: number }
    /** Never answer the upgrade. */
    | { kind: 'hang' }
    | { kind: 'reset' }
    | { kind: 'accept-then-close' }
    /** Accept and never send or answer anything. */
    | { kind: 'accept-then-silence' }
}

/** The Stream faults that are named in the reference, each by its id. */
export type StreamFaultId =
  | `open.${'hang' | '401' | '400-json' | '400-html' | '503' | '403-qps' | 'empty-ticket' | 'xml' | 'slow' | 'reset'}`
  | `handshake.${'hang' | '401' | '503' | 'reset' | 'accept-then-close' | 'accept-then-silence'}`
  | `socket.${'half-open' | 'drop-inbound' | 'drop-outbound' | 'no-pong' | 'zombie' | 'wedge'}`
  | `socket.${'close-1006' | 'close-1000' | 'disconnect' | 'disconnect-then-close' | 'disconnect-without-close'}`
  | `frame.${'not-json' | 'no-headers' | 'no-message-id' | 'unknown-type' | 'unknown-topic' | 'data-not-string'}`
  | `frame.${'binary' | '300-kib' | 'numeric-time' | 'upper-camel' | 'system-noise'}`
  | `delivery.${'duplicate-same-id' | 'duplicate-new-id' | 'reorder' | 'burst'}`
  | `delivery.${'to-dead-connection' | 'lose-first' | 'lose-offline'}`

export type StreamFault = {
  id: StreamFaultId
  /** The app it is meant for; of open calls and handshakes those of all apps without it. */
  clientId?: string
  /** Only this connection, of faults of sockets and frames; default all of the app. */
  connectionId?: string
  /**
   * How many calls, upgrades, events or connections it hits, default 1; of a burst how many events it has, default 500.
   * Sockets and frames are hit at once.
   */
  times?: number
  /** Of those it fits, the share it hits; default 1, all. */
  share?: number
}

export type JournalEntry = { seq: number; /** real clock, epoch ms */ at: number } & (
  | {
      type: 'request'
      base: 'api' | 'oapi' | 'login'
      api: ApiName | 'unknown'
      method: string
      path: string
      headers: Record<string, string>
      body: unknown
      /** 0 when nothing was answered; `answer` is then what the call came to, or null when it was not done. */
      status: number
      answer: unknown
      tookMs: number
    }
  | { type: 'stream-open'; connectionId: string; clientId: string; subscriptions: { type: string; topic: string }[] }
  | { type: 'stream-close'; connectionId: string; code: number; by: 'client' | 'server' }
  | {
      type: 'frame-sent'
      connectionId: string
      messageId: string
      frame: unknown
      attempt: number
      businessId?: string
      /** It never left. */
      lost?: true
    }
  | { type: 'frame-received'; connectionId: string; messageId: string; frame: unknown; tookMs: number }
  /** Late or second replies, replies to unknown messageIds, frames that are not replies. */
  | { type: 'violation'; connectionId: string; messageId: string; reason: string; frame: unknown }
  /** An EVENT came to its end: acknowledged, or dropped after the last redelivery. */
  | {
      type: 'event-settled'
      clientId: string
      eventId: string
      eventType: string
      /** `parked`: it can be fetched for some minutes. */
      outcome: 'success' | 'dropped' | 'parked'
      attempts: number
    }
  /** A call of DingTalk's to an address of ours; `reason` says why it counts as failed. */
  | {
      type: 'http-push'
      clientId: string
      kind: 'check_url' | 'event' | 'card'
      /** 0 when nothing was answered in time. */
      status: number
      reason: string | undefined
      tookMs: number
      businessId?: string
      attempt?: number
    }
  | { type: 'message'; conversationId: string; message: ChatMessage }
  /** What one viewer sees after a change of the card; `cause` names what changed it. */
  | {
      type: 'view'
      outTrackId: string
      userId: string
      cause: 'create' | 'deliver' | 'put' | 'press-answer'
      card: RenderedCard
    }
)

export interface Journal {
  all(): readonly JournalEntry[]
  of<T extends JournalEntry['type']>(type: T): Extract<JournalEntry, { type: T }>[]
  /** Requests to one endpoint, oldest first. */
  requests(api: ApiName): Extract<JournalEntry, { type: 'request' }>[]
  subscribe(listener: (entry: JournalEntry) => void): () => void
  /** Drops what was kept so far, so that a long load does not fill the memory. */
  forget(): void
  /** First entry, past or coming, for which the predicate holds; rejects with the tail of the journal after the time. */
  waitFor(what: string, predicate: (entry: JournalEntry) => boolean, timeoutMs?: number): Promise<JournalEntry>
}

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
   * `spaceId`: in another conversation, where it was forwarded to; `corpId`: as a person of another corporation.
   */
  press(press: {
    outTrackId: string
    userId: string
    buttonId: string
    force?: boolean
    /** Of an HTTP card: the callback is not as it should be. */
    forgery?: CardForgery
    spaceId?: string
    corpId?: string
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
