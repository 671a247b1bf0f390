import type { Context, MiddlewareHandler } from 'hono'

import { MAX_FORM_BYTES } from '../../domain/limits.ts'
import { tell } from '../../domain/page-messages.ts'
import { findLinkOfUser } from '../../storage/links.ts'
import { endOf, findSession, isAging, moveOnSession, type Session } from '../../storage/sessions.ts'
import { failCut, readBody } from '../read-body.ts'
import { type H5Deps, pathOfPages } from './deps.ts'
import { answerLoginPage } from './login-page.tsx'
import { answerMessage } from './message-page.tsx'
import { noteVisitorLeft } from './note-left.ts'
import { keepSessionCookie, readSessionSecret } from './session-cookie.ts'
import { CSRF_FIELD, type Form, type H5Variables, type Visitor } from './visitor.ts'

/** The one that ours are sent as. */
const FORM_TYPE = /^application\/x-www-form-urlencoded\s*(;|$)/i

/** Puts the visitor under `c.get('visitor')`, or answers with the login page, which comes back to the same address. */
export function requireVisitor(deps: H5Deps): MiddlewareHandler<H5Variables> {
  return async (c, next) => {
    const secret = await readSessionSecret(deps, c)
    const visitor = secret === undefined ? undefined : await findVisitor(deps, c, secret)
    if (visitor === 'left') {
      return answerLoginPage(deps, c, { status: 401, notice: 'login.IM_USER_NOT_FOUND', auto: false })
    }
    if (secret === undefined || !visitor) {
      if (c.req.method === 'GET' || c.req.method === 'HEAD') return answerLoginPage(deps, c, {})
      return answerLoginPage(deps, c, { status: 401, notice: 'login.expired', auto: false, back: '' })
    }
    c.set('visitor', visitor)
    c.set('isOwnForm', (csrf) => deps.signer.isSigned('csrf', secret, csrf))
    await next()
  }
}

/**
 * Moves the session's end on if DingTalk says that the person is still there. Where it does not say, the session lives
 * to its end: nobody is thrown out because DingTalk is slow, and a page is not worth failing for it.
 */
async function renew(
  deps: H5Deps,
  c: Context<H5Variables>,
  session: Session,
  secret: string,
): Promise<'left' | 'renewed' | 'as-it-was'> {
  const integration = c.get('integration')
  const whereabouts = await deps.stillThere(integration, session.dingtalk_user_id)
  if (whereabouts === 'unsure') return 'as-it-was'
  const nowMs = deps.clock.nowMs()
  const noted =
    whereabouts === 'left'
      ? noteVisitorLeft(deps, integration, session.dingtalk_user_id)
      : deps.db.write((trx) => moveOnSession(trx, session, nowMs))
  const isNoted = await noted.then(
    () => true,
    (error: unknown) => {
      // The next request tries again.
      deps.log.warn({ userId: session.dingtalk_user_id, whereabouts, err: error }, 'session-not-settled')
      return false
    },
  )
  if (whereabouts === 'left') return 'left'
  if (isNoted) await keepSessionCookie(deps, c, secret, endOf(session, nowMs) - nowMs)
  return isNoted ? 'renewed' : 'as-it-was'
}

/**
 * Only for forms of our own pages: puts what they hold under `c.get('form')`, and refuses a POST that does not carry the
 * visitor's token. Needs `requireVisitor`: of whoever is not known nothing is read.
 */
export const checkCsrf: MiddlewareHandler<H5Variables> = async (c, next) => {
  const back = `${pathOfPages({ prefix: c.get('prefix') }, c.get('integration').id)}/`
  const refuse = (status: 403 | 413 | 415, key: 'page.FORM_EXPIRED' | 'page.FORM_UNFIT'): Response =>
    answerMessage(c, { text: tell(c.get('locale'), key), status, back })
  const type = c.req.header('content-type') ?? ''
  if (/^multipart\//i.test(type)) return refuse(415, 'page.FORM_UNFIT')
  if (!FORM_TYPE.test(type)) return refuse(403, 'page.FORM_EXPIRED')
  const { kind, bytes } = await readBody(c, MAX_FORM_BYTES, { unlessLarge: true })
  if (kind === 'large') return refuse(413, 'page.FORM_UNFIT')
  if (kind !== 'whole') failCut()
  const form: Form = Object.fromEntries(new URLSearchParams(bytes.toString('utf8')))
  if (!c.get('isOwnForm')(form[CSRF_FIELD] ?? '')) return refuse(403, 'page.FORM_EXPIRED')
  c.set('form', form)
  await next()
}

/** @returns `left` when DingTalk does not know the person any more, which has been noted */
async function findVisitor(
  deps: H5Deps,
  c: Context<H5Variables>,
  secret: string,
): Promise<Visitor | 'left' | undefined> {
  const integrationId = c.get('integration').id
  const nowMs = deps.clock.nowMs()
  const session = await findSession(deps.db.read, integrationId, secret, nowMs)
  if (!session) return undefined
  if (isAging(session, nowMs) && (await renew(deps, c, session, secret)) === 'left') return 'left'
  const link = await findLinkOfUser(deps.db.read, integrationId, session.dingtalk_user_id)
  return {
    integrationId,
    userId: session.dingtalk_user_id,
    unionId: session.union_id ?? undefined,
    name: session.name,
    locale: c.get('locale'),
    csrf: deps.signer.sign('csrf', secret),
    link: link && { memberId: link.member_id, memberName: link.member_name },
  }
}
