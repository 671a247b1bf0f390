import type { Context, Hono } from 'hono'

import { type CallbackKeys, openPush, sealAnswer } from '../domain/callback-crypto.ts'
import { readObject, readPushedEvent, stringOf } from '../domain/inbound.ts'
import type { Integration } from '../domain/integration.ts'
import type { Log } from '../log.ts'
import { admitCallback, type CallbackDeps, timeLeft } from './callback-target.ts'

export const EVENT_PATH = '/event/push/dingtalk'

export type EventPushDeps = CallbackDeps & {
  /** It was answered so that it comes again; after the third time it has to be fetched. */
  onRefusal: (integrationId: string) => void
}

/** No page says how old a push may be. */
const SKEW_WORTH_A_LINE_MS = 3_600_000

/** What the console checks an address with; the second and third ask for their `Random` back. */
const CHECKS = new Set(['check_url', 'check_create_suite_url', 'check_update_suite_url'])

/**
 * `POST /event/push/dingtalk?integration_key=SECRET`: one event, signed and encrypted. Answered with the encrypted
 * `success` once its effect is stored; with HTTP 500 when it could not be, whereupon DingTalk pushes it again.
 */
export function addEventPushRoute(app: Hono, deps: EventPushDeps): void {
  app.post(EVENT_PATH, async (c) => {
    const admitted = await admitCallback(c, deps)
    if (admitted instanceof Response) return admitted
    const { integration, room, text, arrivedAt } = admitted
    const log = deps.log.child({ integrationId: integration.id })
    const encrypt = readObject(text)?.['encrypt']
    if (typeof encrypt !== 'string') {
      log.warn({ why: 'not encrypted' }, 'event-push-refused')
      return c.json({ error: 'NOT_ENCRYPTED', problem: 'the body must be {"encrypt": "…"}' }, 400)
    }
    const keys = keysOf(integration)
    const push = { ...readQuery(c), encrypt }
    const opened = openPush(keys, push)
    if ('error' in opened) {
      log.warn({ vendorError: opened.error }, 'event-push-refused')
      return c.json({ error: 'REFUSED' }, 403)
    }
    noteSkew(log, push.timestamp, deps.nowMs())

    const answer = (message: string): Response =>
      c.json(sealAnswer(keys, { message, ownerKey: opened.ownerKey, nowMs: deps.nowMs() }))
    const body = readObject(opened.message)
    const event = body && readPushedEvent(body)
    if (!event) {
      // Genuine, and no more readable the next time.
      log.warn('event-push-unreadable')
      return answer('success')
    }
    if (CHECKS.has(event.eventType)) {
      log.info({ eventType: event.eventType }, 'event-push-checked')
      return answer(event.eventType === 'check_url' ? 'success' : (stringOf(event.fields['random']) ?? 'success'))
    }
    const ack = await room.takeEvent(event, timeLeft(deps.deadlines.eventPush, arrivedAt))
    if (ack.status === 'SUCCESS') return answer('success')
    deps.onRefusal(integration.id)
    return c.json({ error: 'LATER' }, 500)
  })
}

function keysOf({ token, aesKey, clientId, corpId }: Integration): CallbackKeys {
  return { token, aesKey, ownerKeys: [clientId, corpId] }
}

/** Pages of different ages name these differently. */
function readQuery(c: Context): { signature: string; timestamp: string; nonce: string } {
  return {
    signature: c.req.query('msg_signature') ?? c.req.query('signature') ?? '',
    timestamp: c.req.query('timestamp') ?? c.req.query('timeStamp') ?? '',
    nonce: c.req.query('nonce') ?? '',
  }
}

function noteSkew(log: Log, timestamp: string, nowMs: number): void {
  const sentAt = Number(timestamp) * (timestamp.length <= 10 ? 1_000 : 1)
  const skewMs = nowMs - sentAt
  // A number that is none is noted too.
  if (!(Math.abs(skewMs) <= SKEW_WORTH_A_LINE_MS)) log.warn({ skewMs }, 'event-push-skewed')
}
