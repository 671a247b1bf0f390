import type { Transform } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from 'node:zlib'

import { INFLATION_FLOOR_BYTES, MAX_BODY_BYTES, MAX_ENCODINGS, MAX_INFLATION } from '../../domain/limits.ts'

/** `bytes`: what was made of it, as far as that went. `encoding` is the one that it was not. */
export type Inflated =
  | { kind: 'whole'; bytes: Buffer }
  | { kind: 'large'; bytes: Buffer; isBomb: boolean }
  | { kind: 'broken'; bytes: Buffer; encoding: Encoding }

type Encoding = 'gzip' | 'deflate' | 'br'

const KNOWN: Record<string, Encoding | 'identity'> = {
  gzip: 'gzip',
  'x-gzip': 'gzip',
  deflate: 'deflate',
  br: 'br',
  identity: 'identity',
}

/** For people. */
export const ENCODINGS = 'gzip, x-gzip, deflate, br or identity'

/** What was done to a body, the first done first; undefined when that is not all known, or too much. */
export function readEncodings(header: string | undefined): Encoding[] | undefined {
  const names = (header ?? '').split(',').flatMap((name) => name.trim().toLowerCase() || [])
  const encodings: Encoding[] = []
  for (const name of names) {
    const known = Object.hasOwn(KNOWN, name) ? KNOWN[name] : undefined
    if (known === undefined) return undefined
    if (known !== 'identity') encodings.push(known)
  }
  return encodings.length > MAX_ENCODINGS ? undefined : encodings
}

/** Undoes them, the last done first. No more is made than may be, at no step: it stops there. */
export async function inflate(wire: Buffer, encodings: Encoding[]): Promise<Inflated> {
  const grown = Math.max(INFLATION_FLOOR_BYTES, wire.length * MAX_INFLATION)
  const maxBytes = Math.min(MAX_BODY_BYTES, grown)
  let bytes = wire
  for (const encoding of encodings.toReversed()) {
    const undone = await undo(encoding, bytes, maxBytes)
    const { kind } = undone
    bytes = undone.bytes
    if (kind === 'broken') return { kind, bytes, encoding }
    if (kind === 'large') return { kind, bytes, isBomb: grown < MAX_BODY_BYTES }
  }
  return { kind: 'whole', bytes }
}

type Undone = { kind: 'whole' | 'large' | 'broken'; bytes: Buffer }

async function undo(encoding: Encoding, bytes: Buffer, maxBytes: number): Promise<Undone> {
  if (encoding === 'gzip') return run(createGunzip(), bytes, maxBytes)
  if (encoding === 'br') return run(createBrotliDecompress(), bytes, maxBytes)
  // The name says zlib; what many send under it is bare.
  const undone = await run(createInflate(), bytes, maxBytes)
  if (undone.kind !== 'broken') return undone
  const bare = await run(createInflateRaw(), bytes, maxBytes)
  return bare.kind === 'broken' ? undone : bare
}

function run(stream: Transform, bytes: Buffer, maxBytes: number): Promise<Undone> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let size = 0
    const end = (kind: Undone['kind']): void => {
      stream.destroy()
      resolve({ kind, bytes: Buffer.concat(chunks).subarray(0, maxBytes) })
    }
    stream.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      size += chunk.length
      if (size > maxBytes) end('large')
    })
    stream.once('end', () => end('whole'))
    stream.on('error', () => end('broken'))
    stream.end(bytes)
  })
}
