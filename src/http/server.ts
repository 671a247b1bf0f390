import type { AddressInfo } from 'node:net'

import { serve } from '@hono/node-server'
import type { Hono } from 'hono'

import type { Log } from '../log.ts'

export type HttpServer = { port: number; close(): Promise<void> }

/** Resolves when listening. @throws Error `EADDRINUSE` and the like */
export async function listen(routes: Hono, address: { host: string; port: number }, log: Log): Promise<HttpServer> {
  const server = serve({ fetch: routes.fetch, hostname: address.host, port: address.port })
  await new Promise<void>((resolve, reject) => {
    server.once('listening', resolve)
    server.once('error', reject)
  })
  const { port } = server.address() as AddressInfo
  log.info({ host: address.host, port }, 'http-listening')
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        if ('closeIdleConnections' in server) server.closeIdleConnections()
        const force = setTimeout(() => 'closeAllConnections' in server && server.closeAllConnections(), 2_000)
        force.unref()
      }),
  }
}
