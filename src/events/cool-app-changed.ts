import { recordInstall } from '../storage/groups.ts'
import type { HandleEvent } from './deps.ts'
import { textOf, timeOf } from './fields.ts'

/** `im_cool_app_install`, `im_cool_app_uninstall`: the group can, or can no longer, be reached. */
export function coolAppChanged(status: 'installed' | 'uninstalled'): HandleEvent {
  return async (deps, trx, event) => {
    const openConversationId = textOf(event, 'openConversationId')
    if (openConversationId === undefined) {
      deps.log.warn({ eventId: event.eventId, eventType: event.eventType }, 'event-without-group')
      return { refreshGroup: false }
    }
    const group = {
      integrationId: deps.integration.id,
      openConversationId,
      status,
      // The robot that came with the cool app may differ from the app's own; sends to this group must use it.
      robotCode: textOf(event, 'robotCode') ?? null,
      coolAppCode: textOf(event, 'coolAppCode') ?? null,
      operatedAt: timeOf(event, 'operateTime'),
    }
    const taken = await recordInstall(trx, group, deps.clock.nowMs())
    deps.log.info({ eventId: event.eventId, openConversationId, taken }, `group-${status}`)
    return { refreshGroup: taken && status === 'installed' }
  }
}
