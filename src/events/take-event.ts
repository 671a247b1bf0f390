import type { EventAck, InboundEvent } from '../domain/inbound.ts'
import { AppError } from '../errors.ts'
import { enterInbox } from '../storage/inbox.ts'
import { coolAppChanged } from './cool-app-changed.ts'
import type { EventDeps, HandleEvent } from './deps.ts'
import { groupRenamed } from './group-renamed.ts'

/** By `eventType`, never by topic. */
const HANDLERS: Record<string, HandleEvent> = {
  chat_update_title: groupRenamed,
  im_cool_app_install: coolAppChanged('installed'),
  im_cool_app_uninstall: coolAppChanged('uninstalled'),
}

/** Pushes about groups cost something whether or not we do anything with them; those about people are free. */
const COSTS = /^(chat|im)_/

/**
 * Takes in one event: its effect and its id are committed together before SUCCESS is answered, so a redelivery does
 * nothing. LATER when they could not be: DingTalk pushes it again. Never throws.
 */
export async function takeEvent(deps: EventDeps, event: InboundEvent): Promise<EventAck> {
  const ids = { eventId: event.eventId, eventType: event.eventType }
  const handle = Object.hasOwn(HANDLERS, event.eventType) ? HANDLERS[event.eventType] : undefined
  if (!handle) {
    deps.log.info(ids, 'event-ignored')
    if (COSTS.test(event.eventType)) {
      // Nothing would be gained by having it pushed once more.
      await deps.db.write((trx) => deps.countPush(trx, event.eventType)).catch(() => {})
    }
    return { status: 'SUCCESS', message: 'ignored' }
  }
  try {
    const taken = await deps.db.write(async (trx) => {
      const isNew = await enterInbox(
        trx,
        { source: 'event', id: `${deps.integration.id}:${event.eventId}` },
        deps.clock.nowMs(),
      )
      await deps.countPush(trx, event.eventType)
      return isNew ? handle(deps, trx, event) : 'duplicate'
    })
    if (taken === 'duplicate') {
      deps.log.info(ids, 'event-duplicate')
      return { status: 'SUCCESS', message: 'duplicate' }
    }
    if (taken.refreshGroup) await deps.producer.tick(deps.integration.id, 'group')
    return { status: 'SUCCESS', message: 'ok' }
  } catch (error) {
    deps.log.error({ ...ids, err: error }, 'event-not-stored')
    return { status: 'LATER', message: error instanceof AppError ? error.failure.code : 'internal error' }
  }
}
