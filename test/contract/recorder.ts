import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

import { type WebSocket, WebSocketServer } from 'ws'

export type RecordedRequest = {
  method: string
  /** With its query, as it stood on the line. */
  path: string
  headers: Record<string, string | undefined>
  body: unknown
}

export type RecordedUpgrade = {
  path: string
  headers: Record<string, string | undefined>
  /** Frames that the client sent, as text. */
  received: string[]
  socket: WebSocket
}

/** Answers every call with what it was told to, and keeps what came in word for word. */
export type Recorder = {
  url: string
  requests: RecordedRequest[]
  upgrades: RecordedUpgrade[]
  /** What `connections/open` hands out; `{host}` becomes the recorder's own address. */
  grant: { endpoint: string; ticket: string }
  /** Bodies by path without its query, always with status 200. */
  answers: Record<string, unknown>
  close(): Promise<void>
}

export async function startRecorder(answers: Record<string, unknown> = {}): Promise<Recorder> {
  const requests: RecordedRequest[] = []
  const upgrades: RecordedUpgrade[] = []
  const sockets = new WebSocketServer({ noServer: true })
  const server = createServer((request, response) => {
    void readText(request).then((text) => {
      const path = request.url ?? ''
      requests.push({ method: request.method ?? '', path, headers: headersOf(request), body: JSON.parse(text || '{}') })
      const grant = {
        ...recorder.grant,
        endpoint: recorder.grant.endpoint.replace('{host}', new URL(recorder.url).host),
      }
      const answer =
        path === '/v1.0/gateway/connections/open' ? grant : (recorder.answers[path.split('?')[0] ?? ''] ?? {})
      response.writeHead(200, { 'content-type': 'application/json;charset=utf-8' }).end(JSON.stringify(answer))
    })
  })
  server.on('upgrade', (request, socket, head) => {
    sockets.handleUpgrade(request, socket, head, (accepted) => {
      const received: string[] = []
      upgrades.push({ path: request.url ?? '', headers: headersOf(request), received, socket: accepted })
      accepted.on('message', (data: Buffer) => received.push(data.toString('utf8')))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const recorder: Recorder = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    upgrades,
    grant: { endpoint: 'ws://{host}/connect', ticket: 'ticket-1' },
    answers,
    async close() {
      for (const { socket } of upgrades) socket.terminate()
      sockets.close()
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
  return recorder
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

function headersOf(request: IncomingMessage): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, value?.toString()]))
}
