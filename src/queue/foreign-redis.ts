import { AppError } from '../errors.ts'
import { deadline, sleep } from '../lifecycle.ts'
import type { Log } from '../log.ts'
import { claimKey, type RedisClaim } from './redis.ts'

const PATIENCE_MS = 3_000

/** Two databases on one Redis would work off each other's alerts. Redis may also be absent yet; it is asked again. */
export async function refuseForeignRedis(prefix: string, claim: RedisClaim, log: Log): Promise<void> {
  const ours = await askFor(PATIENCE_MS, claim)
  if (ours === undefined) log.error('redis-absent')
  if (ours !== false) return
  throw new AppError(
    { kind: 'permanent', code: 'REDIS_BELONGS_TO_ANOTHER' },
    `this Redis (prefix ${prefix}) belongs to another database: set REDIS_PREFIX or REDIS_URL, or, if that database is ` +
      `gone for good, delete the key ${claimKey(prefix)}`,
  )
}

/** A process that is still starting may miss an answer that came in time. @returns undefined when there was none */
async function askFor(ms: number, claim: RedisClaim): Promise<boolean | undefined> {
  const limit = deadline(ms)
  try {
    while (!limit.signal.aborted) {
      const ours = await claim.isOurs().catch(() => undefined)
      if (ours !== undefined) return ours
      await sleep(100, limit.signal)
    }
    return undefined
  } finally {
    limit.done()
  }
}

/** @throws AppError `retryable`, which leaves the job in Redis, unless this Redis is known to be ours */
export async function leaveForeignJobs(claim: RedisClaim): Promise<void> {
  const failure = { kind: 'retryable', code: 'REDIS_BELONGS_TO_ANOTHER' } as const
  const ours = await claim.isOurs().catch((cause: unknown) => {
    throw new AppError(failure, 'Redis does not say whose it is', { cause })
  })
  if (!ours) throw new AppError(failure, 'this Redis belongs to another database')
}
