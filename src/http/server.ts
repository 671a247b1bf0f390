import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

import { serve } from '@hono/node-server'
import type { Hono } from 'hono'

import { AppError } from '../errors.ts'
import type { Log } from '../log.ts'

export type HttpServer = { port: number; close(): Promise<void> }

/** What one connection, and all together, may take. */
export type ServerSettings = {
  /** None is counted by address: a proxy has one for everybody behind it. */
  maxConnections: number
  /** For a connection to say what it wants. */
  headersMs: number
  /** For a whole request, its body included; the answer may take longer. */
  requestMs: number
  /** More than the minute for which proxies keep theirs, so that none sends into a connection that is being closed. */
  keepAliveMs: number
  maxHeaders: number
  maxHeaderBytes: number
  /** Pause between two looks for whoever takes too long. */
  checkMs: number
}

export const SERVER_SETTINGS: ServerSettings = {
  maxConnections: 2_000,
  headersMs: 15_000,
  requestMs: 30_000,
  keepAliveMs: 65_000,
  maxHeaders: 100,
  maxHeaderBytes: 16 * 1024,
  checkMs: 2_000,
}

const DROPS_TOLD_MS = 60_000

/** Resolves when listening. @throws AppError `permanent PORT_UNAVAILABLE`: the address is taken, not ours or not allowed */
export async function listen(
  routes: Hono,
  address: { host: string; port: number },
  log: Log,
  settings: ServerSettings = SERVER_SETTINGS,
): Promise<HttpServer> {
  const server = serve({
    fetch: routes.fetch,
    hostname: address.host,
    port: address.port,
    serverOptions: {
      headersTimeout: settings.headersMs,
      requestTimeout: settings.requestMs,
      keepAliveTimeout: settings.keepAliveMs,
      maxHeaderSize: settings.maxHeaderBytes,
      connectionsCheckingInterval: settings.checkMs,
    },
  }) as Server
  server.maxConnections = settings.maxConnections
  server.maxHeadersCount = settings.maxHeaders
  // Whether to go on is said when the body is wanted.
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    server.emit('request', request, response)
  })
  let toldAt = -Infinity
  server.on('drop', () => {
    if (performance.now() - toldAt < DROPS_TOLD_MS) return
    toldAt = performance.now()
    log.warn({ maxConnections: settings.maxConnections }, 'connections-dropped')
  })
  await new Promise<void>((resolve, reject) => {
    server.once('listening', resolve)
    server.once('error', (cause: Error & { code?: string }) => {
      const why = `cannot listen on ${address.host}:${address.port} (${cause.code ?? cause.message})`
      const failure = { kind: 'permanent', code: 'PORT_UNAVAILABLE' } as const
      reject(new AppError(failure, `${why}: free it, or set HTTP_PORT or HTTP_HOST`, { cause }))
    })
  })
  const { port } = server.address() as AddressInfo
  log.info({ host: address.host, port }, 'http-listening')
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeIdleConnections()
        const force = setTimeout(() => server.closeAllConnections(), 2_000)
        force.unref()
      }),
  }
}
