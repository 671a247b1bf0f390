import type { Clock } from '../../clock.ts'
import { fractionOf } from '../../domain/ids.ts'
import type { Integration } from '../../domain/integration.ts'
import { historyRefusal } from '../../domain/refusals.ts'
import { AppError } from '../../errors.ts'
import type { FlashdutyClient } from '../../flashduty/client.ts'
import { sleep } from '../../lifecycle.ts'
import type { Log } from '../../log.ts'
import type { Db } from '../../storage/db.ts'
import { findIntegration, listRevisions } from '../../storage/integrations.ts'
import type { SecretBox } from '../../storage/secret-box.ts'
import { mayBePosted } from '../../storage/tokens.ts'
import { findCompareAt, findGap, type Gap, noteAble, setCompareAt, shortenGap } from '../../storage/webhook-watch.ts'
import type { Accepted, Visit } from '../accept.ts'
import type { DeliverySettings } from '../settings.ts'
import type { WakeDueCards } from '../wake.ts'
import { compareOpenCards } from './compare-cards.ts'
import { readMissed } from './read-missed.ts'
import { replayMissed } from './replay-missed.ts'

export type WebhookWatchSettings = {
  /** How often it is written down that webhooks can be taken in. */
  beatMs: number
  /** A longer pause is one in which they could not. */
  silentMs: number
  /** What was pushed last may not be in the history before. */
  settleMs: number
  /** Read before and after the gap: clocks differ, and what was answered last may not have been stored. */
  marginMs: number
  /** Pause between two pages of the history: the account's other programs ask too. */
  pageEveryMs: number
  /** Pause after a failure, doubled by each further one up to `retryMaxMs`. */
  retryMs: number
  retryMaxMs: number
  /** What somebody has to put right first is looked at so often. */
  blockedMs: number
}

export const WEBHOOK_WATCH_SETTINGS: WebhookWatchSettings = {
  beatMs: 5_000,
  silentMs: 20_000,
  settleMs: 3_000,
  marginMs: 60_000,
  pageEveryMs: 200,
  retryMs: 15_000,
  retryMaxMs: 600_000,
  blockedMs: 3_600_000,
}

export type WebhookWatchDeps = {
  db: Db
  box: SecretBox
  clock: Clock
  log: Log
  flashduty: Pick<FlashdutyClient, 'readIncidents' | 'readWebhookHistory'>
  accept: (body: unknown, jobId: string, visit: Visit) => Promise<Accepted>
  wakeDueCards: WakeDueCards
  delivery: Pick<DeliverySettings, 'spacingMs'>
  /** Tells this daemon's webhook from others; undefined = missed webhooks are not looked for. */
  isOwn: ((endpoint: string) => boolean) | undefined
  /** Between two comparisons of open cards with Flashduty; 0 = never. */
  compareEveryMs: number
  settings: WebhookWatchSettings
}

/** Finds webhooks that came while nothing could be taken in, and cards that nothing told that their incident was closed. */
export type WebhookWatch = {
  /** A webhook could not be taken in; Flashduty will not send it again. */
  noteRefused(): void
  /** To be called every second or so. Waits for nothing that Flashduty is asked, and never fails. */
  tend(): Promise<void>
  /** For the operator: why Flashduty is not asked. */
  notes(): string[]
  /** Waits for what is under way. */
  stop(): Promise<void>
}

/** Flashduty keeps no more. */
const HISTORY_MS = 7 * 86_400_000

type State = {
  retryAtMs: number
  failures: number
  limit: number
  refused: string | undefined
  note: string | undefined
}

export function createWebhookWatch(deps: WebhookWatchDeps): WebhookWatch {
  const { db, clock, log, settings } = deps
  const stopping = new AbortController()
  const states = new Map<string, State>()
  /** Also of the time before this process. */
  let lost = true
  let beatAtMs = -Infinity
  let running: Promise<void> | undefined

  const stateOf = ({ id, revision }: Pick<Integration, 'id' | 'revision'>): State => {
    const key = `${id} ${revision}`
    const state = states.get(key) ?? { retryAtMs: 0, failures: 0, limit: 100, refused: undefined, note: undefined }
    if (!states.has(key)) for (const other of states.keys()) if (other.startsWith(`${id} `)) states.delete(other)
    states.set(key, state)
    return state
  }

  const beat = async (): Promise<void> => {
    const nowMs = clock.nowMs()
    if (!lost && Math.abs(nowMs - beatAtMs) < settings.beatMs) return
    const wasLost = lost
    // What is refused from here on is of the next beat.
    lost = false
    try {
      const ids = [...(await listRevisions(db.read)).keys()]
      const mayBeMissed = deps.isOwn !== undefined && (await mayBePosted(db.read))
      await db.write(async (trx) => {
        for (const id of ids) {
          await noteAble(trx, id, { nowMs, silentBefore: nowMs - settings.silentMs, lost: wasLost })
          if (!mayBeMissed) await shortenGap(trx, id, nowMs)
        }
      })
      beatAtMs = nowMs
    } catch (error) {
      lost = lost || wasLost
      throw error
    }
  }

  const forIntegration = (integration: Integration, appKey: string) => ({
    ...deps,
    settings: deps.delivery,
    signal: stopping.signal,
    readIncidents: (ids: string[]) =>
      ids.length === 0 ? Promise.resolve([]) : deps.flashduty.readIncidents(appKey, ids),
    owner: { integrationId: integration.id, corpId: integration.corpId },
  })

  const recover = async (integration: Integration, appKey: string, gap: Gap, state: State): Promise<void> => {
    const { isOwn } = deps
    if (!isOwn) return
    const nowMs = clock.nowMs()
    const time = {
      fromMs: Math.max(gap.fromMs - settings.marginMs, nowMs - HISTORY_MS),
      untilMs: gap.untilMs + settings.marginMs,
    }
    // Flashduty has forgotten it by now.
    if (time.fromMs >= time.untilMs) return db.write((trx) => shortenGap(trx, integration.id, gap.untilMs))
    const readPage = async (after: string | undefined) => {
      if (after !== undefined) await sleep(settings.pageEveryMs, stopping.signal)
      // The gap stays, and is read after the next start.
      if (stopping.signal.aborted) return { pushes: [], next: undefined }
      return deps.flashduty.readWebhookHistory(appKey, { ...time, limit: state.limit, after })
    }
    const total = { replayed: 0, untold: 0, unreadable: 0 }
    let readUntilMs = gap.fromMs
    for await (const batch of readMissed({ db, nowMs, isOwn, readPage }, gap)) {
      const done = await replayMissed(forIntegration(integration, appKey), batch.missed)
      total.replayed += done.replayed
      total.untold += done.untold
      total.unreadable += batch.unreadable
      if (stopping.signal.aborted) return
      readUntilMs = batch.readUntilMs
      await db.write((trx) => shortenGap(trx, integration.id, readUntilMs))
    }
    // What lies behind the most that is read at once is read next, unless that leads nowhere.
    if (readUntilMs <= gap.fromMs) await db.write((trx) => shortenGap(trx, integration.id, gap.untilMs))
    const times = { from: new Date(time.fromMs).toISOString(), until: new Date(readUntilMs).toISOString() }
    const level = readUntilMs < gap.untilMs || total.unreadable > 0 ? 'warn' : 'info'
    log[level]({ integrationId: integration.id, ...times, ...total }, 'missed-webhooks-replayed')
  }

  const compare = async (integration: Integration, appKey: string): Promise<void> => {
    const { id } = integration
    const handed = forIntegration(integration, appKey)
    const found = await compareOpenCards(handed, handed.owner, stopping.signal)
    const nowMs = clock.nowMs()
    const pauseMs = Math.round(deps.compareEveryMs * (0.8 + 0.4 * fractionOf(id, nowMs)))
    await db.write((trx) => setCompareAt(trx, id, nowMs + pauseMs))
    log.info({ integrationId: id, ...found }, 'open-cards-compared')
  }

  const fail = (integration: Integration, state: State, error: unknown): void => {
    const nowMs = clock.nowMs()
    const { id: integrationId, name } = integration
    if (!(error instanceof AppError)) {
      state.retryAtMs = nowMs + settings.retryMaxMs
      log.error({ integrationId, err: error }, 'webhook-watch-failed')
      return
    }
    const { kind, code } = error.failure
    if (kind === 'permanent' || kind === 'blocked') {
      const words = { zh: historyRefusal('zh-CN', code, error.detail), en: historyRefusal('en-US', code, error.detail) }
      state.retryAtMs = nowMs + settings.blockedMs
      state.note = `${name}: ${words.en}`
      // Once for each reason: nothing changes until somebody has done something about it.
      if (state.refused !== code) log.error({ integrationId, code, ...words }, 'missed-webhooks-unread')
      state.refused = code
      return
    }
    const { retryAfterMs = 0 } = error.failure as { retryAfterMs?: number }
    const pauseMs = Math.max(retryAfterMs, Math.min(settings.retryMaxMs, settings.retryMs * 2 ** state.failures))
    state.retryAtMs = nowMs + pauseMs
    state.failures = Math.min(state.failures + 1, 20)
    if (isTooLarge(error)) state.limit = Math.max(1, Math.floor(state.limit / 4))
    log.warn({ integrationId, err: error, detail: error.detail, pauseMs }, 'missed-webhooks-wait')
  }

  const lookAfter = async (id: string): Promise<void> => {
    const nowMs = clock.nowMs()
    const gap = deps.isOwn ? await findGap(db.read, id) : undefined
    const isGapDue = gap !== undefined && nowMs >= gap.untilMs + settings.settleMs
    const isCompareDue = deps.compareEveryMs > 0 && (await isToBeCompared(id, nowMs))
    if (!isGapDue && !isCompareDue) return
    const integration = await findIntegration(db.read, deps.box, id)
    if (!integration?.enabled || integration.flashdutyKey === undefined) return
    const state = stateOf(integration)
    if (nowMs < state.retryAtMs) return
    try {
      if (isGapDue) await recover(integration, integration.flashdutyKey, gap, state)
      if (isCompareDue) await compare(integration, integration.flashdutyKey)
      Object.assign(state, { failures: 0, limit: 100, refused: undefined, note: undefined })
    } catch (error) {
      fail(integration, state, error)
    }
  }

  const isToBeCompared = async (id: string, nowMs: number): Promise<boolean> => {
    const atMs = await findCompareAt(db.read, id)
    if (atMs !== undefined && atMs <= nowMs + 2 * deps.compareEveryMs) return nowMs >= atMs
    await db.write((trx) => setCompareAt(trx, id, nowMs + Math.round(deps.compareEveryMs * fractionOf(id, nowMs))))
    return false
  }

  const lookAfterAll = async (): Promise<void> => {
    const ids = [...(await listRevisions(db.read)).keys()]
    await Promise.all(ids.map((id) => lookAfter(id)))
  }

  const safely = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work()
    } catch (error) {
      // That the database takes nothing in is told elsewhere.
      if (!(error instanceof AppError)) log.error({ err: error }, 'webhook-watch-failed')
    }
  }

  return {
    noteRefused() {
      lost = true
    },
    async tend() {
      await safely(beat)
      if (!stopping.signal.aborted) running ??= safely(lookAfterAll).finally(() => (running = undefined))
    },
    notes: () => [...states.values()].flatMap(({ note }) => note ?? []),
    async stop() {
      stopping.abort()
      await running
      beatAtMs = -Infinity
      await safely(beat)
    },
  }
}

/** Of so many rows, each with a whole body: fewer of them may be read. */
function isTooLarge(error: AppError): boolean {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof AppError && cause.detail?.includes('ANSWER_TOO_LARGE')) return true
  }
  return false
}
