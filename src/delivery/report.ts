import type { Clock } from '../clock.ts'
import { plainEventId } from '../domain/event-id.ts'
import { composeResult, isNews, noteOf, type ResultContext } from '../domain/result.ts'
import type { Log } from '../log.ts'
import type { Producer } from '../queue/producer.ts'
import type { Db } from '../storage/db.ts'
import { listRecordsOfEvent } from '../storage/records.ts'
import { beginReport, endReport, isInDoubt, listDueResults, type Result } from '../storage/results.ts'

const AT_ONCE = 200
const RETRY_MS = 5_000

/**
 * Tells Flashduty what became of the events whose records have changed. What Redis does not take is told later; a report
 * of which nobody knows whether it was told has the same job id while it says the same.
 */
export async function reportResults(deps: {
  db: Db
  clock: Clock
  log: Log
  producer: Pick<Producer, 'addResult'>
}): Promise<void> {
  for (;;) {
    const due = await listDueResults(deps.db.read, deps.clock.nowMs(), AT_ONCE)
    const told = await Promise.all(due.map((result) => report(deps, result)))
    if (due.length < AT_ONCE || told.includes('redis-down')) return
  }
}

async function report(
  deps: Parameters<typeof reportResults>[0],
  result: Result,
): Promise<'told' | 'nothing-new' | 'redis-down'> {
  const { db, clock, log } = deps
  const postponedTo = clock.nowMs() + RETRY_MS
  const report = await db.write(async (trx) => {
    const records = await listRecordsOfEvent(trx, result.integration_id, result.event_id)
    const context = JSON.parse(result.context) as ResultContext
    const body = composeResult(
      { eventId: plainEventId(result.event_id), incidentId: result.incident_id, context },
      records,
    )
    if (!body || !(isInDoubt(result) || isNews(body, result.reported))) {
      await endReport(trx, result, result.due_at)
      return undefined
    }
    const note = noteOf(body)
    const begun = await beginReport(trx, result, { note, postponedTo })
    return begun && { body, note, seq: begun.seq }
  })
  if (!report) return 'nothing-new'
  const { body, note, seq } = report
  try {
    await deps.producer.addResult({ ...body, finished_at: clock.nowMs(), seq }, result.event_id)
  } catch {
    return 'redis-down'
  }
  await db.write((trx) => endReport(trx, result, postponedTo, note))
  log.info({ incidentId: result.incident_id, eventId: result.event_id, seq }, 'result-told')
  return 'told'
}
