import { noteApp } from '../storage/app-notes.ts'
import type { HandleEvent } from './deps.ts'
import { textOf } from './fields.ts'

/**
 * The page shows `disable` alone, and says that the event comes for switching on, off and deleting. Only a word that means
 * nothing else is taken for one of them: `only_admins` is not on.
 */
const OFF = /^(disabled?|stop(ped)?|offline|closed?|off|deleted?|removed?|已?停用|已?删除)$/i
const ON = /^(enabled?|start(ed)?|online|open(ed)?|on|activated?|active|已?启用)$/i
const MAX_STATUS = 60

const LOGGED = {
  off: ['error', 'app-disabled'],
  on: ['info', 'app-enabled'],
  unknown: ['warn', 'app-status-unknown'],
} as const

/**
 * `inner_app_status_change`: somebody switched the app off in DingTalk's console, or on again. A value that nobody knows means
 * that somebody should look.
 */
export const appSwitched: HandleEvent = async (deps, trx, event) => {
  const status = textOf(event, 'status')?.trim() ?? ''
  const off = OFF.test(status)
  const known = off || ON.test(status)
  const app = deps.integration.name
  const note = { integrationId: deps.integration.id, changedAt: event.bornAt, detail: status.slice(0, MAX_STATUS) }
  const taken = await noteApp(trx, { ...note, kind: 'status-unknown', active: !known })
  // What nobody knows the meaning of does not switch on again what was off.
  if (known) await noteApp(trx, { ...note, kind: 'switched-off', active: off })
  if (taken) {
    const [level, message] = off ? LOGGED.off : known ? LOGGED.on : LOGGED.unknown
    deps.log[level]({ eventId: event.eventId, app, status: note.detail }, message)
  }
  return { refreshGroup: false }
}

/** `inner_app_scopes_change`: people may have fallen out of the app's visible range, and can then get nothing from it. */
export const scopesChanged: HandleEvent = async (deps, trx, event) => {
  const note = {
    integrationId: deps.integration.id,
    kind: 'scopes-changed' as const,
    changedAt: event.bornAt,
    detail: '',
  }
  const taken = await noteApp(trx, { ...note, active: true })
  if (taken) deps.log.warn({ eventId: event.eventId, app: deps.integration.name }, 'app-scopes-changed')
  return { refreshGroup: false }
}
