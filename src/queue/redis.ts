import { Redis } from 'ioredis'

import type { Log } from '../log.ts'

export type RedisSettings = { url: string; prefix: string }

/** For workers: waits for Redis as long as it takes. */
export function connectPatiently(settings: RedisSettings, log: Log): Redis {
  return watch(new Redis(settings.url, { maxRetriesPerRequest: null, retryStrategy: backOff }), log, 'worker')
}

/** For adding jobs: a command settles within half a second, whether or not Redis is there. */
export function connectImpatiently(settings: RedisSettings, log: Log): Redis {
  const redis = new Redis(settings.url, { maxRetriesPerRequest: 1, commandTimeout: 500, retryStrategy: backOff })
  return watch(redis, log, 'producer')
}

function backOff(attempt: number): number {
  return Math.min(100 * 2 ** Math.min(attempt, 6), 2_000)
}

/** One line when the connection is lost and one when it is back, however many errors there are between. */
function watch(redis: Redis, log: Log, role: string): Redis {
  let up: boolean | undefined
  redis.on('ready', () => {
    if (up !== true) log.info({ role, state: 'ready' }, 'redis-state')
    up = true
  })
  redis.on('error', (error: Error & { code?: string }) => {
    if (up !== false) log.error({ role, state: 'lost', code: error.code ?? error.name }, 'redis-state')
    up = false
  })
  // Not `close`, which also comes after each failed try and when it is ended on purpose.
  redis.on('reconnecting', () => {
    if (up !== true) return
    log.warn({ role, state: 'closed' }, 'redis-state')
    up = undefined
  })
  return redis
}

export type RedisClaim = {
  /** Whether this Redis is ours, as far as is known; asked of Redis when it is not. @throws when Redis does not say */
  isOurs(): Promise<boolean>
  /** Marks it as ours again if nothing marks it any more, and asks anew. @throws as `isOurs` */
  renew(): Promise<boolean>
  /** Whether the mark had to be set since this was last asked: Redis was emptied then, and every job is gone. */
  takeEmptied(): boolean
}

/**
 * Marks this Redis as belonging to one database. Queues of another installation would be worked off into the wrong groups.
 * The mark can go with everything else that Redis forgets, and after a lost connection another Redis may answer.
 */
export function createRedisClaim(redis: Redis, prefix: string, installationId: string): RedisClaim {
  const key = claimKey(prefix)
  let ours: boolean | undefined
  let emptied = false
  redis.on('close', () => (ours = undefined))
  const renew = async (): Promise<boolean> => {
    if ((await redis.setnx(key, installationId)) === 1) emptied = true
    return (ours = ((await redis.get(key)) ?? installationId) === installationId)
  }
  return {
    isOurs: async () => ours ?? renew(),
    renew,
    takeEmptied() {
      const was = emptied
      emptied = false
      return was
    },
  }
}

export function claimKey(prefix: string): string {
  return `${prefix}:flashduty-dingtalk:installation`
}
