import type { Clock } from '../clock.ts'
import type { DingTalkClient } from '../dingtalk/client.ts'
import type { Audience, CardFace, DrawnCard } from '../domain/card.ts'
import type { Log } from '../log.ts'
import type { CardOfNotification } from '../storage/cards.ts'
import type { Db } from '../storage/db.ts'
import type { StoredIncident } from '../storage/incidents.ts'
import type { Quota } from './quota.ts'
import type { DeliverySettings } from './settings.ts'
import type { WakeDueCards } from './wake.ts'

export type ReconcileDeps = {
  db: Db
  clock: Clock
  log: Log
  settings: DeliverySettings
  client: DingTalkClient
  integrationId: string
  /** Whose people and groups the client speaks to: of no other corporation's cards anything is sent or noted. */
  corpId: string
  /** Pure, but given texts from outside: it is called while nothing else waits for it. */
  draw: (face: CardFace) => DrawnCard
  /** Whether a press on the card is being answered here, so that no update of it may leave. */
  isPressed: (outTrackId: string) => boolean
  /** How presses of new cards return. */
  cardCallback: Audience['callbackType']
  quota: Quota
  /** New cards a minute for one group; 0 = unlimited. */
  groupPerMinute: number
  /** Names this process in leases. */
  owner: string
  wakeDueCards: WakeDueCards
}

/** A card under this process's lease, with what it has to show. */
export type Claimed = { card: CardOfNotification; stored: StoredIncident }

/** The same with its face. */
export type Work = Claimed & { drawn: DrawnCard }
