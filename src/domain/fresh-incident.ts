import { type Incident } from './incident.ts'
import { completeIncident, readIncident } from './read-incident.ts'
import { type Ignored, Reading } from './reading/reading.ts'
import { tidyBody } from './reading/tidy.ts'
import { isObject } from './reading/values.ts'

/**
 * An incident as Flashduty's Open API tells it, by the same rules as an event's: what cannot be read is said, and stays as it
 * was known to be.
 * @param incidentId taken for its own where it names none
 * @returns undefined when it is no incident
 */
export function readToldIncident(
  raw: unknown,
  incidentId: string | undefined,
  known: (id: string) => Incident | undefined,
  nowMs: number,
): { incident: Incident; ignored: Ignored[] } | undefined {
  const reading = new Reading()
  const tidy = tidyBody(raw, reading)
  if (!isObject(tidy)) return undefined
  const read = readIncident({ ...tidy, incident_id: tidy['incident_id'] ?? incidentId }, reading.at(''), nowMs)
  if (!read) return undefined
  return { incident: completeIncident(read, known(read.incidentId)), ignored: reading.ignored }
}
