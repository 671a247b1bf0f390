import type { Context } from 'hono'

import { type Deadline, type Deadlines, leftMs } from '../domain/deadlines.ts'
import type { Integration } from '../domain/integration.ts'
import { MAX_BODY_BYTES } from '../domain/limits.ts'
import type { EventLoopWatch } from '../event-loop.ts'
import type { Log } from '../log.ts'
import type { Room, TimeLeft } from '../room.ts'
import { failCut, readBody } from './read-body.ts'

/** Whose callback address was called; `room` once the daemon has taken the integration up. */
export type CallbackTarget = { integration: Integration; room: Room | undefined }

export type CallbackDeps = {
  log: Log
  nowMs: () => number
  eventLoop: EventLoopWatch
  deadlines: Deadlines
  /** By the secret key of the address. */
  findTarget: (callbackKey: string) => Promise<CallbackTarget | undefined>
}

/** `arrivedAt`: on the monotonic clock, when it may have come at the earliest. */
export type Admitted = { integration: Integration; room: Room; text: string; arrivedAt: number }

/** What is left for the answer to what arrived then. */
export function timeLeft(deadline: Deadline, arrivedAt: number): TimeLeft {
  const waitedMs = performance.now() - arrivedAt
  return { ms: leftMs(deadline, waitedMs), waitedMs }
}

const JSON_TYPE = /^application\/([\w.+-]+\+)?json *(;|$)/i

/** Lets in what has the address of an integration that runs here. Whoever does not know the key learns nothing. */
export async function admitCallback(c: Context, deps: CallbackDeps): Promise<Admitted | Response> {
  const arrivedAt = performance.now() - deps.eventLoop.waitedMs()
  const target = await deps.findTarget(c.req.query('integration_key') ?? '')
  if (!target) return c.json({ error: 'no such address' }, 404)
  const { integration, room } = target
  const refuse = (why: string): void => {
    deps.log.warn({ integrationId: integration.id, path: c.req.path, why }, 'callback-refused')
  }
  if (!integration.enabled) {
    refuse('the integration is switched off')
    return c.json({ error: 'INTEGRATION_DISABLED', problem: 'the integration is switched off' }, 403)
  }
  if (!JSON_TYPE.test(c.req.header('content-type') ?? '')) {
    refuse('not application/json')
    return c.json({ error: 'UNSUPPORTED_MEDIA_TYPE', problem: 'Content-Type must be application/json' }, 415)
  }
  // Another try comes in seconds, when it has been taken up.
  if (!room) return c.json({ error: 'STARTING' }, 503)
  const { kind, bytes } = await readBody(c, MAX_BODY_BYTES, { unlessLarge: true })
  if (kind === 'large') {
    refuse('the body is too large')
    return c.json({ error: 'BODY_TOO_LARGE' }, 413)
  }
  if (kind !== 'whole') failCut()
  return { integration, room, text: new TextDecoder().decode(bytes), arrivedAt }
}
