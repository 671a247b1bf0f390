import { randomInt } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import type { PushOutcome } from './connection.ts'
import { Connection } from './connection.ts'
import type { MemoryJournal } from './journal.ts'
import type { Frame } from './stream-frames.ts'
import type { Tickets } from './tickets.ts'
import type { Timers } from './timers.ts'
import type { DingTalkSettings, HandshakeFault } from './types.ts'

export const STREAM_PATH = '/connect'

type Deps = { settings: DingTalkSettings; journal: MemoryJournal; timers: Timers; tickets: Tickets }

/** The Stream side: accepts upgrades by ticket and routes each push to one connection chosen at random. */
export class Gateway {
  #deps: Deps
  #sockets = new WebSocketServer({ noServer: true })
  #connections = new Map<string, Connection>()
  #handshakeFaults: { fault: HandshakeFault; left: number }[] = []
  #held = new Set<Duplex>()

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** A ticket that is unknown, used or expired refuses the upgrade with 401. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy())
    const url = new URL(request.url ?? '/', 'http://sandbox')
    if (url.pathname !== STREAM_PATH) return refuseUpgrade(socket, 404)
    const fault = this.#takeHandshakeFault()
    if (fault?.kind === 'hang') {
      this.#held.add(socket)
      socket.on('close', () => this.#held.delete(socket))
      return
    }
    if (fault?.kind === 'reset') return void socket.destroy()
    if (fault?.kind === 'refuse') return refuseUpgrade(socket, fault.status)
    const ticket = url.searchParams.get('ticket') ?? ''
    const grant = this.#deps.tickets.redeem(ticket)
    if (!grant) return refuseUpgrade(socket, 401)
    this.#sockets.handleUpgrade(request, socket, head, (accepted) => {
      const onClose = (id: string): unknown => this.#connections.delete(id)
      const connection = new Connection(ticket, grant.clientId, grant.subscriptions, accepted, {
        ...this.#deps,
        onClose,
      })
      this.#connections.set(ticket, connection)
      if (fault?.kind === 'accept-then-close') connection.cut()
    })
  }

  /** `build` gets the id of the connection that was chosen. */
  async push(
    clientId: string,
    subscription: { type: string; topic: string },
    build: (connectionId: string) => Frame,
    push: { attempt: number; businessId?: string; deadlineMs: number },
  ): Promise<PushOutcome> {
    const able = this.#of(clientId).filter(
      (connection) => connection.isLive && connection.subscribedTo(subscription.type, subscription.topic),
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

  disconnect(clientId: string, connectionId?: string): void {
    for (const connection of this.#of(clientId, connectionId)) connection.leave()
  }

  drop(clientId: string): void {
    for (const connection of this.#of(clientId)) connection.cut()
  }

  freeze(clientId: string, connectionId?: string): void {
    for (const connection of this.#of(clientId, connectionId)) connection.freeze()
  }

  sendRaw(clientId: string, raw: string | Buffer): void {
    for (const connection of this.#of(clientId)) if (connection.isLive) connection.sendRaw(raw)
  }

  addHandshakeFault(fault: HandshakeFault): void {
    this.#handshakeFaults.push({ fault, left: fault.times ?? 1 })
  }

  clearHandshakeFaults(): void {
    this.#handshakeFaults = []
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

  #takeHandshakeFault(): HandshakeFault['effect'] | undefined {
    const hit = this.#handshakeFaults.find(({ left }) => left > 0)
    if (!hit) return undefined
    hit.left -= 1
    return hit.fault.effect
  }
}

function refuseUpgrade(socket: Duplex, status: number): void {
  socket.end(`HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}
