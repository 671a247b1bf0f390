import type { Clock } from '../clock.ts'
import { isHalfUsed, isScarce, monthOf, verifyAllowance, warningCrossed } from '../domain/quota.ts'
import type { Failure } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Handle } from '../storage/schema.ts'
import { countUse, listUsage, sumUsage } from '../storage/usage.ts'

export type Verification = 'routine' | 'outage'

/** The books of one corporation's month, as one integration keeps them. */
export type Quota = {
  /** Counts a call that is about to be made. Told with the claim it belongs to, so that a crash forgets none. */
  countCall(trx: Handle, api: string): Promise<void>
  /** DingTalk refused it for its rate, or never saw it: such calls cost nothing. */
  refundCall(trx: Handle, api: string): Promise<void>
  countPush(trx: Handle, topic: string): Promise<void>
  /** Whether updates that are not final have to wait. */
  isScarce(trx: Handle): Promise<boolean>
  /** Whether calls that few would miss are left out. */
  isHalfUsed(db: Handle): Promise<boolean>
  /** How many groups may still be asked about for that reason alone. */
  verifyAllowance(db: Handle, why: Verification): Promise<number>
  /** Counts one of them, or takes one back; the call itself is counted as any other. */
  countVerification(trx: Handle, why: Verification, by: 1 | -1): Promise<void>
}

export function createQuota(
  integration: { corpId: string; monthlyCalls: number; monthlyPushes: number },
  deps: { clock: Clock; log: Log },
): Quota {
  const { corpId } = integration
  /** The highest share told of each month and kind: a call that is given back may cross it again. */
  const told = new Map<string, number>()
  const limitOf = (kind: 'call' | 'push'): number =>
    kind === 'call' ? integration.monthlyCalls : integration.monthlyPushes
  const count = async (trx: Handle, kind: 'call' | 'push', api: string): Promise<void> => {
    const nowMs = deps.clock.nowMs()
    await countUse(trx, { corpId, kind, api }, nowMs)
    const limit = limitOf(kind)
    if (limit <= 0) return
    const used = await sumUsage(trx, corpId, kind, nowMs)
    const share = warningCrossed(used - 1, used, limit)
    const book = `${monthOf(nowMs)} ${kind}`
    if (share === undefined || share <= (told.get(book) ?? 0)) return
    told.set(book, share)
    deps.log[share >= 0.8 ? 'error' : 'warn']({ corpId, kind, used, limit, percent: share * 100 }, 'quota-used')
  }
  return {
    countCall: (trx, api) => count(trx, 'call', api),
    refundCall: (trx, api) => countUse(trx, { corpId, kind: 'call', api, by: -1 }, deps.clock.nowMs()),
    countPush: (trx, topic) => count(trx, 'push', topic),
    async isScarce(trx) {
      if (integration.monthlyCalls <= 0) return false
      return isScarce(await sumUsage(trx, corpId, 'call', deps.clock.nowMs()), integration.monthlyCalls)
    },
    async isHalfUsed(db) {
      if (integration.monthlyCalls <= 0) return false
      return isHalfUsed(await sumUsage(db, corpId, 'call', deps.clock.nowMs()), integration.monthlyCalls)
    },
    async verifyAllowance(db, why) {
      const limit = integration.monthlyCalls
      if (limit <= 0) return Infinity
      const nowMs = deps.clock.nowMs()
      if (isScarce(await sumUsage(db, corpId, 'call', nowMs), limit)) return 0
      const used = (await listUsage(db, corpId, nowMs)).find(({ kind, api }) => kind === 'verify' && api === why)?.count
      return verifyAllowance(why, { used: used ?? 0, limit }, nowMs)
    },
    countVerification: (trx, why, by) => countUse(trx, { corpId, kind: 'verify', api: why, by }, deps.clock.nowMs()),
  }
}

/** DingTalk does not count what it refuses for its rate, nor what never reached it or had no token to go with. */
export function costNothing(failure: Failure): boolean {
  if (failure.kind === 'retryable') return failure.code === 'NETWORK'
  return failure.kind === 'throttled' || failure.code === 'APP_CREDENTIAL_INVALID'
}
