import type { Server } from 'node:http'
import { ApiBase } from './api-base.ts'
import { MonthlyBooks } from './books.ts'
import { CardApi } from './card-api.ts'
import { CardCallback, CardRoutes } from './card-callback.ts'
import { CardStore } from './cards.ts'
import { Chat } from './chat.ts'
import { createClock } from './clock.ts'
import { serveControl } from './control-http.ts'
import { createControl } from './control.ts'
import { EventPush } from './event-push.ts'
import { EventPusher } from './events.ts'
import { FailedList } from './failed-list.ts'
import { FaultBook } from './faults.ts'
import { Gateway } from './gateway.ts'
import { GroupLife } from './groups.ts'
import { HttpOut } from './http-out.ts'
import { startBase } from './http-server.ts'
import { LoginBook } from './login-codes.ts'
import { LoginPage } from './login-page.ts'
import { MemoryJournal } from './journal.ts'
import { CallRate } from './limits.ts'
import { OapiBase } from './oapi-base.ts'
import { PeopleApi } from './people-api.ts'
import { RobotApi } from './robot-api.ts'
import { SessionBook } from './sessions.ts'
import { completeSettings } from './settings.ts'
import { StreamOpen } from './stream-open.ts'
import { Tickets } from './tickets.ts'
import { Timers } from './timers.ts'
import { TokenBook } from './tokens.ts'
import type { DingTalkSandbox, DingTalkSettings } from './types.ts'
import { World } from './world.ts'

/** Starts a DingTalk of its own on free ports of 127.0.0.1. Close it. */
export async function startDingTalk(partial: Partial<DingTalkSettings> = {}): Promise<DingTalkSandbox> {
  const settings = completeSettings(partial)
  const clock = createClock()
  const timers = new Timers()
  const journal = new MemoryJournal()
  const faults = new FaultBook()
  const world = new World()
  const chat = new Chat(world, journal)
  const cards = new CardStore()
  const books = new MonthlyBooks(clock, settings)
  const tokens = new TokenBook(clock, settings.tokenTtlMs)
  const logins = new LoginBook(clock, settings.codeTtlMs, settings.tokenTtlMs)
  const people = new PeopleApi(world, logins)
  const tickets = new Tickets(clock, settings.ticketTtlMs)
  const gateway = new Gateway({ settings, clock, journal, timers, tickets })
  const out = new HttpOut()
  const eventPush = new EventPush({ settings, journal, out })
  const failed = new FailedList(settings, clock)
  const cardRoutes = new CardRoutes()
  const events = new EventPusher({ settings, gateway, journal, timers, books, http: eventPush, failed })
  const groupLife = new GroupLife(world, chat, events)
  const sessions = new SessionBook(clock, chat)
  const control = createControl({
    settings,
    clock,
    timers,
    world,
    chat,
    cards,
    journal,
    books,
    tokens,
    logins,
    faults,
    gateway,
    events,
    groupLife,
    out,
    http: eventPush,
    failed,
    cardRoutes,
    cardCallback: new CardCallback(out),
    sessions,
  })

  const rate = new CallRate(settings.qpsPerApi)
  const apiBase = new ApiBase({
    world,
    tokens,
    rate,
    books,
    people,
    cards: new CardApi({ settings, world, chat, cards, journal }),
    cardRoutes,
    robots: new RobotApi(world, chat),
    streamOpen: new StreamOpen(world, tickets, settings, (clientId) => gateway.isFull(clientId)),
  })
  const oapiBase = new OapiBase({ world, tokens, rate, people, failed, sessions })
  const http = { faults, journal, timers }
  const api = await startBase(http, {
    base: 'api',
    nameOf: (call) => apiBase.nameOf(call),
    answer: (call) => apiBase.answer(call),
    aside: (call) => serveControl(control, journal, call),
  })
  api.server.on('upgrade', (request, socket, head) => gateway.upgrade(request, socket, head))
  const oapi = await startBase(http, {
    base: 'oapi',
    nameOf: (call) => oapiBase.nameOf(call),
    answer: (call) => oapiBase.answer(call),
  })
  sessions.setBase(oapi.url)
  const loginPage = new LoginPage(world, logins)
  const login = await startBase(http, {
    base: 'login',
    nameOf: (call) => loginPage.nameOf(call),
    answer: (call) => loginPage.answer(call),
  })

  return {
    apiUrl: api.url,
    oapiUrl: oapi.url,
    loginUrl: login.url,
    control,
    journal,
    async close() {
      timers.clear()
      gateway.close()
      await Promise.all([closeServer(api.server), closeServer(oapi.server), closeServer(login.server)])
      journal.close()
    },
  }
}

/** Does not wait for idle or hanging connections. */
function closeServer(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.close((error) => (error ? reject(error) : resolve()))
    server.closeAllConnections()
  })
}
