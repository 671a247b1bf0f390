import { readToldIncident } from '../domain/fresh-incident.ts'
import type { Click } from '../storage/clicks.ts'
import type { Fresh } from '../storage/fresh-incident.ts'
import type { StoredIncident } from '../storage/incidents.ts'
import type { PerformDeps } from './deps.ts'

/**
 * The click's incident as Flashduty tells it.
 * @param seen what was stored when Flashduty was asked
 * @returns undefined when it is another incident, or none
 */
export function readFresh(
  deps: Pick<PerformDeps, 'clock' | 'log'>,
  click: Click,
  raw: unknown,
  seen: StoredIncident | undefined,
): Fresh | undefined {
  const read = readToldIncident(raw, click.incident_id, () => seen?.incident, deps.clock.nowMs())
  if (read?.incident.incident_id !== click.incident_id) return undefined
  if (read.ignored.length > 0) {
    const ids = { incidentId: click.incident_id, clickId: click.id }
    deps.log.warn({ ...ids, ignored: read.ignored }, 'incident-read-in-part')
  }
  return { incident: read.incident, seen }
}
