import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import type { Producer } from '../queue/producer.ts'
import type { Db } from '../storage/db.ts'
import { isRefreshDue, verifyOldest, verifyAll } from '../storage/groups.ts'
import { findLastHeard, recordHeard } from '../storage/last-heard.ts'
import { type LeaverDeps, lookForLeavers } from './look-for-leavers.ts'
import type { Quota } from './quota.ts'

export type KeepTrueSettings = {
  /** Pushes of a silence shorter than this come again by themselves. */
  outageMs: number
  /** Between two looks for groups that nothing has proven for `provenForMs`. */
  routineEveryMs: number
  provenForMs: number
}

export const KEEP_TRUE_SETTINGS: KeepTrueSettings = {
  outageMs: 15_000,
  routineEveryMs: 3_600_000,
  provenForMs: 86_400_000,
}

/** How often it is written down that somebody listens. */
const HEARD_EVERY_MS = 5_000

/** Keeps what is believed of one integration's groups and people true, though messages about them get lost. */
export type KeepTrue = {
  /** To be called again and again: notices that nobody was there, wants old beliefs verified, looks for leavers. */
  tend(): Promise<void>
  /**
   * Nobody listened for so long, until now. After more than a moment, every group is verified: messages about it may
   * have been lost.
   */
  afterSilence(silence: { goneMs: number }): Promise<void>
}

export function createKeepTrue(
  deps: LeaverDeps & {
    db: Db
    clock: Clock
    log: Log
    producer: Pick<Producer, 'tick' | 'countTicks'>
    quota: Pick<Quota, 'verifyAllowance'>
    /** Whether a connection is live now. */
    isHearing: () => boolean
    settings: KeepTrueSettings
  },
): KeepTrue {
  const { db, clock, log, integrationId, settings } = deps
  let heard = false
  let writtenAt = -Infinity
  let routineAt = -Infinity

  const afterSilence: KeepTrue['afterSilence'] = async ({ goneMs }) => {
    if (goneMs < settings.outageMs) return
    const nowMs = clock.nowMs()
    const groups = await db.write((trx) => verifyAll(trx, integrationId, nowMs))
    log.info({ goneMs, groups }, 'groups-to-verify')
  }

  /** The time that no process was there counts as silence too; later ones are told by whoever keeps the connections. */
  const listen = async (): Promise<void> => {
    if (!deps.isHearing()) return
    const nowMs = clock.nowMs()
    if (!heard) {
      const before = await findLastHeard(db.read, integrationId)
      if (before !== undefined) await afterSilence({ goneMs: nowMs - before })
      heard = true
    }
    if (Math.abs(nowMs - writtenAt) < HEARD_EVERY_MS) return
    await db.write((trx) => recordHeard(trx, integrationId, nowMs))
    writtenAt = nowMs
  }

  const verifySome = async (): Promise<void> => {
    const nowMs = clock.nowMs()
    if (Math.abs(nowMs - routineAt) < settings.routineEveryMs) return
    routineAt = nowMs
    const groups = await db.write(async (trx) => {
      const most = await deps.quota.verifyAllowance(trx, 'routine')
      return verifyOldest(trx, integrationId, { provenBeforeMs: nowMs - settings.provenForMs, most }, nowMs)
    })
    if (groups > 0) log.info({ groups }, 'groups-to-verify')
  }

  const wake = async (): Promise<void> => {
    if (!(await isRefreshDue(db.read, integrationId, clock.nowMs()))) return
    if ((await deps.producer.countTicks(integrationId, 'group')) === 0) await deps.producer.tick(integrationId, 'group')
  }

  return {
    afterSilence,
    async tend() {
      await listen()
      await verifySome()
      await wake()
      await lookForLeavers(deps)
    },
  }
}
