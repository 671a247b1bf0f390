import type { Context } from 'hono'

import { MAX_BODY_BYTES, MAX_INFLATION } from '../../domain/limits.ts'
import { readBody } from '../read-body.ts'
import type { Ignored } from '../../domain/reading/reading.ts'
import { decodeText } from './decode.ts'
import { ENCODINGS, inflate, readEncodings } from './inflate.ts'

/** `text`: what came of the body; all of it when there is no `fault`. */
export type ReadPost = { text: string; ignored: Ignored[]; fault?: Fault }

export type Fault = { status: 400 | 408 | 413 | 415; error: string; problem: string }

const JSON_TYPE = /^application\/([\w!#$&^.+-]+\+)?json\s*(;|$)/i

/** What is refused anyway is only read to tell whom it was about. */
const GLANCE_MS = 500

/**
 * The text of a posted body, whatever it was packed and written in. No more than MAX_BODY_BYTES is held of it at any step.
 * @param glance it is refused already
 */
export async function readPost(c: Context, glance = false): Promise<ReadPost> {
  const type = c.req.header('content-type') ?? ''
  const encodings = readEncodings(c.req.header('content-encoding'))
  const unfit = JSON_TYPE.test(type) ? encodings === undefined && UNKNOWN_ENCODING : UNKNOWN_TYPE
  const isLarge = Number(c.req.header('content-length') ?? 0) > MAX_BODY_BYTES
  const { kind, bytes } = await readBody(c, MAX_BODY_BYTES, glance || unfit || isLarge ? { ms: GLANCE_MS } : {})
  const inflated = await inflate(bytes, encodings ?? [])
  const decoded = decodeText(inflated.bytes, type)
  const fault = unfit || (kind === 'whole' ? faultOf(inflated) : FAULTS[kind])
  return fault ? { ...decoded, fault } : decoded
}

const UNKNOWN_TYPE: Fault = {
  status: 415,
  error: 'UNSUPPORTED_MEDIA_TYPE',
  problem: 'Content-Type must be application/json',
}

const UNKNOWN_ENCODING: Fault = {
  status: 415,
  error: 'UNSUPPORTED_ENCODING',
  problem: `Content-Encoding must be ${ENCODINGS}`,
}

const TOO_LARGE: Fault = {
  status: 413,
  error: 'BODY_TOO_LARGE',
  problem: `the body is more than ${MAX_BODY_BYTES} bytes`,
}

const CUT: Fault = { status: 408, error: 'BODY_INCOMPLETE', problem: 'the body did not come whole' }

const FAULTS = { large: TOO_LARGE, late: TOO_LARGE, cut: CUT }

function faultOf(inflated: Awaited<ReturnType<typeof inflate>>): Fault | undefined {
  if (inflated.kind === 'whole') return undefined
  if (inflated.kind === 'broken') {
    return { status: 400, error: 'INVALID_PAYLOAD', problem: `is not valid ${inflated.encoding}` }
  }
  const problem = `the body is more than ${MAX_INFLATION} times as large as it was sent`
  return inflated.isBomb ? { ...TOO_LARGE, problem } : TOO_LARGE
}
