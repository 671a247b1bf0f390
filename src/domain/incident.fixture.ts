import type { Incident } from './incident.ts'
import { completeIncident, readIncident } from './read-incident.ts'
import { Reading } from './reading/reading.ts'

/** What an incident's body comes to when nothing was known of it before; whatever its times are. */
export function incidentOf(raw: Record<string, unknown>): Incident {
  const read = readIncident(raw, new Reading().at('incident'), Date.UTC(2090, 0))
  if (!read) throw new Error('no incident id')
  return completeIncident(read, undefined)
}
