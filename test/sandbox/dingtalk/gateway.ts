import { randomInt } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import type { PushOutcome } from './connection.ts'
import { Connection } from './connection.ts'
import type { VirtualClock } from './clock.ts'
import { Counter } from './faults.ts'
import type { MemoryJournal } from './journal.ts'
import type { Frame } from './stream-frames.ts'
import type { Tickets } from './tickets.ts'
import type { Timers } from './timers.ts'
import type { DingTalkSettings, HandshakeFault } from './types.ts'

export const STREAM_PATH = '/connect'

type Deps = {
  settings: DingTalkSettings
  clock: VirtualClock
  journal: MemoryJournal
  timers: Timers
  tickets: Tickets
}

/** What may become of the next connections and pushes of an app. */
export type PushFault = {
  kind: 'duplicate-same-id' | 'duplicate-new-id' | 'reorder' | 'to-dead-connection' | 'lose-first' | 'lose-offline'
  clientId?: string
  times?: number
  share?: number
}

/** How long the platform goes on using a connection that was cut (seen in the field: some seconds). */
const DEAD_ROUTING_MS = 10_000

/** The Stream side: accepts upgrades by ticket and routes each push to one connection chosen at random. */
export class Gateway {
  #deps: Deps
  #sockets = new WebSocketServer({ noServer: true, autoPong: false })
  #connections = new Map<string, Connection>()
  #handshakeFaults = new Counter<HandshakeFault>()
  #pushFaults = new Counter<PushFault>()
  #held = new Set<Duplex>()

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** A ticket that is unknown, used or expired refuses the upgrade with 401. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy())
    const url = new URL(request.url ?? '/', 'http://sandbox')
    if (url.pathname !== STREAM_PATH) return refuseUpgrade(socket, 404)
    const ticket = url.searchParams.get('ticket') ?? ''
    const owner = this.#deps.tickets.ownerOf(ticket)
    const fault = this.#handshakeFaults.take(({ clientId }) => clientId === undefined || clientId === owner)?.effect
    if (fault?.kind === 'hang') {
      this.#held.add(socket)
      socket.on('close', () => this.#held.delete(socket))
      return
    }
    if (fault?.kind === 'reset') return void socket.destroy()
    if (fault?.kind === 'refuse') return refuseUpgrade(socket, fault.status)
    // Also where it is told at the open call: of two tickets that were given out at once one finds the place taken.
    if (owner !== undefined && this.isFull(owner)) return refuseUpgrade(socket, 403)
    const grant = this.#deps.tickets.redeem(ticket)
    if (!grant) return refuseUpgrade(socket, 401)
    this.#sockets.handleUpgrade(request, socket, head, (accepted) => {
      const onClose = (id: string): void => this.#forget(id)
      const connection = new Connection(ticket, grant.clientId, grant.subscriptions, accepted, {
        ...this.#deps,
        onClose,
      })
      this.#connections.set(ticket, connection)
      if (fault?.kind === 'accept-then-close') connection.cut()
      if (fault?.kind === 'accept-then-silence') connection.freeze()
      if (this.takePushFault('lose-first', grant.clientId)) connection.loseNextPush()
    })
  }

  /** Whether the app has all the connections it may have. */
  isFull(clientId: string): boolean {
    const { maxConnections } = this.#deps.settings
    return maxConnections > 0 && this.connections(clientId).length >= maxConnections
  }

  /** `build` gets the id of the connection that was chosen; `connectionId` chooses it. */
  async push(
    clientId: string,
    subscription: { type: string; topic: string },
    build: (connectionId: string) => Frame,
    { connectionId, ...push }: { attempt: number; businessId?: string; deadlineMs: number; connectionId?: string },
  ): Promise<PushOutcome> {
    const able = this.#of(clientId, connectionId).filter(
      (connection) => connection.isRoutable && connection.subscribedTo(subscription.type, subscription.topic),
    )
    const chosen = able[able.length === 0 ? 0 : randomInt(able.length)]
    if (!chosen) return { kind: 'miss', reason: 'no connection', tookMs: 0 }
    return chosen.push(build(chosen.id), push)
  }

  connections(clientId: string): string[] {
    return this.#of(clientId)
      .filter((connection) => connection.isLive)
      .map((connection) => connection.id)
  }

  /** Does something to the app's live connections, or to one of them. */
  each(clientId: string, connectionId: string | undefined, act: (connection: Connection) => void): void {
    for (const connection of this.#of(clientId, connectionId)) act(connection)
  }

  addHandshakeFault(fault: HandshakeFault): void {
    this.#handshakeFaults.add(fault)
  }

  addPushFault(fault: PushFault): void {
    this.#pushFaults.add(fault)
  }

  takePushFault(kind: PushFault['kind'], clientId: string): boolean {
    const fits = (fault: PushFault): boolean =>
      fault.kind === kind && (fault.clientId === undefined || fault.clientId === clientId)
    return this.#pushFaults.take(fits) !== undefined
  }

  clearFaults(): void {
    this.#handshakeFaults.clear()
    this.#pushFaults.clear()
  }

  /** Takes leave of those whose time is over on the virtual clock. */
  expire(): void {
    for (const connection of this.#connections.values()) connection.leaveIfExpired()
  }

  close(): void {
    for (const connection of this.#connections.values()) connection.cut()
    for (const socket of this.#held) socket.destroy()
    this.#sockets.close()
  }

  #of(clientId: string, connectionId?: string): Connection[] {
    return [...this.#connections.values()].filter(
      (connection) =>
        connection.clientId === clientId && (connectionId === undefined || connection.id === connectionId),
    )
  }

  /** Pushes may go on for a while to a connection that the network has lost. */
  #forget(id: string): void {
    const connection = this.#connections.get(id)
    if (connection?.wasCut && this.takePushFault('to-dead-connection', connection.clientId)) {
      connection.haunt()
      this.#deps.timers.after(DEAD_ROUTING_MS, () => this.#connections.delete(id))
    } else this.#connections.delete(id)
  }
}

function refuseUpgrade(socket: Duplex, status: number): void {
  socket.end(`HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}
