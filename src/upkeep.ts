import type { Clock } from './clock.ts'
import type { Bridge } from './delivery/bridge.ts'
import { endOverdueTests } from './delivery/card-test.ts'
import { joinLate } from './delivery/join-late.ts'
import type { DeliverySettings } from './delivery/settings.ts'
import { sweep } from './delivery/sweep.ts'
import { wakeNotices } from './delivery/wake-notices.ts'
import type { WakeDueCards } from './delivery/wake.ts'
import type { Integrations } from './integrations.ts'
import type { Log } from './log.ts'
import type { Producer } from './queue/producer.ts'
import type { Reaper } from './queue/reaper.ts'
import type { RedisClaim } from './queue/redis.ts'
import type { Db } from './storage/db.ts'
import type { Journal } from './storage/journal.ts'

export type UpkeepDeps = {
  db: Db
  clock: Clock
  log: Log
  integrations: Integrations
  producer: Producer
  claim: RedisClaim
  reaper: Reaper
  bridge: Bridge
  journal: Journal
  wakeDueCards: WakeDueCards
  settings: DeliverySettings
  /** Pause between two sweeps. */
  sweepMs: number
}

/** What has to be looked after whether or not anything comes in. */
export type Upkeep = {
  /** Every second or so: what the administrator changed, and whether what was away is back. */
  watch(signal: AbortSignal): Promise<void>
  /** Every minute or so: takes up whatever was left lying. Never throws. */
  sweep(): Promise<void>
}

export function createUpkeep(deps: UpkeepDeps): Upkeep {
  const { db, clock, integrations, producer, claim, bridge } = deps
  const { runtimes } = integrations
  const part = (component: string): Log => deps.log.child({ component })
  const logs = { bridge: part('bridge'), delivery: part('delivery'), queue: part('queue'), storage: part('storage') }

  const sweepDue = (): Promise<void> =>
    sweep({
      db,
      clock,
      log: logs.delivery,
      producer,
      settings: deps.settings,
      everyMs: deps.sweepMs,
      isRunning: (id) => runtimes.has(id),
    })
  const trimJournal = async (): Promise<void> => {
    const { dropped, skipped } = await deps.journal.trim(db, clock.nowMs())
    if (skipped > 0) logs.storage.warn({ skipped }, 'journal-overflow')
    if (dropped > 0) logs.storage.debug({ dropped }, 'journal-trimmed')
  }
  const sweepSafely = async (): Promise<void> => {
    // An absent Redis has been reported by its connection.
    const ours = await claim.renew().catch(() => undefined)
    if (ours === false) logs.queue.error('redis-foreign')
    // Failed jobs of somebody else are theirs to judge.
    if (ours) await deps.reaper.reap().catch((error: unknown) => logs.queue.warn({ err: error }, 'reaping-failed'))
    await bridge.forward().catch((error: unknown) => logs.bridge.warn({ err: error }, 'forwarding-failed'))
    await sweepDue().catch((error: unknown) => logs.delivery.error({ err: error }, 'sweep-failed'))
    await Promise.all([...runtimes.values()].map(({ doors }) => doors.sweep()))
    await trimJournal().catch((error: unknown) => logs.storage.warn({ err: error }, 'journal-not-trimmed'))
  }

  let trouble: string | undefined
  /** @returns whether the database takes new work again */
  const watchStore = async (): Promise<boolean> => {
    const code = db.trouble()
    if (code === undefined) return false
    if (code !== trouble) logs.storage.error({ code }, 'store-refuses')
    trouble = code
    await db.probe()
    if (db.trouble() !== undefined) return false
    trouble = undefined
    logs.storage.info({ code }, 'store-takes-again')
    return true
  }
  /** Only once Redis answers: until then nothing could be made up for. */
  const jobsWereLost = async (): Promise<boolean> => {
    const answers = await claim.renew().then(
      () => true,
      () => false,
    )
    return answers && (producer.takeLoss() || claim.takeEmptied())
  }

  return {
    sweep: sweepSafely,
    async watch(signal) {
      const recovered = await watchStore()
      // One that was switched on again may have cards due since long ago.
      const started = await integrations.follow(signal)
      if (recovered || started || (await jobsWereLost())) await sweepSafely()
      else if (bridge.isBehind()) await bridge.forward().catch(() => {})
      for (const { doors } of runtimes.values()) {
        if (recovered) doors.gap('store')
        doors.tend()
      }
      await wakeNotices({ db, clock, producer, isRunning: (id) => runtimes.has(id) })
      await endOverdueTests({ db, clock, log: logs.delivery, settings: deps.settings, wakeDueCards: deps.wakeDueCards })
      await joinLate({ db, clock, log: logs.delivery, wakeDueCards: deps.wakeDueCards })
    },
  }
}
