import type { IncomingMessage } from 'node:http'

import type { HttpBindings } from '@hono/node-server'
import type { MiddlewareHandler } from 'hono'

import { MAX_BODY_BYTES } from '../domain/limits.ts'

/** After the answer, so long and so much more of a body that nobody wants is let past. */
const LINGER_MS = 2_000
const LINGER_BYTES = 16 * 1024 * 1024

/**
 * Whatever is answered without its body having been read: nothing else can come over that connection. It is closed in
 * the way that lets the sender read the answer; cut off amid sending, most never look for one.
 */
export const closeUnread: MiddlewareHandler = async (c, next) => {
  await next()
  const { incoming } = c.env as HttpBindings
  if (!(incoming && 'complete' in incoming) || !hasBody(incoming) || incoming.readableEnded) return
  c.header('Connection', 'close')
  linger(incoming)
}

/** For whatever says itself that it is too large, whoever sends it; what says nothing is bounded where it is read. */
export const refuseLarge: MiddlewareHandler = async (c, next) => {
  if (Number(c.req.header('content-length') ?? 0) <= MAX_BODY_BYTES) return next()
  return c.json({ error: 'BODY_TOO_LARGE' }, 413)
}

function hasBody({ headers }: HttpBindings['incoming']): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

/** Node closes the whole connection once the answer is written; here only our half of it. */
function linger(incoming: IncomingMessage): void {
  const { socket } = incoming
  const close = socket.destroySoon.bind(socket)
  let isAnswered = false
  let isOver = false
  let bytes = 0
  const end = (): void => {
    isOver = true
    if (isAnswered) close()
  }
  incoming.on('error', () => {})
  incoming.once('end', end).once('close', end)
  incoming.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > LINGER_BYTES) end()
  })
  incoming.resume()
  socket.destroySoon = () => {
    if (isAnswered) return
    isAnswered = true
    socket.end()
    if (isOver) return close()
    const timer = setTimeout(() => socket.destroy(), LINGER_MS)
    socket.once('close', () => clearTimeout(timer))
  }
}
