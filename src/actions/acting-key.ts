import type { Integration } from '../domain/integration.ts'
import type { Reason } from '../domain/reasons.ts'
import { AppError } from '../errors.ts'
import type { Click } from '../storage/clicks.ts'
import { writeUntil } from '../storage/db.ts'
import {
  claimKeyMaking,
  endKeyMaking,
  findMemberKey,
  markMemberKey,
  type MemberKey,
  putMemberKey,
} from '../storage/member-keys.ts'
import type { PerformDeps } from './deps.ts'

export type Acting = Pick<Integration, 'acting' | 'ownerKey'>

/** One that was made and does not work is made anew so often, until one has worked. */
const MAX_REMAKES = 1
const LOOK_AGAIN_MS = 100

/** What a press of a member with this key is refused for at once; undefined when it may be tried. */
export function whyNoKey(acting: Acting, key: MemberKey | undefined): Reason | undefined {
  if (acting.acting === 'queue' || key?.status === 'good' || mayBeMade(acting, key)) return undefined
  return key ? 'KEY_INVALID' : 'KEY_MISSING'
}

function mayBeMade(acting: Acting, key: MemberKey | undefined): boolean {
  if (acting.acting !== 'owner-key' || acting.ownerKey === undefined) return false
  return !key?.made || key.remakes < MAX_REMAKES
}

/**
 * The key that acts as the member; where the owner's key may, it makes one that is missing or has gone bad.
 * @throws AppError `permanent` KEY_MISSING, KEY_INVALID or MEMBER_DISABLED; `retryable` when Flashduty does not answer
 */
export async function obtainKey(deps: PerformDeps, acting: Acting, click: Click): Promise<MemberKey> {
  const find = (): Promise<MemberKey | undefined> =>
    findMemberKey(deps.db.read, deps.box, click.integration_id, click.member_id)
  for (;;) {
    const key = await find()
    if (key?.status === 'good') return key
    const reason = whyNoKey(acting, key)
    if (reason) throw new AppError({ kind: 'permanent', code: reason }, 'the member has no key that works')
    const nowMs = deps.clock.nowMs()
    const member = { integrationId: click.integration_id, memberId: click.member_id }
    const lease = { owner: deps.owner, nowMs, untilMs: click.lease_until }
    // Whoever made one meanwhile has ended its claim in the same commit, so the key is looked for after the claim.
    const mine = await deps.db.write((trx) => claimKeyMaking(trx, member, lease))
    const now = mine ? await find() : undefined
    if (mine && now?.status !== 'good') return makeKey(deps, acting, click, now)
    if (mine) await deps.db.write((trx) => endKeyMaking(trx, member.integrationId, member.memberId, deps.owner))
    else await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS))
    if (deps.clock.nowMs() >= click.lease_until) {
      throw new AppError({ kind: 'retryable', code: 'FLASHDUTY_UNAVAILABLE' }, 'somebody else is making the key')
    }
  }
}

async function makeKey(deps: PerformDeps, acting: Acting, click: Click, before: MemberKey | undefined) {
  const { integration_id: integrationId, member_id: memberId } = click
  try {
    const appKey = await deps.flashduty.createMemberKey(acting.ownerKey ?? '', memberId)
    const made = { remakes: before?.made ? before.remakes + 1 : 0 }
    await writeUntil(deps, click.lease_until, async (trx) => {
      await putMemberKey(trx, deps.box, { integrationId, memberId, appKey, made }, deps.clock.nowMs())
      await endKeyMaking(trx, integrationId, memberId, deps.owner)
    })
    deps.log.info({ integrationId, memberId, remakes: made.remakes }, 'member-key-made')
    return { appKey, status: 'good' as const, made: true, remakes: made.remakes }
  } catch (error) {
    await writeUntil(deps, click.lease_until, (trx) => endKeyMaking(trx, integrationId, memberId, deps.owner))
    throw error instanceof AppError ? asOwnersFailure(deps, error, memberId) : error
  }
}

/** What the owner's key was refused for says nothing about the member's own; nor was anything done to the incident. */
function asOwnersFailure(deps: PerformDeps, error: AppError, memberId: number): AppError {
  const { failure, message, detail } = error
  const options = { cause: error, ...(detail === undefined ? {} : { detail }) }
  if (failure.kind === 'unknown-outcome') {
    return new AppError({ kind: 'retryable', code: failure.code }, message, options)
  }
  if (failure.kind !== 'permanent') return error
  if (failure.code === 'INCIDENT_NOT_FOUND') {
    return new AppError({ kind: 'permanent', code: 'MEMBER_DISABLED' }, message, options)
  }
  // Somebody has to look at the owner's key; until then people may put keys of their own on file.
  deps.log.error({ memberId, err: error, detail }, 'owner-key-refused')
  return new AppError({ kind: 'permanent', code: 'KEY_MISSING' }, message, options)
}

/** Flashduty has refused the key. @returns whether another one may be tried at once */
export async function refuseKey(deps: PerformDeps, acting: Acting, click: Click, key: MemberKey): Promise<boolean> {
  await writeUntil(deps, click.lease_until, (trx) =>
    markMemberKey(trx, click.integration_id, click.member_id, 'bad', deps.clock.nowMs()),
  )
  return mayBeMade(acting, key)
}
