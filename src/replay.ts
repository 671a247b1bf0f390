import { ACTION_SETTINGS } from './actions/deps.ts'
import { OpenPresses } from './actions/open-presses.ts'
import { answerPress } from './actions/press.ts'
import { watchPresses } from './actions/press-watch.ts'
import type { Clock } from './clock.ts'
import { drawNow } from './delivery/draw-now.ts'
import { isNameOfCard } from './delivery/names.ts'
import { createWakeDueCards } from './delivery/wake.ts'
import { decodeButton } from './domain/button.ts'
import { newId } from './domain/ids.ts'
import { readEvent, readMessage, readObject, readPress } from './domain/inbound.ts'
import type { Integration } from './domain/integration.ts'
import { takeEvent } from './events/take-event.ts'
import { takeMessage } from './events/take-message.ts'
import type { FlashdutyClient } from './flashduty/client.ts'
import { InFlight } from './lifecycle.ts'
import type { Log } from './log.ts'
import type { Producer } from './queue/producer.ts'
import type { Db } from './storage/db.ts'
import { type JournalRow, NO_JOURNAL } from './storage/journal.ts'
import type { SecretBox } from './storage/secret-box.ts'

export type ReplayDeps = {
  db: Db
  box: SecretBox
  clock: Clock
  log: Log
  producer: Producer
  flashduty: FlashdutyClient
}

/** What was answered, as DingTalk or the presser would have got it; undefined when the value cannot be read any more. */
export type Replayed = { answered: string } | undefined

/**
 * Puts a value of the journal through the handlers that it went through when it came. It costs no push, and leaves no
 * second entry. What was carried out is not carried out again: events go by their times, presses by their revision.
 * @param how `again` = although its id was seen before
 */
export async function replayInbound(
  deps: ReplayDeps,
  integration: Integration,
  row: JournalRow,
  how?: 'again',
): Promise<Replayed> {
  const stored = readObject(row.value)
  const body = readObject(stored?.['body'])
  if (!body) return undefined
  const inFlight = new InFlight((error) => deps.log.error({ err: error }, 'background-failed'))
  const watch = watchPresses(integration, isNameOfCard)
  const shared = { ...deps, integration, keep: NO_JOURNAL, countPush: async () => {}, inFlight, watch }
  switch (row.kind) {
    case 'event': {
      const event = readEvent(body, readObject(stored?.['headers']) ?? {})
      return event && { answered: (await takeEvent(shared, event, how)).message }
    }
    case 'message': {
      const message = readMessage(body)
      if (!message) return undefined
      return { answered: (await takeMessage(shared, message, how)).message }
    }
    case 'press': {
      const press = readPress(body)
      if (!press) return undefined
      // Nobody could tell whether it was run when it came.
      if (press.ids.some(({ id }) => decodeButton(id)?.action === 'custom'))
        return { answered: 'a custom action is never run again' }
      const wakeDueCards = createWakeDueCards(deps)
      const owner = newId()
      const pressing = {
        ...shared,
        wakeDueCards,
        owner,
        settings: ACTION_SETTINGS,
        publicUrl: undefined,
        drawNow: drawNow.bind(undefined, deps.db, integration.id),
        openPresses: new OpenPresses(),
        isThrifty: async () => false,
      }
      const answer = await answerPress(pressing, press, { waitedMs: 0, onTaken: () => {} })
      answer.afterReply(false)
      await inFlight.idle()
      return { answered: answer.cardParamMap['tips'] ?? '' }
    }
  }
}
