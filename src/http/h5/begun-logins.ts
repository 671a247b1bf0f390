import type { Context } from 'hono'
import { z } from 'zod'

import { readObject } from '../../domain/inbound.ts'
import { newSecret } from '../../storage/sessions.ts'
import { type H5Deps, pathOfPages } from './deps.ts'
import { dropOwnCookie, keepOwnCookie, readOwnCookie } from './own-cookie.ts'
import { returnTo } from './return-to.ts'
import type { H5Variables } from './visitor.ts'

type Ctx = Context<H5Variables>

/** A browser login has to come back within this. */
const LOGIN_S = 600
/** Of one browser, in as many tabs; the one that was begun first is forgotten first. */
const KEPT = 5
/** Browsers keep no cookie of more than 4,096 bytes, its name, signature and attributes included. */
const MAX_BYTES = 3_500

const Begun = z.object({ state: z.string(), back: z.string(), at: z.number() })
const Kept = z.object({ integration: z.string(), logins: z.array(Begun).max(KEPT) })
type Begun = z.infer<typeof Begun>

/** Notes in this browser that it begins a login. @returns the state to send it away with */
export async function beginLogin(deps: H5Deps, c: Ctx, back: string): Promise<string> {
  const state = newSecret()
  const nowMs = deps.clock.nowMs()
  const home = `${pathOfPages(deps, c.get('integration').id)}/`
  const begun = { state, back: sizeOf(c, [{ state, back, at: nowMs }]) > MAX_BYTES ? home : back, at: nowMs }
  const logins = [begun, ...(await readBegun(deps, c))].slice(0, KEPT)
  while (sizeOf(c, logins) > MAX_BYTES) logins.pop()
  await keep(deps, c, logins)
  return state
}

/**
 * The login that this browser has begun with that state, at this integration, not too long ago. It is forgotten, and the
 * browser's others are not.
 */
export async function endLogin(
  deps: H5Deps,
  c: Ctx,
  state: string,
): Promise<{ state: string; back: string } | undefined> {
  const logins = await readBegun(deps, c)
  const found = logins.find((begun) => deps.signer.isSigned('state', begun.state, deps.signer.sign('state', state)))
  if (!found) return undefined
  const others = logins.filter((begun) => begun !== found)
  if (others.length > 0) await keep(deps, c, others)
  else dropOwnCookie(deps, c, 'login')
  return { state: found.state, back: returnTo(found.back, pathOfPages(deps, c.get('integration').id)) }
}

async function readBegun(deps: H5Deps, c: Ctx): Promise<Begun[]> {
  const kept = Kept.safeParse(readObject((await readOwnCookie(deps, c, 'login')) ?? ''))
  if (!kept.success || kept.data.integration !== c.get('integration').id) return []
  const since = deps.clock.nowMs() - LOGIN_S * 1_000
  return kept.data.logins.filter(({ at }) => at > since)
}

async function keep(deps: H5Deps, c: Ctx, logins: Begun[]): Promise<void> {
  await keepOwnCookie(deps, c, 'login', textOf(c, logins), LOGIN_S)
}

function textOf(c: Ctx, logins: Begun[]): string {
  return JSON.stringify({ integration: c.get('integration').id, logins })
}

/** As it is written into the header. */
function sizeOf(c: Ctx, logins: Begun[]): number {
  return encodeURIComponent(textOf(c, logins)).length
}
