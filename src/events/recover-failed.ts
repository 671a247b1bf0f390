import type { Clock } from '../clock.ts'
import type { Ack, InboundEvent } from '../domain/inbound.ts'
import { AppError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Db } from '../storage/db.ts'
import { isOfAnother } from '../storage/integrations.ts'
import { dropFetched, keepFetched, listFetched } from '../storage/fetched.ts'

export type RecoverySettings = {
  /** DingTalk tries a push that was refused again after 10 s and 30 s, and then parks it for 3 to 5 minutes. */
  afterRefusalMs: number
  /** Pause before the next try at fetching or taking in. */
  retryMs: number
  /** After this there is nothing left to fetch. */
  worthMs: number
}

export const RECOVERY_SETTINGS: RecoverySettings = { afterRefusalMs: 60_000, retryMs: 15_000, worthMs: 360_000 }

export type RecoverDeps = {
  db: Pick<Db, 'read' | 'write' | 'trouble'>
  clock: Clock
  log: Log
  integrationId: string
  /** Whose events are fetched. */
  corpId: string
  settings: RecoverySettings
  /** At most 200 of them, as JSON text. */
  fetchPage: () => Promise<{ events: string[]; hasMore: boolean }>
  readEvent: (payload: string) => InboundEvent | undefined
  takeEvent: (event: InboundEvent) => Promise<Ack>
}

/** Fetches events whose pushes over HTTP had failed, after a time in which they may have. */
export type Recovery = {
  /** Pushes may have failed: because nobody was there, or because they were answered LATER. */
  gap(why: 'absence' | 'refusal'): void
  /** To be called every second or so; does nothing unless there was a gap. Never throws. */
  tend(): Promise<void>
}

/** No list is longer: what was parked is gone after minutes. */
const MAX_PAGES = 50
const AT_ONCE = 200

export function createRecovery(deps: RecoverDeps): Recovery {
  const { clock, log, settings } = deps
  /** When to fetch: for a time in which nobody was there, and for the newest refusal. */
  const due = new Map<'absence' | 'refusal', { atMs: number; untilMs: number }>()
  /** A page that could not be stored: DingTalk drops it at the next call, so it comes first. */
  let unstored: string[] = []
  let pages = 0
  let waiting = true
  let retryAtMs = 0

  const fetchAll = async (): Promise<void> => {
    let added = 0
    let hasMore = true
    for (let calls = 0; calls < MAX_PAGES && hasMore; calls++) {
      if (unstored.length === 0) ({ events: unstored, hasMore } = await deps.fetchPage())
      if (unstored.length === 0) continue
      const nowMs = clock.nowMs()
      const fetched = { page: (pages += 1), payloads: unstored }
      await deps.db.write(async (trx) => {
        if (await isOfAnother(trx, deps.integrationId, deps.corpId)) return
        await keepFetched(trx, deps.integrationId, fetched, nowMs)
      })
      added += fetched.payloads.length
      unstored = []
      waiting = true
    }
    if (added > 0) log.info({ added }, 'events-recovered')
  }

  const fetchWhenDue = async (nowMs: number): Promise<void> => {
    for (const [why, { untilMs }] of due) if (nowMs >= untilMs) due.delete(why)
    const ready = [...due].filter(([, { atMs }]) => nowMs >= atMs)
    if (ready.length === 0 && unstored.length === 0) return
    await fetchAll()
    for (const [why] of ready) due.delete(why)
  }

  return {
    gap(why) {
      const atMs = clock.nowMs() + (why === 'refusal' ? settings.afterRefusalMs : 0)
      due.set(why, { atMs, untilMs: atMs + settings.worthMs })
    },
    async tend() {
      const nowMs = clock.nowMs()
      if (nowMs < retryAtMs || deps.db.trouble() !== undefined) return
      try {
        await fetchWhenDue(nowMs)
        if (waiting && (await takeInFetched(deps))) waiting = false
      } catch (error) {
        retryAtMs = nowMs + settings.retryMs
        const expected = error instanceof AppError ? error : undefined
        const isBlocked = expected?.failure.kind === 'blocked'
        // Nobody will mend it before the events are gone.
        if (isBlocked) due.clear()
        log[isBlocked ? 'error' : 'warn']({ err: error, detail: expected?.detail }, 'failed-events-unread')
      }
    },
  }
}

/** @returns whether none is left */
async function takeInFetched(deps: RecoverDeps): Promise<boolean> {
  for (;;) {
    const waiting = await listFetched(deps.db.read, deps.integrationId, AT_ONCE)
    for (const fetched of waiting) {
      const event = deps.readEvent(fetched.payload)
      if (!event) deps.log.warn({ fetchedId: fetched.id }, 'event-unreadable')
      else if ((await deps.takeEvent(event)).status === 'LATER') return false
      await deps.db.write((trx) => dropFetched(trx, fetched.id))
    }
    if (waiting.length < AT_ONCE) return true
  }
}
