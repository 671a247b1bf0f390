import type { Clock } from '../clock.ts'
import type { InboundEvent } from '../domain/inbound.ts'
import type { Log } from '../log.ts'
import type { Producer } from '../queue/producer.ts'
import type { Db } from '../storage/db.ts'
import type { KeepInbound } from '../storage/journal.ts'
import type { Handle } from '../storage/schema.ts'

export type EventDeps = {
  db: Db
  clock: Clock
  log: Log
  producer: Pick<Producer, 'tick'>
  integration: { id: string; name: string; corpId: string; clientId: string; coolAppCode: string | undefined }
  /** Enters the push in the month's books. */
  countPush: (trx: Handle, topic: string) => Promise<void>
  /** Told of each event, and whether it is of another corporation. */
  watch: { noteEvent(event: InboundEvent, foreign: boolean, nowMs: number): void }
  /** Enters what came in the journal. */
  keep: KeepInbound
}

/**
 * What one kind of event does, inside the transaction that also remembers its id.
 * @returns what to wake once that is committed
 */
export type HandleEvent = (deps: EventDeps, trx: Handle, event: InboundEvent) => Promise<{ refreshGroup: boolean }>
