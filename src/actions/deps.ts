import type { Clock } from '../clock.ts'
import type { Reason } from '../domain/reasons.ts'
import type { FlashdutyClient } from '../flashduty/client.ts'
import { exactly, type InFlight, type Patience } from '../lifecycle.ts'
import type { Log } from '../log.ts'
import type { Producer } from '../queue/producer.ts'
import type { Db } from '../storage/db.ts'
import type { SecretBox } from '../storage/secret-box.ts'

export type ActionSettings = {
  /** How long after its arrival a press may take before the presser is told that it is being worked on. */
  answerBudgetMs: number
  /** Of the person who pressed. */
  patience: Patience
  /** How long one process may keep a click to itself; longer than the calls it makes can last. */
  clickLeaseMs: number
  /** Least time between the answer to a press and the update for everybody. */
  spacingMs: number
  /** Pause before the second try at Flashduty; doubles for the third, which is the last. */
  retryMs: number
  /** How long Flashduty has for the result of what it fetches from the queue, and how often it is offered anew. */
  queueAnswerMs: number
  queueLookMs: number
  /** How long an answer waits until what was pressed is kept for after the linking. */
  keepMs: number
  /** How long what an unlinked person pressed is offered. */
  wantedMs: number
}

export const ACTION_SETTINGS: ActionSettings = {
  answerBudgetMs: 1_500,
  patience: exactly,
  clickLeaseMs: 20_000,
  spacingMs: 500,
  retryMs: 1_000,
  queueAnswerMs: 600_000,
  queueLookMs: 30_000,
  keepMs: 200,
  wantedMs: 3_600_000,
}

export type PerformDeps = {
  db: Db
  box: SecretBox
  clock: Clock
  log: Log
  flashduty: FlashdutyClient
  /** Names this process in leases. */
  owner: string
  settings: ActionSettings
  producer: Pick<Producer, 'tick' | 'tickClick' | 'addAction' | 'ping'>
  wakeDueCards: (outTrackIds: string[]) => Promise<void>
  inFlight: InFlight
}

/**
 * `retrying`: Flashduty could not be reached; the click stays stored and is tried again. `waiting`: Flashduty has it in
 * its queue and will say what came of it.
 */
export type ClickOutcome =
  | { status: 'done' }
  | { status: 'failed'; reason: Reason; detail: string | undefined }
  | { status: 'retrying' }
  | { status: 'waiting' }
