import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import type { Producer } from '../queue/producer.ts'
import { allowRevision, listCardsOfIncident, listDueCards } from '../storage/cards.ts'
import { listDueClicks } from '../storage/clicks.ts'
import type { Db } from '../storage/db.ts'
import { listRefreshesDue } from '../storage/groups.ts'
import { trimInbox } from '../storage/inbox.ts'
import { endSnoozes } from '../storage/incidents.ts'
import type { DeliverySettings } from './settings.ts'
import { tickDueCards } from './wake.ts'

/** Seen ids are kept longer than any redelivery could take. */
const INBOX_KEPT_MS = 48 * 3_600_000

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
}): Promise<void> {
  const { db, producer } = deps
  const nowMs = deps.clock.nowMs()
  await db.write(async (trx) => {
    await trimInbox(trx, nowMs - INBOX_KEPT_MS)
    for (const ended of await endSnoozes(trx, nowMs)) {
      const cards = await listCardsOfIncident(trx, ended.integrationId, ended.incidentId)
      const live = cards.filter((card) => card.frozen === 0).map((card) => card.out_track_id)
      await allowRevision(trx, live, ended.rev, nowMs, deps.settings.spacingMs)
      deps.log.info({ incidentId: ended.incidentId }, 'snooze-over')
    }
  })

  const untilMs = nowMs + deps.everyMs
  const cards = await listDueCards(db.read, untilMs)
  const clicks = await listDueClicks(db.read, untilMs)
  const groups = await listRefreshesDue(db.read, untilMs)
  await tickDueCards(deps, cards)
  for (const click of clicks) await producer.tickClick(click.id, click.dueAt - nowMs)
  for (const group of groups) await producer.tick(group.integrationId, 'group', group.dueAt - nowMs)
  const due = cards.length + clicks.length + groups.length
  if (due > 0) deps.log.info({ cards: cards.length, clicks: clicks.length, groups: groups.length }, 'sweep')
}
