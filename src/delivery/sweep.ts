import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import type { PacedApi } from '../queue/jobs.ts'
import type { Producer } from '../queue/producer.ts'
import { trimCallbacks } from '../storage/card-callbacks.ts'
import { listCardsOfIncident } from '../storage/cards.ts'
import { allowRevision } from '../storage/change-cards.ts'
import { listDueClicks } from '../storage/clicks.ts'
import { mendTimes } from '../storage/clock-mend.ts'
import type { Db } from '../storage/db.ts'
import { listDueCards } from '../storage/due-cards.ts'
import { listRefreshesDue } from '../storage/groups.ts'
import { trimInbox } from '../storage/inbox.ts'
import { endSnoozes } from '../storage/incidents.ts'
import { trimMissed } from '../storage/missed.ts'
import { listDueNotices, trimNotices } from '../storage/notices.ts'
import { trimTurns } from '../storage/turns.ts'
import { trimWantedActs } from '../storage/wanted-acts.ts'
import type { DeliverySettings } from './settings.ts'

/** Seen ids are kept longer than any redelivery could take. */
const INBOX_KEPT_MS = 48 * 3_600_000

/** Much longer than a signature of theirs counts. */
const CALLBACKS_KEPT_MS = 24 * 3_600_000

/**
 * Looks for everything that is due until the next sweep and ticks it: what a lost tick, an emptied Redis or a dead
 * process left undone is taken up here. Also ends snoozes that ran out.
 */
export async function sweep(deps: {
  db: Db
  clock: Clock
  log: Log
  producer: Producer
  settings: DeliverySettings
  everyMs: number
  /** Ticks for an integration that is switched off would lie in Redis for good. */
  isRunning: (integrationId: string) => boolean
}): Promise<void> {
  const { db, producer } = deps
  const nowMs = deps.clock.nowMs()
  await db.write(async (trx) => {
    await trimInbox(trx, nowMs - INBOX_KEPT_MS)
    await trimCallbacks(trx, nowMs - CALLBACKS_KEPT_MS)
    const mended = await mendTimes(trx, nowMs)
    if (mended > 0) deps.log.warn({ mended }, 'clock-went-back')
    await trimTurns(trx)
    await trimMissed(trx, nowMs)
    await trimNotices(trx, nowMs - INBOX_KEPT_MS)
    await trimWantedActs(trx, nowMs)
    for (const ended of await endSnoozes(trx, nowMs)) {
      const cards = await listCardsOfIncident(trx, ended.integrationId, ended.incidentId)
      const live = cards.filter((card) => card.frozen === 0).map((card) => card.out_track_id)
      await allowRevision(trx, live, { rev: ended.rev, spacingMs: deps.settings.spacingMs }, nowMs)
      deps.log.info({ incidentId: ended.incidentId }, 'snooze-over')
    }
  })

  const untilMs = nowMs + deps.everyMs
  const cards = await listDueCards(db.read, untilMs)
  const clicks = await listDueClicks(db.read, untilMs)
  const groups = await listRefreshesDue(db.read, untilMs)
  const notices = await listDueNotices(db.read, untilMs)
  const wanted = [
    ...cards,
    ...groups.map((group) => ({ ...group, api: 'group' as const })),
    ...notices.map((notice) => ({ ...notice, api: 'message' as const })),
  ]
  const ticked = await tickWithinRoom(deps, wanted, nowMs)
  for (const click of clicks) await producer.tickClick(click.id, click.dueAt - nowMs)
  const trimmed = await producer.trimResults().catch(() => 0)
  if (trimmed > 0) deps.log.warn({ trimmed }, 'results-trimmed')
  const due = cards.length + clicks.length + groups.length + notices.length
  if (due > 0) deps.log.info({ cards: cards.length, clicks: clicks.length, groups: groups.length, ticked }, 'sweep')
}

/** About what a pacer works off between two sweeps. More would only pile up in Redis while DingTalk is away. */
const MAX_TICKS = 2_000

type Due = { integrationId: string; api: PacedApi; dueAt: number }

async function tickWithinRoom(
  deps: { producer: Producer; isRunning: (integrationId: string) => boolean },
  wanted: Due[],
  nowMs: number,
): Promise<number> {
  const byPacer = new Map<string, Due[]>()
  for (const due of wanted) {
    if (!deps.isRunning(due.integrationId)) continue
    const key = `${due.integrationId} ${due.api}`
    const list = byPacer.get(key)
    if (list) list.push(due)
    else byPacer.set(key, [due])
  }
  let ticked = 0
  for (const list of byPacer.values()) {
    const [first] = list
    if (!first) continue
    const room = MAX_TICKS - (await deps.producer.countTicks(first.integrationId, first.api))
    const soonest = list.sort((a, b) => a.dueAt - b.dueAt).slice(0, Math.max(0, room))
    await Promise.all(soonest.map((due) => deps.producer.tick(due.integrationId, due.api, due.dueAt - nowMs)))
    ticked += soonest.length
  }
  return ticked
}
