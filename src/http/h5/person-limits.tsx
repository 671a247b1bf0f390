import type { Context, MiddlewareHandler } from 'hono'

import { phrase } from '../../domain/screen-messages.ts'
import type { H5Deps } from './deps.ts'
import { createLimiter, type Limiter } from './limits.ts'
import { Retry, Say } from './say.tsx'
import { answerPage, viewOf } from './shell.tsx'
import type { H5Variables, Visitor } from './visitor.ts'

/** More than anybody reads or presses, few enough that nobody uses up what a whole company shares. */
const EACH = { tries: 60, seconds: 60 }

/** Somebody has had too much asked for them; `answerFailure` tells them. */
export class TooManyError extends Error {
  override name = 'TooManyError'
  readonly waitS: number
  constructor(waitS: number) {
    super(`asked too often; again in ${waitS} s`)
    this.waitS = waitS
  }
}

export type PersonLimits = {
  /**
   * Before Flashduty is asked for a page; what is kept of its answers costs nothing.
   * @throws TooManyError
   */
  beforeAsking: (visitor: Visitor) => Promise<void>
  /** The same before a page that always asks. */
  reads: MiddlewareHandler<H5Variables>
  /** Before any page. */
  views: MiddlewareHandler<H5Variables>
  /** Before what is done as the person. */
  acts: MiddlewareHandler<H5Variables>
}

/** How often a person may have others asked, each for themselves, wherever they are logged in. Needs `requireVisitor`. */
export function createPersonLimits(deps: H5Deps): PersonLimits {
  const take = async (limiter: Limiter, { integrationId, userId }: Visitor): Promise<void> => {
    const waitS = await limiter.take(JSON.stringify([integrationId, userId]))
    if (waitS === 0) return
    deps.log.info({ integrationId, userId }, 'person-limited')
    throw new TooManyError(waitS)
  }
  const [views, reads, acts] = [
    createLimiter({ tries: deps.viewsPerMinute, seconds: 60 }),
    createLimiter(EACH),
    createLimiter(EACH),
  ]
  const before =
    (limiter: Limiter): MiddlewareHandler<H5Variables> =>
    async (c, next) => {
      await take(limiter, c.get('visitor'))
      await next()
    }
  return {
    beforeAsking: (visitor) => take(reads, visitor),
    reads: before(reads),
    views: before(views),
    acts: before(acts),
  }
}

export function answerTooMany(
  deps: H5Deps,
  c: Context<H5Variables>,
  { waitS: seconds }: TooManyError,
): Response | Promise<Response> {
  c.header('Retry-After', String(seconds))
  const view = viewOf(deps, c)
  const { locale, pages } = view
  const title = phrase(locale, 'error.429')
  const isRead = c.req.method === 'GET'
  const hint = phrase(locale, isRead ? 'error.429.hint' : 'error.429.act', { seconds })
  return answerPage(
    deps,
    c,
    view,
    { title, status: 429 },
    <Say title={title} hint={hint}>
      {isRead ? <Retry locale={locale} first /> : undefined}
      <a class={isRead ? 'button' : 'button first'} href={`${pages}/`}>
        {phrase(locale, 'error.home')}
      </a>
    </Say>,
  )
}
