import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'

/**
 * `whole`, or what came of it: `large` is more than may be, `late` was not waited for any longer, `cut` ended before its
 * end, with the connection.
 */
export type ReadBody = { kind: 'whole' | 'large' | 'late' | 'cut'; bytes: Buffer }

export type Patience = {
  /** A body that says it is too large is not begun at all. */
  unlessLarge?: boolean
  /** Milliseconds; undefined = as long as the server waits for a request. */
  ms?: number
}

/**
 * Reads a body, whatever length it claims, up to so many bytes: for whoever has been found good. Nothing is read before
 * this is called, and a sender that asks first (`Expect: 100-continue`) is told to go on here.
 */
export async function readBody(c: Context, maxBytes: number, patience: Patience = {}): Promise<ReadBody> {
  const { incoming, outgoing } = c.env as HttpBindings
  const asksFirst = incoming.headers.expect?.toLowerCase() === '100-continue'
  const isLarge = Number(incoming.headers['content-length'] ?? 0) > maxBytes
  if (isLarge && (patience.unlessLarge || asksFirst)) return { kind: 'large', bytes: Buffer.alloc(0) }
  if (asksFirst && 'writeContinue' in outgoing) outgoing.writeContinue()
  const chunks: Buffer[] = []
  let size = 0
  const kind = await new Promise<ReadBody['kind']>((resolve) => {
    const timer = patience.ms === undefined ? undefined : setTimeout(() => end('late'), patience.ms)
    const take = (chunk: Buffer): void => {
      chunks.push(chunk)
      size += chunk.length
      if (size > maxBytes) end('large')
    }
    const whole = (): void => end('whole')
    const cut = (): void => end(incoming.readableEnded ? 'whole' : 'cut')
    const end = (how: ReadBody['kind']): void => {
      clearTimeout(timer)
      incoming.off('data', take).off('end', whole).off('close', cut)
      if (how !== 'whole') incoming.pause()
      resolve(how)
    }
    // What goes wrong with it closes it as well.
    incoming.on('error', () => {})
    incoming.on('data', take).once('end', whole).once('close', cut)
    if (incoming.readableEnded || incoming.destroyed) cut()
  })
  return { kind, bytes: Buffer.concat(chunks).subarray(0, maxBytes) }
}

/** @throws Error with the code `ECONNRESET`: nobody is there any more to be answered */
export function failCut(): never {
  throw Object.assign(new Error('the body ended with the connection'), { code: 'ECONNRESET' })
}
