import type { Clock } from '../clock.ts'
import type { Deadlines } from '../domain/deadlines.ts'
import type { EventLoopWatch } from '../event-loop.ts'
import type { InFlight } from '../lifecycle.ts'
import type { Log } from '../log.ts'
import type { Room } from '../room.ts'
import { enterCallback, keepAnswer } from '../storage/card-callbacks.ts'
import { findCardRoute } from '../storage/card-routes.ts'
import type { Db } from '../storage/db.ts'
import { findIntegrationByCallbackKey } from '../storage/integrations.ts'
import type { SecretBox } from '../storage/secret-box.ts'
import type { CardPushDeps } from './card-push.ts'
import type { EventPushDeps } from './event-push.ts'

export type Callbacks = Omit<EventPushDeps & CardPushDeps, 'log'>

/** What the addresses that DingTalk calls work with. */
export function createCallbacks(deps: {
  db: Db
  box: SecretBox
  clock: Clock
  log: Log
  inFlight: InFlight
  /** Of an integration that runs here: its room, as this door sees it. */
  roomOf: (integrationId: string) => Room | undefined
  onRefusal: (integrationId: string) => void
  eventLoop: EventLoopWatch
  deadlines: Deadlines
}): Callbacks {
  const { db, box, clock } = deps
  return {
    nowMs: () => clock.nowMs(),
    eventLoop: deps.eventLoop,
    deadlines: deps.deadlines,
    onRefusal: deps.onRefusal,
    async findTarget(callbackKey) {
      const integration = await findIntegrationByCallbackKey(db.read, box, callbackKey)
      return integration && { integration, room: deps.roomOf(integration.id) }
    },
    findSecret: async (integrationId) => (await findCardRoute(db.read, box, integrationId))?.apiSecret,
    enter: (id, bodyHash) => db.write((trx) => enterCallback(trx, id, bodyHash, clock.nowMs())),
    keepAnswer(id, answer) {
      // Without it the same press once more is answered anew, which does nothing twice.
      const kept = db.write((trx) => keepAnswer(trx, id, answer))
      deps.inFlight.add(kept.catch((error: unknown) => deps.log.warn({ err: error }, 'card-answer-not-kept')))
    },
  }
}
