import type { Hono } from 'hono'

import type { Log } from '../../log.ts'
import { answerUnavailable, requireToken, type TokenDeps } from './require-token.ts'

/** What became of a posted body; `afterReply` is to be called once it has been answered. */
export type PostTaken =
  | {
      outcome: 'accepted'
      duplicate: boolean
      ignored?: { path: string; problem: string }[]
      afterReply: () => unknown
    }
  | { outcome: 'too-many-variants' }
  | { outcome: 'invalid'; path: string; problem: string }

export type DeliverDeps = TokenDeps & {
  log: Log
  /** @throws AppError `retryable` when nothing could be accepted */
  takePost: (body: unknown) => Promise<PostTaken>
  takeUnreadablePost: (text: string, problem: string) => Promise<PostTaken>
}

const JSON_TYPE = /^application\/([\w.+-]+\+)?json *(;|$)/i

/**
 * `POST /api/v1/deliver`: Flashduty's incident webhook, unchanged or with `delivery`. 200 means kept: Flashduty takes
 * nothing else for success and waits 2 s at most, so neither Redis nor DingTalk is waited for.
 */
export function addDeliverRoute(app: Hono, deps: DeliverDeps): void {
  app.post('/api/v1/deliver', requireToken(deps), async (c) => {
    if (!JSON_TYPE.test(c.req.header('content-type') ?? '')) {
      return c.json({ error: 'UNSUPPORTED_MEDIA_TYPE', problem: 'Content-Type must be application/json' }, 415)
    }
    const text = await c.req.text()
    const body = parse(text)
    try {
      const taken = body ? await deps.takePost(body.value) : await deps.takeUnreadablePost(text, 'is not JSON')
      if (taken.outcome === 'invalid') {
        return c.json({ error: 'INVALID_PAYLOAD', path: taken.path, problem: taken.problem }, 400)
      }
      taken.afterReply()
      return c.json({ accepted: true, duplicate: taken.duplicate })
    } catch (error) {
      return answerUnavailable(c, deps.log, error)
    }
  })
}

function parse(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) as unknown }
  } catch {
    return undefined
  }
}
