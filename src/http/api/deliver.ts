import type { Context, Hono } from 'hono'

import type { Ignored } from '../../domain/reading/reading.ts'
import type { Log } from '../../log.ts'
import { readIds } from './read-ids.ts'
import { type Fault, readPost } from './read-post.ts'
import { noteRefusal, type RefusalDeps } from './refuse-post.ts'
import { answerUnavailable, readScopes, requireToken, type TokenDeps } from './require-token.ts'

/** What became of a posted body; `afterReply` is to be called once it has been answered. */
export type PostTaken =
  | { outcome: 'accepted'; duplicate: boolean; ignored?: Ignored[]; afterReply: () => unknown }
  | { outcome: 'invalid'; path: string; problem: string }
  | { outcome: 'too-many-variants' }

export type DeliverDeps = TokenDeps &
  RefusalDeps & {
    log: Log
    /** @throws AppError `retryable` when nothing could be accepted */
    takePost: (body: unknown) => Promise<PostTaken>
    takeUnreadablePost: (text: string, problem: string) => Promise<PostTaken>
  }

export const DELIVER_PATH = '/api/v1/deliver'

/**
 * `POST /api/v1/deliver`: Flashduty's incident webhook, unchanged or with `delivery`. 200 means kept: Flashduty takes
 * nothing else for success and waits 2 s at most, so neither Redis nor DingTalk is waited for.
 */
export function addDeliverRoute(app: Hono, deps: DeliverDeps): void {
  app.post(DELIVER_PATH, requireToken(deps, 'deliver'), async (c) => {
    const { text, ignored, fault } = await readPost(c)
    if (fault && (fault.status !== 400 || isAboutSomething(text))) return refuse(c, deps, text, fault)
    try {
      const body = fault ? undefined : parse(text)
      const taken = body
        ? await deps.takePost(body.value)
        : await deps.takeUnreadablePost(text, fault?.problem ?? 'is not JSON')
      if (taken.outcome === 'invalid') {
        const { path, problem } = taken
        await noteRefusal(c, deps, { status: 400, why: `${path}: ${problem}`, text, recorded: true })
        return c.json({ error: 'INVALID_PAYLOAD', path, problem }, 400)
      }
      if (taken.outcome === 'too-many-variants') {
        const problem = 'too many different bodies came under this event id already'
        await noteRefusal(c, deps, { status: 409, why: problem, text })
        return c.json({ error: 'TOO_MANY_VARIANTS', problem }, 409)
      }
      taken.afterReply()
      if (ignored.length > 0) deps.log.warn({ ...readIds(text), ignored }, 'post-unlike-sent')
      return c.json({
        accepted: true,
        duplicate: taken.duplicate,
        ignored: [...ignored, ...(taken.ignored ?? [])],
      })
    } catch (error) {
      return answerUnavailable(c, deps.log, error)
    }
  })
}

async function refuse(
  c: Context,
  deps: RefusalDeps,
  text: string,
  { status, error, problem }: Fault,
): Promise<Response> {
  await noteRefusal(c, deps, { status, why: problem, text })
  if (error === 'UNSUPPORTED_ENCODING') c.header('Accept-Encoding', 'gzip, deflate, br')
  return c.json({ error, ...(status === 400 ? { path: '(body)' } : {}), problem }, status)
}

/** It can be put on record under its own ids. */
function isAboutSomething(text: string): boolean {
  return Object.keys(readIds(text)).length > 0
}

/** What is at no address of ours: whoever posts it with a token for delivering has the address wrong, and is told of. */
export async function answerNowhere(c: Context, deps: DeliverDeps, prefix: string): Promise<Response> {
  const isDeliver = [DELIVER_PATH, `${prefix}${DELIVER_PATH}`].includes(c.req.path)
  const isKnown = (await readScopes(c, deps))?.includes('deliver') === true
  const status = isKnown && isDeliver ? 405 : 404
  if (isKnown) {
    const { text } = await readPost(c, true)
    const why = isDeliver ? `${c.req.method} is not POST` : `nothing is at this address: it is ${DELIVER_PATH}`
    await noteRefusal(c, deps, { status, why, text })
  }
  if (status === 404) return c.json({ error: 'no such address' }, 404)
  return c.json({ error: 'METHOD_NOT_ALLOWED', problem: 'only POST is answered here' }, 405, { Allow: 'POST' })
}

function parse(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) as unknown }
  } catch {
    return undefined
  }
}
