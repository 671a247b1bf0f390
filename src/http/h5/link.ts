import type { Context, Hono } from 'hono'

import { tell, tellFailure } from '../../domain/page-messages.ts'
import { AppError } from '../../errors.ts'
import { proveKey } from '../../flashduty/prove-key.ts'
import { isOfCorporation } from '../../storage/integrations.ts'
import { putFreeLink, removeOwnLink } from '../../storage/links.ts'
import { putMemberKey } from '../../storage/member-keys.ts'
import { takeOver } from '../../storage/take-over.ts'
import { type H5Deps, pathOfPages } from './deps.ts'
import { guessMember } from './guess-member.ts'
import { createLimiter } from './limits.ts'
import { answerLinkPage } from './link-page.tsx'
import { checkCsrf } from './require-visitor.ts'
import { returnTo } from './return-to.ts'
import type { H5Variables } from './visitor.ts'

type Ctx = Context<H5Variables>

/** Wrong keys of one person, and right ones that take a member from somebody else. */
const KEY_LIMIT = { tries: 5, seconds: 600 }

/** The integration has become another corporation's meanwhile, and so the visitor a stranger. */
const NOT_LINKED = { linked: false, replaced: undefined }

/** Becoming a Flashduty member, another one, and none again. All need a visitor, which whoever mounts them sees to. */
export function addLinkRoutes(app: Hono<H5Variables>, deps: H5Deps): void {
  const limiter = createLimiter(KEY_LIMIT)

  app.get('/link', (c) => {
    const undone = c.req.query('undone')
    const key = undone === 'key' ? 'link.undone.key' : 'link.undone'
    const notice = undone === undefined ? {} : { notice: tell(c.get('locale'), key) }
    return answerLinkPage(deps, c, { back: c.req.query('return'), ...notice })
  })

  app.post('/link/confirm', checkCsrf, async (c) => {
    const form = readForm(c)
    const integration = c.get('integration')
    const visitor = c.get('visitor')
    // Asked anew: the form only says which answer the person has seen.
    const guess = await guessMember(deps, integration, visitor)
    const isSame = guess.kind === 'one' && String(guess.member.memberId) === form.member
    if (!isSame) return fail(deps, c, guess.kind === 'unavailable' ? guess.code : 'GUESS_CHANGED', form.back)
    const { memberId, memberName } = guess.member
    const { linked, replaced } = await deps.db.write(async (trx) => {
      if (!(await isOfCorporation(trx, integration.id, integration.corpId))) return NOT_LINKED
      return putFreeLink(trx, {
        integration_id: integration.id,
        dingtalk_user_id: visitor.userId,
        member_id: memberId,
        member_name: memberName,
        linked_by: 'login',
        linked_at: deps.clock.nowMs(),
      })
    })
    if (!linked) return fail(deps, c, 'GUESS_CHANGED', form.back)
    const before =
      replaced && replaced.member_id !== memberId ? [{ userId: visitor.userId, memberId: replaced.member_id }] : []
    const done = { integrationId: integration.id, userId: visitor.userId, memberId, by: 'login', replaced: before }
    deps.log.info(done, 'linked')
    return goOn(deps, c, form.back)
  })

  app.post('/link/key', checkCsrf, async (c) => {
    const form = readForm(c)
    const integration = c.get('integration')
    const { userId } = c.get('visitor')
    if (form.key === '') return fail(deps, c, 'KEY_EMPTY', form.back)
    const who = `${integration.id} ${userId}`
    const waitS = await limiter.take(who)
    if (waitS > 0) {
      c.header('Retry-After', String(waitS))
      const trouble = tell(c.get('locale'), 'link.TOO_MANY', { seconds: waitS })
      return answerLinkPage(deps, c, { status: 429, trouble, back: form.back })
    }
    const owner = await proveKey(deps.flashduty, integration, form.key).catch((error: unknown) => {
      if (error instanceof AppError) return error
      throw error
    })
    if (owner instanceof AppError) {
      const { code, kind } = owner.failure
      // Flashduty's own trouble is not the person's fault.
      if (kind !== 'permanent') await limiter.giveBack(who)
      deps.log.info({ integrationId: integration.id, userId, err: owner }, 'key-refused')
      return fail(deps, c, code, form.back)
    }
    await limiter.giveBack(who)
    const { memberId, memberName } = owner
    const taken = await deps.db.write(async (trx) => {
      if (!(await isOfCorporation(trx, integration.id, integration.corpId))) return undefined
      const nowMs = deps.clock.nowMs()
      await putMemberKey(trx, deps.box, { integrationId: integration.id, memberId, appKey: form.key }, nowMs)
      const link = {
        integration_id: integration.id,
        dingtalk_user_id: userId,
        member_id: memberId,
        member_name: memberName,
        linked_by: 'key' as const,
        linked_at: nowMs,
      }
      return takeOver(trx, link, nowMs)
    })
    if (!taken) return fail(deps, c, 'GUESS_CHANGED', form.back)
    // Two who take a member from each other again and again would have the robot use up the month's pushes.
    if (taken.told.length > 0) await limiter.take(who)
    const before = taken.replaced.map((old) => ({ userId: old.dingtalk_user_id, memberId: old.member_id }))
    deps.log.info({ integrationId: integration.id, userId, memberId, by: 'key', replaced: before }, 'linked')
    return goOn(deps, c, form.back)
  })

  // The link stays until another one takes its place.
  app.post('/link/switch', checkCsrf, (c) => {
    const { back } = readForm(c)
    return c.redirect(`${pagesOf(deps, c)}/link?return=${encodeURIComponent(back)}`, 303)
  })

  app.post('/unlink', checkCsrf, async (c) => {
    const { id } = c.get('integration')
    const { userId } = c.get('visitor')
    const undone = await deps.db.write((trx) => removeOwnLink(trx, id, userId))
    if (undone) {
      const { link, keyForgotten } = undone
      deps.log.info({ integrationId: id, userId, memberId: link.member_id, keyForgotten }, 'unlinked')
    }
    return c.redirect(`${pagesOf(deps, c)}/link?undone=${undone?.keyForgotten ? 'key' : '1'}`, 303)
  })
}

function readForm(c: Ctx): { key: string; member: string; back: string } {
  const text = (name: string): string => c.get('form')[name]?.trim() ?? ''
  return { key: text('key'), member: text('member'), back: text('return') }
}

/** To where the person came from, which is told that they are linked now. */
function goOn(deps: H5Deps, c: Ctx, back: string): Response {
  const target = new URL(returnTo(back, pagesOf(deps, c)), 'http://here')
  target.searchParams.set('linked', '1')
  return c.redirect(target.pathname + target.search, 303)
}

function fail(deps: H5Deps, c: Ctx, code: string, back: string): Promise<Response> {
  return answerLinkPage(deps, c, { status: 400, trouble: tellFailure(c.get('locale'), 'link', code), back })
}

function pagesOf(deps: H5Deps, c: Ctx): string {
  return pathOfPages(deps, c.get('integration').id)
}
