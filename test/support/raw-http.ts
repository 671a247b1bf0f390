import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

import { eventually } from './eventually.ts'

/** A connection on which anything may be written, and what has come back. */
export type RawConnection = {
  socket: Socket
  /** All of it so far. */
  heard(): string
  /** Resolves with all of it once that is in it. */
  hears(pattern: RegExp): Promise<string>
  /** Resolves with all of it when the other side is done; rejects when it cut the connection off. */
  ended: Promise<string>
}

export async function openRaw(url: string): Promise<RawConnection> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  let heard = ''
  socket.on('data', (chunk: Buffer) => (heard += chunk.toString('utf8')))
  const ended = new Promise<string>((resolve, reject) => {
    socket.once('error', reject)
    socket.once('end', () => resolve(heard))
    socket.once('close', () => resolve(heard))
  })
  // Who does not wait for it is not told of it.
  ended.catch(() => {})
  await once(socket, 'connect')
  return {
    socket,
    heard: () => heard,
    async hears(pattern) {
      await eventually(`${pattern} is heard`, () => pattern.test(heard))
      return heard
    },
    ended,
  }
}

/** The beginning of a request, up to where its body comes. */
export function headOf(method: string, path: string, headers: Record<string, string>): string {
  const lines = Object.entries({ host: 'here', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`)
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`
}
