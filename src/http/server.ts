import type { AddressInfo } from 'node:net'

import { serve } from '@hono/node-server'
import type { Hono } from 'hono'

import { AppError } from '../errors.ts'
import type { Log } from '../log.ts'

export type HttpServer = { port: number; close(): Promise<void> }

/** Resolves when listening. @throws AppError `permanent PORT_UNAVAILABLE`: the address is taken, not ours or not allowed */
export async function listen(routes: Hono, address: { host: string; port: number }, log: Log): Promise<HttpServer> {
  const server = serve({ fetch: routes.fetch, hostname: address.host, port: address.port })
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
        if ('closeIdleConnections' in server) server.closeIdleConnections()
        const force = setTimeout(() => 'closeAllConnections' in server && server.closeAllConnections(), 2_000)
        force.unref()
      }),
  }
}
