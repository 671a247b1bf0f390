import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import type { Producer } from '../queue/producer.ts'
import { type DueCard, listDueAmong } from '../storage/due-cards.ts'
import type { Db } from '../storage/db.ts'

/** Ticks the pacers for those of the cards that are due, each at its time. Never fails: the sweep makes up for it. */
export type WakeDueCards = (outTrackIds: string[]) => Promise<void>

export function createWakeDueCards(deps: {
  db: Db
  clock: Clock
  log: Log
  producer: Pick<Producer, 'tick'>
}): WakeDueCards {
  return async (outTrackIds) => {
    if (outTrackIds.length === 0) return
    try {
      await tickDueCards(deps, await listDueAmong(deps.db.read, outTrackIds))
    } catch (error) {
      deps.log.warn({ err: error }, 'wake-failed')
    }
  }
}

async function tickDueCards(deps: { clock: Clock; producer: Pick<Producer, 'tick'> }, due: DueCard[]): Promise<void> {
  const nowMs = deps.clock.nowMs()
  await Promise.all(due.map((card) => deps.producer.tick(card.integrationId, card.api, card.dueAt - nowMs)))
}
