import { listIncidentsShownOpen } from '../../storage/open-cards.ts'
import { type FreshDeps, type Owner, readFreshStates, storeFreshState } from './fresh-states.ts'

const AT_ONCE = 100
/** More open cards than anybody has; the rest waits for the next time. */
const MAX_BATCHES = 100

/**
 * Closes what Flashduty shows closed and a card shows open. What Flashduty does not tell of is left as it is.
 * @throws AppError as Flashduty answers
 */
export async function compareOpenCards(
  deps: FreshDeps,
  owner: Owner,
  signal: AbortSignal,
): Promise<{ compared: number; closed: string[] }> {
  let compared = 0
  const closed: string[] = []
  let last = ''
  for (let batches = 0; batches < MAX_BATCHES && !signal.aborted; batches++) {
    const ids = await listIncidentsShownOpen(deps.db.read, owner.integrationId, last, AT_ONCE)
    for (const [incidentId, fresh] of await readFreshStates(deps, owner.integrationId, ids)) {
      if (fresh.incident.progress !== 'Closed') continue
      const isNews = await storeFreshState(deps, owner, fresh, { eventType: 'i_rslv', lastAct: undefined })
      if (isNews) closed.push(incidentId)
    }
    compared += ids.length
    last = ids.at(-1) ?? ''
    if (ids.length < AT_ONCE) break
  }
  return { compared, closed }
}
