import { noteApp } from '../storage/app-notes.ts'
import type { HandleEvent } from './deps.ts'
import { textOf } from './fields.ts'

/** `inner_app_status_change`: somebody switched the app off in DingTalk's console, or on again. */
export const appSwitched: HandleEvent = async (deps, trx, event) => {
  const status = textOf(event, 'status') ?? ''
  const off = /^(disable|stop|offline|close)/i.test(status)
  const app = deps.integration.name
  const note = {
    integrationId: deps.integration.id,
    kind: 'switched-off' as const,
    changedAt: event.bornAt,
    detail: status,
  }
  const taken = await noteApp(trx, { ...note, active: off })
  if (taken)
    deps.log[off ? 'error' : 'info']({ eventId: event.eventId, app, status }, off ? 'app-disabled' : 'app-enabled')
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
