import type { Clock } from '../../clock.ts'
import { readToldIncident } from '../../domain/fresh-incident.ts'
import type { Incident, LastAct } from '../../domain/incident.ts'
import type { Db } from '../../storage/db.ts'
import { storeFreshIncident } from '../../storage/fresh-incident.ts'
import { findIncident, type StoredIncident } from '../../storage/incidents.ts'
import { isOfAnother } from '../../storage/integrations.ts'
import type { DeliverySettings } from '../settings.ts'
import type { WakeDueCards } from '../wake.ts'

/** What Flashduty says an incident is now, and what was stored when it was asked. */
export type FreshState = { incident: Incident; seen: StoredIncident | undefined }

export type FreshDeps = {
  db: Db
  clock: Clock
  settings: Pick<DeliverySettings, 'spacingMs'>
  wakeDueCards: WakeDueCards
  /** At most 100 of them, by Flashduty. */
  readIncidents: (incidentIds: string[]) => Promise<unknown[]>
}

const AT_ONCE = 100

/** As Flashduty tells them; incidents that it does not tell of are left out. @throws AppError as Flashduty answers */
export async function readFreshStates(
  deps: FreshDeps,
  integrationId: string,
  incidentIds: string[],
): Promise<Map<string, FreshState>> {
  const states = new Map<string, FreshState>()
  for (let from = 0; from < incidentIds.length; from += AT_ONCE) {
    const asked = incidentIds.slice(from, from + AT_ONCE)
    const seen = new Map<string, StoredIncident>()
    for (const id of asked) {
      const stored = await findIncident(deps.db.read, integrationId, id)
      if (stored) seen.set(id, stored)
    }
    for (const raw of await deps.readIncidents(asked)) {
      const told = readToldIncident(raw, undefined, (id) => seen.get(id)?.incident, deps.clock.nowMs())
      const id = told?.incident.incident_id
      if (told && id !== undefined && asked.includes(id))
        states.set(id, { incident: told.incident, seen: seen.get(id) })
    }
  }
  return states
}

/** Whose the integration is, so that nothing read for one corporation is stored for another. */
export type Owner = { integrationId: string; corpId: string }

/** @returns whether it was news */
export async function storeFreshState(
  deps: FreshDeps,
  { integrationId, corpId }: Owner,
  fresh: FreshState,
  { eventType, lastAct }: { eventType: string | undefined; lastAct: LastAct | undefined },
): Promise<boolean> {
  const news = { eventType, lastAct: () => lastAct, urgent: false, spacingMs: deps.settings.spacingMs }
  const shown = await deps.db.write(async (trx) => {
    if (await isOfAnother(trx, integrationId, corpId)) return undefined
    return storeFreshIncident(trx, integrationId, fresh, news, deps.clock.nowMs())
  })
  if (shown) await deps.wakeDueCards(shown)
  return shown !== undefined
}
