import type { IncidentEvent } from '../../domain/event.ts'
import { AppError } from '../../errors.ts'
import type { Log } from '../../log.ts'
import { deliverJobId } from '../../queue/jobs.ts'
import { pickIntegration } from '../../storage/pick-integration.ts'
import type { Accepted, Visit } from '../accept.ts'
import { readAsk } from '../plan/ask.ts'
import { type FreshDeps, type FreshState, readFreshStates, storeFreshState } from './fresh-states.ts'
import type { Missed } from './read-missed.ts'

export type ReplayDeps = FreshDeps & {
  /** Ends it before the next incident. */
  signal: AbortSignal
  log: Log
  accept: (body: unknown, jobId: string, visit: Visit) => Promise<Accepted>
}

/**
 * Takes in webhooks that never came, after Flashduty said what their incidents are now: that is what cards show, and nobody is
 * told of what is over. Of several notifications again (reassigned, escalated) only the last one tells.
 * @throws AppError when Flashduty does not answer, or nothing can be stored; what was taken in by then is known to the inbox
 */
export async function replayMissed(deps: ReplayDeps, missed: Missed[]): Promise<{ replayed: number; untold: number }> {
  const groups = await groupByIncident(deps, missed)
  let untold = 0
  for (const [integrationId, incidents] of groups) {
    const states =
      integrationId === ''
        ? new Map<string, FreshState>()
        : await readFreshStates(deps, integrationId, [...incidents.keys()])
    for (const [incidentId, { corpId, events }] of incidents) {
      if (deps.signal.aborted) return { replayed: 0, untold }
      const fresh = states.get(incidentId)
      if (!fresh) untold += 1
      else await storeFreshState(deps, { integrationId, corpId }, fresh, newsOf(events, fresh))
      await takeIn(deps, events, fresh === undefined)
    }
  }
  for (const { body, eventId } of missed.filter(({ event }) => event === undefined)) {
    await takeInOne(deps, { body, eventId }, VISIT)
  }
  return { replayed: missed.length, untold }
}

/** Nothing brings it back for what cannot be known yet. */
const VISIT: Visit = { again: false, waitedMs: Infinity }

type MissedEvent = Missed & { event: IncidentEvent }
type OfIncident = { corpId: string; events: MissedEvent[] }

/** By integration and incident, events of each oldest first; '' = none takes them in, which is put on record. */
async function groupByIncident(deps: ReplayDeps, missed: Missed[]): Promise<Map<string, Map<string, OfIncident>>> {
  const groups = new Map<string, Map<string, OfIncident>>()
  const ordered = missed.toSorted((one, other) => one.atMs - other.atMs)
  for (const each of ordered) {
    const { event } = each
    if (!event) continue
    const { dataSourceId } = event.delivery
    const picked = dataSourceId === 'unreadable' ? undefined : await pickIntegration(deps.db.read, dataSourceId)
    const integrationId = picked?.enabled ? picked.id : ''
    const incidents = groups.get(integrationId) ?? new Map<string, OfIncident>()
    const { incident_id: incidentId } = event.incident
    const of = incidents.get(incidentId) ?? { corpId: picked?.corpId ?? '', events: [] }
    of.events.push({ ...each, event })
    groups.set(integrationId, incidents.set(incidentId, of))
  }
  return groups
}

/** Newest first, so that whoever is told again is not told for the first time besides. */
async function takeIn(deps: ReplayDeps, events: MissedEvent[], isUntold: boolean): Promise<void> {
  let toldAgain = false
  for (const { event, body, eventId, atMs } of events.toReversed()) {
    const isAgain = readAsk(event).kind === 'again'
    const quiet = isUntold || (isAgain && toldAgain)
    await takeInOne(deps, { body, eventId }, { ...VISIT, quiet, ...(atMs > 0 ? { sentAtMs: atMs } : {}) })
    toldAgain ||= isAgain
  }
}

/** The others must not wait for one that nothing can be made of. */
async function takeInOne(
  deps: ReplayDeps,
  { body, eventId }: Pick<Missed, 'body' | 'eventId'>,
  visit: Visit,
): Promise<void> {
  try {
    await deps.accept(body, deliverJobId(eventId), visit)
  } catch (error) {
    if (error instanceof AppError) throw error
    deps.log.error({ eventId, err: error }, 'webhook-not-taken-in')
  }
}

/** The line about who did it is of the last event, where that left the incident as it is now. */
function newsOf(events: MissedEvent[], { incident }: FreshState) {
  const last = events.at(-1)?.event
  const name = last?.incident.progress === incident.progress ? last.person?.name : undefined
  const at = Math.floor((last?.eventTime ?? 0) / 1_000)
  const eventType = incident.progress === 'Closed' ? 'i_rslv' : last?.eventType
  return { eventType, lastAct: last && name ? { eventType: last.eventType, personName: name, at } : undefined }
}
