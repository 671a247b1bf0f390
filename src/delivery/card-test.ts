import type { IncidentEvent } from '../domain/event.ts'
import { EVERYTHING } from '../domain/read-delivery.ts'
import type { CardTest } from '../storage/card-tests.ts'
import { endCardTest, listOverdueCardTests } from '../storage/card-tests.ts'
import { listCardsOfIncident } from '../storage/cards.ts'
import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import type { Db } from '../storage/db.ts'
import { cancelCard } from './cancel.ts'
import type { DeliverySettings } from './settings.ts'
import type { WakeDueCards } from './wake.ts'

/** Stands for the person of a test, who needs no account at Flashduty. */
const NOBODY = 0

/** The event of a test card, for whom the database says, and for as long as the test lasts. */
export function aimAtTarget(event: IncidentEvent, test: CardTest): IncidentEvent {
  const isGroup = test.kind === 'group'
  return {
    ...event,
    delivery: {
      ...event.delivery,
      chats: isGroup ? [{ ...EVERYTHING, chatId: test.target_id }] : [],
      personIds: isGroup ? [] : [NOBODY],
      unreadableTargets: [],
      expiresAtMs: test.ended_at ?? test.ends_at,
    },
  }
}

/** DingTalk user by member, as the plan of a test needs it. */
export function linksOfTest(test: CardTest): Map<number, string> {
  return new Map(test.kind === 'person' ? [[NOBODY, test.target_id]] : [])
}

/** Closes the cards of tests whose time is over, whoever waited for them. */
export async function endOverdueTests(deps: {
  db: Db
  clock: Clock
  log: Log
  settings: Pick<DeliverySettings, 'spacingMs'>
  wakeDueCards: WakeDueCards
}): Promise<void> {
  const { db, clock, settings } = deps
  for (const test of await listOverdueCardTests(db.read, clock.nowMs())) {
    const due = await db.write(async (trx) => {
      const nowMs = clock.nowMs()
      for (const card of await listCardsOfIncident(trx, test.integration_id, test.incident_id)) {
        if (card.stage === 'absent') await cancelCard(trx, card.out_track_id, 'EXPIRED', nowMs)
      }
      return endCardTest(trx, test, { type: 'test_over', personName: '' }, settings, nowMs)
    })
    deps.log.info({ incidentId: test.incident_id }, 'card-test-over')
    await deps.wakeDueCards(due)
  }
}
