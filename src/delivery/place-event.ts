import type { IncidentEvent } from '../domain/event.ts'
import type { IncidentVersion, Progress } from '../domain/incident.ts'
import { completeIncident, lacksParts } from '../domain/read-incident.ts'
import { type EventVersion, versionOfEvent } from '../domain/version.ts'
import { type Arrival, keepVersion } from '../storage/inbox.ts'
import { findIncident } from '../storage/incidents.ts'
import type { Handle } from '../storage/schema.ts'

/** The event over what is known of its incident, and the version of its snapshot. */
export async function placeEvent(
  trx: Handle,
  integrationId: string,
  told: IncidentEvent,
  arrival: Arrival,
): Promise<{ event: IncidentEvent; version: EventVersion }> {
  const { reading } = told
  const versionOver = (progress: Progress, stored: IncidentVersion | undefined) => {
    const { eventType, eventTime } = told
    const own = { eventType, eventTime, eventId: arrival.eventId, updatedAt: reading.updatedAt, progress }
    return versionOfEvent(own, arrival, stored)
  }
  let incident = told.incident
  let version = versionOver(incident.progress, undefined)
  if (lacksParts(reading) || version.byArrival) {
    const known = await findIncident(trx, integrationId, reading.incidentId)
    incident = completeIncident(reading, known?.incident)
    version = versionOver(incident.progress, known?.poisoned ? undefined : known?.version)
  }
  if (arrival.version) version = { ...version, ...arrival.version }
  else if (version.byArrival) await keepVersion(trx, arrival.rowId, version)
  // A time that is not believed must not make a snooze look over.
  if (incident.updated_at !== undefined) incident = { ...incident, updated_at: version.updatedAt }
  return { event: { ...told, eventId: arrival.eventId, incident }, version }
}
