import type { Clock } from '../../clock.ts'
import { AppError } from '../../errors.ts'
import type { Log } from '../../log.ts'
import type { Producer } from '../../queue/producer.ts'
import type { Db } from '../../storage/db.ts'
import { isRefreshDue, verifyOldest, verifyAll } from '../../storage/groups.ts'
import { findLastListened, recordListening } from '../../storage/listening.ts'
import type { Quota } from '../quota.ts'
import { type LeaverDeps, lookForLeavers } from './look-for-leavers.ts'

export type KeepTrueSettings = {
  /** Pushes of a silence shorter than this come again by themselves. */
  outageMs: number
  /** How often it is written down that somebody listens. */
  listenedEveryMs: number
  /** Between two looks for groups that nothing has proven for `provenForMs`. */
  routineEveryMs: number
  provenForMs: number
}

export const KEEP_TRUE_SETTINGS: KeepTrueSettings = {
  outageMs: 15_000,
  listenedEveryMs: 5_000,
  routineEveryMs: 3_600_000,
  provenForMs: 86_400_000,
}

/** Keeps what is believed of one integration's groups and people true, though messages about them get lost. */
export type KeepTrue = {
  /**
   * To be called every second or so: notices that nobody was there, wants old beliefs verified, looks for leavers. What
   * is still under way is not begun again. Resolves at its end, and never fails.
   */
  tend(): Promise<void>
  /**
   * Nobody listened for so long, until now. After more than a moment, every group is verified: messages about it may
   * have been lost.
   */
  noteSilence(silence: { goneMs: number }): void
  /** Waits for what is under way. */
  stop(): Promise<void>
}

export function createKeepTrue(
  deps: Omit<LeaverDeps, 'signal'> & {
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
  const stopping = new AbortController()
  let known = false
  let writtenAt = -Infinity
  let routineAt = -Infinity
  /** The longest silence whose groups are not to be verified yet. */
  let silentMs = 0
  /** Since when nothing can be stored: whatever is pushed meanwhile is refused, which DingTalk tolerates only so often. */
  let unstoredSince: number | undefined
  let tending: Promise<void> | undefined

  const noteSilence: KeepTrue['noteSilence'] = ({ goneMs }) => {
    silentMs = Math.max(silentMs, goneMs)
  }

  /** The time that no process was there counts as silence too; later ones are told by whoever keeps the connections. */
  const listen = async (): Promise<void> => {
    if (!deps.isHearing()) {
      unstoredSince = undefined
      return
    }
    const nowMs = clock.nowMs()
    if (!known) {
      noteSilence({ goneMs: nowMs - ((await findLastListened(db.read, integrationId)) ?? nowMs) })
      known = true
    }
    if (unstoredSince !== undefined) noteSilence({ goneMs: nowMs - unstoredSince })
    const goneMs = silentMs
    const isOutage = goneMs >= settings.outageMs
    if (!isOutage && Math.abs(nowMs - writtenAt) < settings.listenedEveryMs) return
    silentMs = 0
    try {
      // Together: whoever dies between the two would leave a silence that nobody knows of.
      const groups = await db.write(async (trx) => {
        await recordListening(trx, integrationId, nowMs)
        return isOutage ? verifyAll(trx, integrationId, nowMs) : undefined
      })
      if (isOutage) log.info({ goneMs, groups }, 'groups-to-verify')
    } catch (error) {
      noteSilence({ goneMs })
      unstoredSince ??= nowMs
      throw error
    }
    writtenAt = nowMs
    unstoredSince = undefined
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

  const tendAll = async (): Promise<void> => {
    try {
      await listen()
      await verifySome()
      await wake()
      await lookForLeavers({ ...deps, signal: stopping.signal })
    } catch (error) {
      // That the database takes nothing in is told elsewhere.
      if (!(error instanceof AppError)) log.error({ err: error }, 'truth-not-kept')
    }
  }

  return {
    noteSilence,
    tend() {
      if (!stopping.signal.aborted) tending ??= tendAll().finally(() => (tending = undefined))
      return tending ?? Promise.resolve()
    },
    async stop() {
      stopping.abort()
      await tending
    },
  }
}
