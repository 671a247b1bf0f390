import type { Ack, InboundEvent } from '../domain/inbound.ts'
import { entryOfEvent } from '../domain/journal.ts'
import { enterInbox } from '../storage/inbox.ts'
import { isOfAnother } from '../storage/integrations.ts'
import { appSwitched, scopesChanged } from './app-changed.ts'
import { coolAppChanged } from './cool-app-changed.ts'
import type { EventDeps, HandleEvent } from './deps.ts'
import { groupDisbanded } from './group-disbanded.ts'
import { groupRenamed } from './group-renamed.ts'
import { groupSeen } from './group-seen.ts'
import { laterBecause } from './later.ts'
import { peopleLeft } from './people-left.ts'

/** By `eventType`, never by topic. */
const HANDLERS: Record<string, HandleEvent> = {
  chat_update_title: groupRenamed,
  chat_disband: groupDisbanded,
  im_cool_app_install: coolAppChanged('installed'),
  im_cool_app_uninstall: coolAppChanged('uninstalled'),
  user_leave_org: peopleLeft,
  inner_app_status_change: appSwitched,
  inner_app_scopes_change: scopesChanged,
}

function handlerOf(eventType: string): HandleEvent | undefined {
  if (Object.hasOwn(HANDLERS, eventType)) return HANDLERS[eventType]
  return eventType.startsWith('chat_') ? groupSeen : undefined
}

/** Pushes about groups and cool apps cost something whether or not we do anything with them; those about people are free. */
const COSTS = /^(chat|im|single_conversation)_/

/**
 * Takes in one event: its effect and its id are committed together before SUCCESS is answered, so a redelivery does
 * nothing. LATER when they could not be: DingTalk pushes it again. Never throws.
 * @param how `again` = although its id was seen before
 */
export async function takeEvent(deps: EventDeps, event: InboundEvent, how?: 'again'): Promise<Ack> {
  const ids = { eventId: event.eventId, eventType: event.eventType }
  const handle = handlerOf(event.eventType)
  // Of a namesake elsewhere: an id means somebody or something else there.
  const isForeign = event.corpId !== undefined && event.corpId !== deps.integration.corpId
  const seenAs = { source: 'event' as const, id: `${deps.integration.id}:${event.eventId}` }
  try {
    const taken = await deps.db.write(async (trx) => {
      // Nothing of a corporation that the integration was taken from: DingTalk may push it again to whoever it is of now.
      if (await isOfAnother(trx, deps.integration.id, deps.integration.corpId)) return 'former'
      const nowMs = deps.clock.nowMs()
      const isNew = await enterInbox(trx, seenAs, nowMs)
      if (COSTS.test(event.eventType)) await deps.countPush(trx, event.eventType)
      if (isNew) await deps.keep(trx, deps.integration.id, () => entryOfEvent(event), nowMs)
      if (isForeign) return 'foreign'
      if (!handle) return 'ignored'
      return isNew || how === 'again' ? handle(deps, trx, event) : 'duplicate'
    })
    if (taken === 'former') return { status: 'LATER', message: 'the integration is changing' }
    deps.watch.noteEvent(event, isForeign, deps.clock.nowMs())
    if (taken === 'foreign') {
      deps.log.warn({ ...ids, corpId: event.corpId, own: deps.integration.corpId }, 'event-foreign')
      return { status: 'SUCCESS', message: 'of another corporation' }
    }
    if (typeof taken === 'string') {
      deps.log.info(ids, `event-${taken}`)
      return { status: 'SUCCESS', message: taken }
    }
    if (taken.refreshGroup) await deps.producer.tick(deps.integration.id, 'group')
    return { status: 'SUCCESS', message: 'ok' }
  } catch (error) {
    if (!handle) {
      // Nothing would be gained by having it pushed once more.
      deps.log.info(ids, 'event-ignored')
      return { status: 'SUCCESS', message: 'ignored' }
    }
    deps.log.error({ ...ids, err: error }, 'event-not-stored')
    return laterBecause(error)
  }
}
