import { recordDoubt, recordInstall, recordRobot } from '../storage/group-facts.ts'
import type { HandleEvent } from './deps.ts'
import { textOf, timeOf } from './fields.ts'
import { whichGroup } from './which-group.ts'

/**
 * `im_cool_app_install`, `im_cool_app_uninstall`: the group can, or can no longer, be reached. Of our cool app; without
 * its code or with another one it is only about a robot: added by itself, or by another cool app of the same app, whose
 * leaving changes nothing about ours.
 */
export function coolAppChanged(status: 'installed' | 'uninstalled'): HandleEvent {
  return async (deps, trx, event) => {
    const openConversationId = await whichGroup(deps, trx, event)
    if (openConversationId === undefined) return { refreshGroup: false }
    const coolAppCode = textOf(event, 'coolAppCode') ?? null
    const group = {
      integrationId: deps.integration.id,
      openConversationId,
      // The robot that came along may differ from the app's own; sends to this group must use it.
      robotCode: textOf(event, 'robotCode') ?? null,
      coolAppCode,
    }
    const at = timeOf(event, 'operateTime') || event.bornAt
    const ours = coolAppCode !== null && coolAppCode === (deps.integration.coolAppCode ?? coolAppCode)
    const nowMs = deps.clock.nowMs()
    const ids = { eventId: event.eventId, openConversationId, coolAppCode }
    if (ours) {
      const taken = await recordInstall(trx, { ...group, status, operatedAt: at }, nowMs)
      deps.log.info({ ...ids, taken }, `group-${status}`)
      return { refreshGroup: taken }
    }
    const present = status === 'installed'
    if (!present && coolAppCode !== null) {
      // Whether its robot was the one that is believed to be there, only DingTalk knows.
      await recordDoubt(trx, group, ['robot'], nowMs)
      deps.log.info(ids, 'other-cool-app-removed')
      return { refreshGroup: true }
    }
    const { taken, refreshGroup } = await recordRobot(trx, { ...group, present, at }, nowMs)
    deps.log.info({ ...ids, taken }, present ? 'robot-added' : 'robot-removed')
    return { refreshGroup }
  }
}
