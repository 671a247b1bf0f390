import type { MonthlyBooks } from './books.ts'
import type { CardStore } from './cards.ts'
import { renderCard } from './card-view.ts'
import type { CardCallback, CardRoutes } from './card-callback.ts'
import type { Chat } from './chat.ts'
import type { VirtualClock } from './clock.ts'
import type { EventPush } from './event-push.ts'
import type { EventPusher } from './events.ts'
import type { FailedList } from './failed-list.ts'
import type { FaultBook } from './faults.ts'
import type { Gateway } from './gateway.ts'
import type { GroupLife } from './groups.ts'
import type { HttpOut } from './http-out.ts'
import { newEventId, newUuid } from './ids.ts'
import type { LoginBook } from './login-codes.ts'
import type { MemoryJournal } from './journal.ts'
import { press } from './press.ts'
import { REFUSALS } from './refusals.ts'
import type { SessionBook } from './sessions.ts'
import { messageRobot } from './robot-push.ts'
import { injectStreamFault } from './stream-faults.ts'
import type { StreamEvent } from './stream-frames.ts'
import type { Timers } from './timers.ts'
import type { TokenBook } from './tokens.ts'
import type { DingTalkControl, DingTalkSettings } from './types.ts'
import type { World } from './world.ts'

type Deps = {
  settings: DingTalkSettings
  clock: VirtualClock
  timers: Timers
  world: World
  chat: Chat
  cards: CardStore
  journal: MemoryJournal
  books: MonthlyBooks
  tokens: TokenBook
  logins: LoginBook
  faults: FaultBook
  gateway: Gateway
  events: EventPusher
  groupLife: GroupLife
  out: HttpOut
  http: EventPush
  failed: FailedList
  cardRoutes: CardRoutes
  cardCallback: CardCallback
  sessions: SessionBook
}

/** The test's hand in the sandbox. State leaves it only as copies. */
export function createControl(deps: Deps): DingTalkControl {
  const { world, chat, cards, gateway, events, groupLife } = deps
  return {
    settings: deps.settings,
    advance(ms) {
      deps.clock.advance(ms)
      gateway.expire()
    },

    createApp: (fields) => structuredClone(world.createApp(fields)),
    updateApp: (clientId, fields) => structuredClone(Object.assign(world.getApp(clientId), structuredClone(fields))),
    createTemplate(clientId) {
      const id = `${newUuid()}.schema`
      world.templates.set(id, world.getApp(clientId).clientId)
      return id
    },
    createUser: (fields) => structuredClone(world.createUser(fields)),
    createGroup: (fields) => structuredClone(world.createGroup(fields)),
    app: (clientId) => structuredClone(world.getApp(clientId)),
    user: (userId) => structuredClone(world.getUser(userId)),
    group: (openConversationId) => structuredClone(world.getGroup(openConversationId)),
    groups: () => structuredClone([...world.groups.values()]),

    installCoolApp: (openConversationId, clientId, fields) => groupLife.install(openConversationId, clientId, fields),
    uninstallCoolApp: (openConversationId, clientId, fields) =>
      groupLife.uninstall(openConversationId, clientId, fields),
    addRobot: (openConversationId, clientId, fields) => groupLife.addRobot(openConversationId, clientId, fields),
    removeRobot: (openConversationId, clientId, fields) => groupLife.removeRobot(openConversationId, clientId, fields),
    addMember: (openConversationId, userId, fields) => groupLife.addMember(openConversationId, userId, fields),
    switchApp: (clientId, on) => groupLife.switchApp(clientId, on),
    changeVisibility: (clientId, visibleTo) => groupLife.changeVisibility(clientId, structuredClone(visibleTo)),
    renameGroup: (openConversationId, title, fields) => groupLife.rename(openConversationId, title, fields),
    disbandGroup: (openConversationId, fields) => groupLife.disband(openConversationId, fields),
    removeUser: (userId) => groupLife.leave(userId),
    updateUser: (userId, fields) => structuredClone(Object.assign(world.getUser(userId), fields)),
    clientCode(clientId, userId) {
      const { corpId } = world.getApp(clientId)
      return deps.logins.issue({ kind: 'client', clientId, userId: world.getUser(userId).userId, corpId })
    },
    browserCode(clientId, userId, corpId = world.getApp(clientId).corpId) {
      return deps.logins.issue({ kind: 'browser', clientId, userId, corpId })
    },
    messageRobot: (message) => messageRobot(deps, message),
    pushEvent(clientId, { via, ...event }) {
      const push = streamEvent(event)
      events.push([world.getApp(clientId)], push, via)
      return push.eventId
    },
    eventSettled: (eventId, timeoutMs) => events.settled(eventId, timeoutMs),

    setProxy: (publicPrefix, localPrefix) => deps.out.setProxy(publicPrefix, localPrefix),
    async setEventUrl(clientId, address) {
      const app = world.getApp(clientId)
      const saved = await deps.http.check(app, address.url, address)
      if (saved.saved) Object.assign(app, { eventAddress: { ...address }, eventMode: 'HTTP' })
      return saved
    },
    forgeEvent: (clientId, event, forgery) => deps.http.forge(world.getApp(clientId), streamEvent(event), forgery),
    parkedEvents: (clientId) => deps.failed.size(clientId),

    conversationsOf: (userId) => structuredClone(chat.conversationsOf(userId)),
    view(outTrackId, userId) {
      const card = cards.find(outTrackId)
      return card && chat.viewersOf(outTrackId).has(userId) ? renderCard(card, userId) : undefined
    },
    cards: () => cards.ids(),
    placementsOf: (outTrackId) => chat.placementsOf(outTrackId),
    press: (request) => press(deps, request),

    addFault: (fault) => deps.faults.add(fault),
    refuse: (api, name, times = 1) =>
      deps.faults.add({ api, times, effect: { kind: 'answer', ...structuredClone(REFUSALS[name]) } }),
    failTarget(spaceId, errorMsg) {
      if (errorMsg === undefined) world.failing.delete(spaceId)
      else world.failing.set(spaceId, errorMsg)
    },
    used: () => deps.books.used(),
    addHandshakeFault: (fault) => gateway.addHandshakeFault(fault),
    injectStreamFault: (fault) => injectStreamFault(deps, fault),
    clearFaults() {
      deps.faults.clear()
      gateway.clearFaults()
    },
    setFlowControlled(userIds) {
      world.flowControlled.clear()
      for (const userId of userIds) world.flowControlled.add(userId)
    },
    revokeTokens: (clientId) => deps.tokens.revoke(clientId),
    connections: (clientId) => gateway.connections(clientId),
    disconnect: (clientId, connectionId) => gateway.each(clientId, connectionId, (connection) => connection.leave()),
    dropConnections: (clientId, connectionId) => gateway.each(clientId, connectionId, (connection) => connection.cut()),
    freeze: (clientId, connectionId) => gateway.each(clientId, connectionId, (connection) => connection.freeze()),
    delayPongs: (clientId, ms, connectionId) =>
      gateway.each(clientId, connectionId, (connection) => connection.delayPongs(ms)),
    sendRaw: (clientId, raw, connectionId) =>
      gateway.each(clientId, connectionId, (connection) => connection.isLive && connection.sendRaw(raw)),
  }
}

function streamEvent(event: { eventType: string; eventId?: string; data: unknown; bornTime?: number }): StreamEvent {
  const { eventType, eventId = newEventId(), data, bornTime = Date.now() } = event
  return { eventType, eventId, bornTime, data: typeof data === 'string' ? data : JSON.stringify(data) }
}
