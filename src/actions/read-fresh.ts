import { completeIncident, readIncident } from '../domain/read-incident.ts'
import { Reading } from '../domain/reading/reading.ts'
import { tidyBody } from '../domain/reading/tidy.ts'
import { isObject } from '../domain/reading/values.ts'
import type { Click } from '../storage/clicks.ts'
import type { StoredIncident } from '../storage/incidents.ts'
import type { PerformDeps } from './deps.ts'
import type { Fresh } from './store-outcome.ts'

/**
 * The click's incident as Flashduty tells it, by the same rules as an event's: what cannot be read is said, and stays as it was
 * known to be.
 * @param seen what was stored when Flashduty was asked
 * @returns undefined when it is another incident, or none
 */
export function readFresh(
  deps: Pick<PerformDeps, 'clock' | 'log'>,
  click: Click,
  raw: unknown,
  seen: StoredIncident | undefined,
): Fresh | undefined {
  const reading = new Reading()
  const tidy = tidyBody(raw, reading)
  if (!isObject(tidy)) return undefined
  const body = { ...tidy, incident_id: tidy['incident_id'] ?? click.incident_id }
  const read = readIncident(body, reading.at(''), deps.clock.nowMs())
  if (read?.incidentId !== click.incident_id) return undefined
  if (reading.count > 0) {
    const ids = { incidentId: click.incident_id, clickId: click.id }
    deps.log.warn({ ...ids, ignored: reading.ignored }, 'incident-read-in-part')
  }
  return { incident: completeIncident(read, seen?.incident), seen }
}
