import type { Context, Hono } from 'hono'
import { z } from 'zod'

import type { Identity } from '../../dingtalk/people.ts'
import { readObject } from '../../domain/inbound.ts'
import { MAX_LOGIN_BYTES } from '../../domain/limits.ts'
import { tell, tellFailure } from '../../domain/page-messages.ts'
import { AppError } from '../../errors.ts'
import { isOfCorporation } from '../../storage/integrations.ts'
import { addSession, endSession, useLoginState } from '../../storage/sessions.ts'
import { networkOf } from '../client-address.ts'
import { readBody } from '../read-body.ts'
import { WrongTries } from '../wrong-tries.ts'
import { beginLogin, endLogin } from './begun-logins.ts'
import { type H5Deps, pathOfPages } from './deps.ts'
import { FinishedLogins } from './finished-logins.ts'
import { createLoginDesk } from './login-desk.ts'
import { answerLoginPage } from './login-page.tsx'
import { checkCsrf, requireVisitor } from './require-visitor.ts'
import { returnTo } from './return-to.ts'
import { dropSessionCookie, keepSessionCookie, readSessionSecret } from './session-cookie.ts'
import type { H5Variables } from './visitor.ts'

type Ctx = Context<H5Variables>

/** Not a form's type, so that no other site can send it without asking first. */
const Handed = z.object({ code: z.string().min(1).max(500), return: z.string().max(2_000).optional() })
const JSON_TYPE = /^application\/json *(;|$)/i

/** Logging in from inside DingTalk and from a browser, and out. */
export function addLoginRoutes(app: Hono<H5Variables>, deps: H5Deps): void {
  const desk = createLoginDesk()
  const wrong = new WrongTries()
  const finished = new FinishedLogins()

  /** @throws AppError of DingTalk, or `blocked INTEGRATION_DISABLED`; as the desk */
  const askWho = (c: Ctx, kind: 'client' | 'browser', code: string): Promise<Identity> => {
    const integrationId = c.get('integration').id
    const handed = { kind, integrationId, code, network: networkOf(deps.addressOf(c)), gone: c.req.raw.signal }
    return desk.ask(handed, async () => {
      const people = deps.peopleOf(integrationId)
      if (!people)
        throw new AppError({ kind: 'blocked', code: 'INTEGRATION_DISABLED' }, 'the integration is switched off')
      return kind === 'client' ? people.readByClientCode(code) : people.readByBrowserCode(code)
    })
  }

  /** What is told of a login that came to nothing. Only a code that is wrong is ever told to wait. @throws what is no expected failure */
  const judge = (c: Ctx, error: unknown): { code: string; isTheirs: boolean; waitS: number } => {
    if (!(error instanceof AppError)) throw error
    const { kind, code } = error.failure
    const isWrong = code === 'LOGIN_CODE_INVALID'
    const address = deps.addressOf(c)
    const { waitMs, isNews } = isWrong
      ? wrong.count(networkOf(address), deps.clock.nowMs())
      : { waitMs: 0, isNews: false }
    const isTheirs = kind === 'permanent'
    const level =
      code === 'GONE' || (waitMs > 0 && !isNews) ? 'debug' : isTheirs && code !== 'IM_ERROR' ? 'info' : 'warn'
    const limited = waitMs > 0 ? { address, limited: true } : {}
    deps.log[level]({ integrationId: c.get('integration').id, ...limited, err: error }, 'login-failed')
    return { code, isTheirs, waitS: Math.ceil(waitMs / 1_000) }
  }

  app.get('/login', (c) =>
    answerLoginPage(deps, c, {
      back: c.req.query('return') ?? '',
      auto: false,
      ...(c.req.query('out') === undefined ? {} : { notice: 'login.out' as const }),
    }),
  )

  app.post('/login', async (c) => {
    const locale = c.get('locale')
    const isJson = JSON_TYPE.test(c.req.header('content-type') ?? '')
    const body = isJson ? await readBody(c, MAX_LOGIN_BYTES, { unlessLarge: true }) : undefined
    const parsed = Handed.safeParse(body?.kind === 'whole' ? readObject(body.bytes.toString('utf8')) : undefined)
    if (!parsed.success) return c.json({ text: tell(locale, 'page.UNKNOWN') }, 400)
    try {
      await logIn(deps, c, await askWho(c, 'client', parsed.data.code))
    } catch (error) {
      const { code, waitS } = judge(c, error)
      if (waitS > 0) {
        c.header('Retry-After', String(waitS))
        return c.json({ text: tell(locale, 'login.TOO_MANY', { seconds: waitS }) }, 429)
      }
      const again = code === 'LOGIN_CODE_INVALID'
      return c.json({ text: tellFailure(locale, 'login', code), again }, again ? 401 : 503)
    }
    return c.json({ next: returnTo(parsed.data.return, pathOfPages(deps, c.get('integration').id)) })
  })

  app.get('/login/browser', async (c) => {
    const integration = c.get('integration')
    const pages = pathOfPages(deps, integration.id)
    if (deps.publicUrl === undefined) {
      return answerLoginPage(deps, c, {
        notice: 'login.NO_PUBLIC_URL',
        status: 503,
        auto: false,
        back: c.req.query('return') ?? '',
      })
    }
    const state = await beginLogin(deps, c, returnTo(c.req.query('return'), pages))
    const target = new URL(`${deps.loginUrl}/oauth2/auth`)
    target.search = new URLSearchParams({
      redirect_uri: `${new URL(deps.publicUrl).origin}${pages}/login/callback`,
      response_type: 'code',
      client_id: integration.clientId,
      scope: 'openid corpid',
      state,
      prompt: 'consent',
    }).toString()
    return c.redirect(target.href, 302)
  })

  app.get('/login/callback', async (c) => {
    const locale = c.get('locale')
    const state = c.req.query('state') ?? ''
    const kept = await endLogin(deps, c, state)
    const fail = (code: string, status: 400 | 401 | 503) =>
      answerLoginPage(deps, c, {
        text: tellFailure(locale, 'login', code),
        status,
        auto: false,
        back: kept?.back ?? '',
      })
    const authCode = c.req.query('authCode') ?? c.req.query('code') ?? ''
    // The same address again, by the browser that has the session of the first time.
    const before = await finished.find(`${state} ${authCode}`, deps.clock.nowMs())
    if (before && (await readSessionSecret(deps, c)) === before.secret) return c.redirect(before.back, 303)
    if (!kept) return fail('STATE_INVALID', 400)
    if (authCode === '') return fail('DENIED', 400)
    try {
      const isFresh = await deps.db.write((trx) => useLoginState(trx, kept.state, deps.clock.nowMs()))
      if (!isFresh) return fail('STATE_INVALID', 400)
      const login = askWho(c, 'browser', authCode).then((who) => logIn(deps, c, who))
      finished.note(
        `${kept.state} ${authCode}`,
        login.then((secret) => ({ secret, back: kept.back })),
        deps.clock.nowMs(),
      )
      await login
    } catch (error) {
      const judged = judge(c, error)
      const { code, waitS } = judged
      if (waitS === 0) return fail(code, judged.isTheirs ? 401 : 503)
      c.header('Retry-After', String(waitS))
      const text = tell(locale, 'login.TOO_MANY', { seconds: waitS })
      return answerLoginPage(deps, c, { text, status: 429, auto: false, back: kept.back })
    }
    return c.redirect(kept.back, 303)
  })

  app.post('/logout', requireVisitor(deps), checkCsrf, async (c) => {
    const secret = await readSessionSecret(deps, c)
    if (secret !== undefined) await deps.db.write((trx) => endSession(trx, secret))
    dropSessionCookie(deps, c)
    return c.redirect(`${pathOfPages(deps, c.get('integration').id)}/login?out=1`, 303)
  })
}

/**
 * A login always makes a new session: one that somebody else may have put into this browser is ended.
 * @returns the session's secret
 */
async function logIn(deps: H5Deps, c: Ctx, who: Identity): Promise<string> {
  const integrationId = c.get('integration').id
  const earlier = await readSessionSecret(deps, c)
  const secret = await deps.db.write(async (trx) => {
    if (earlier !== undefined) await endSession(trx, earlier)
    // Between the answer and now it may have become another corporation's.
    if (!(await isOfCorporation(trx, integrationId, who.corpId))) {
      throw new AppError({ kind: 'permanent', code: 'OTHER_CORPORATION' }, 'a login to the former corporation')
    }
    return addSession(trx, { integrationId, ...who }, deps.clock.nowMs())
  })
  await keepSessionCookie(deps, c, secret)
  deps.log.info({ integrationId, userId: who.userId }, 'logged-in')
  return secret
}
