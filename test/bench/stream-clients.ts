import { fork } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'

import { type WebSocket, WebSocketServer } from 'ws'

import { createLog } from '../../src/log.ts'
import { createOutbound } from '../../src/outbound.ts'
import { createRoom } from '../../src/room.ts'
import { CONNECTION_SETTINGS } from '../../src/stream/connection.ts'
import { DEADLINES } from '../../src/domain/deadlines.ts'
import { ALWAYS_UP } from '../../src/event-loop.ts'
import { InFlight } from '../../src/lifecycle.ts'
import { superviseStream, SUPERVISOR_SETTINGS } from '../../src/stream/supervisor.ts'
import type { App, DingTalkSandbox } from '../sandbox/dingtalk/types.ts'

/** Something that keeps a connection open to a gateway, and what the gateway can do to it. */
export type Contender = {
  /** Resolves when as many connections are open as it wants. */
  ready(): Promise<void>
  /** When its next connection was opened, on the clock of `performance.now()`. */
  nextOpen(): Promise<number>
  cut(): void
  freeze(): void
  stop(): Promise<void>
}

const SDK = fileURLToPath(new URL('stream-sdk.ts', import.meta.url))
const SLACK = fileURLToPath(new URL('stream-slack.ts', import.meta.url))

/** Our supervisor with the settings it is delivered with, answering every event at once. */
export function startOurs(
  sandbox: DingTalkSandbox,
  app: App,
  connections = 2,
  onSuspected: () => void = () => {},
): Contender {
  const outbound = createOutbound()
  const log = createLog('info', { write: (line: string) => void (line.includes('stream-suspected') && onSuspected()) })
  const stream = superviseStream({
    app,
    apiUrl: sandbox.apiUrl,
    ...outbound,
    log,
    connections,
    connection: CONNECTION_SETTINGS,
    settings: SUPERVISOR_SETTINGS,
    deadlines: DEADLINES,
    eventLoop: ALWAYS_UP,
    nowMs: () => Date.now(),
    room: createRoom(
      {
        takeEvent: async () => ({ status: 'SUCCESS', message: 'ok' }),
        answerPress: async () => ({ cardParamMap: {}, afterReply: () => {} }),
        takeMessage: async () => ({ status: 'SUCCESS', message: 'ok' }),
      },
      log,
      new InFlight(() => {}),
    ),
  })
  return {
    ...atGateway(sandbox, app, connections),
    async stop() {
      await stream.stop()
      await outbound.close()
    },
  }
}

/** The vendor's client as it is, in a process of its own, since nothing else ends its attempts. */
export function startSdk(sandbox: DingTalkSandbox, app: App): Contender {
  return { ...atGateway(sandbox, app, 1), stop: child(SDK, [sandbox.apiUrl, app.clientId, app.clientSecret]) }
}

function atGateway({ control, journal }: DingTalkSandbox, { clientId }: App, wanted: number): Omit<Contender, 'stop'> {
  return {
    async ready() {
      while (control.connections(clientId).length < wanted) await new Promise((resolve) => setTimeout(resolve, 20))
    },
    nextOpen: () =>
      new Promise((resolve) => {
        const unsubscribe = journal.subscribe((entry) => {
          if (entry.type !== 'stream-open' || entry.clientId !== clientId) return
          unsubscribe()
          resolve(performance.now())
        })
      }),
    cut: () => control.dropConnections(clientId),
    freeze: () => control.freeze(clientId),
  }
}

/** Slack's socket client at a gateway that speaks just enough of its protocol. */
export async function startSlack(): Promise<Contender> {
  const sockets = new WebSocketServer({ noServer: true })
  let current: WebSocket | undefined
  let onOpen: () => void = () => {}
  const server = createServer((request, response) => {
    request.resume()
    const url = `ws://${request.headers.host}/link`
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ ok: true, url }))
  })
  server.on('upgrade', (request, socket, head) => {
    sockets.handleUpgrade(request, socket, head, (accepted) => {
      current = accepted
      accepted.send(JSON.stringify({ type: 'hello' }))
      onOpen()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const stopChild = child(SLACK, [`http://127.0.0.1:${(server.address() as AddressInfo).port}/api/`])
  const nextOpen = (): Promise<number> => new Promise((resolve) => (onOpen = () => resolve(performance.now())))
  return {
    ready: async () => void (current ?? (await nextOpen())),
    nextOpen,
    cut: () => current?.terminate(),
    freeze: () => current?.pause(),
    async stop() {
      await stopChild()
      for (const socket of sockets.clients) socket.terminate()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** @returns kills it and waits for its end */
function child(file: string, args: string[]): () => Promise<void> {
  const running = fork(file, args, { stdio: 'ignore' })
  const ended = new Promise<void>((resolve) => running.once('exit', () => resolve()))
  const killWithParent = (): void => void running.kill('SIGKILL')
  process.once('exit', killWithParent)
  return async () => {
    process.off('exit', killWithParent)
    running.kill('SIGKILL')
    await ended
  }
}
