import { expect, test } from 'vitest'

import { reportResults } from '../../src/delivery/report.ts'
import type { DeliverResult } from '../../src/domain/result.ts'
import { createLog } from '../../src/log.ts'
import type { Db } from '../../src/storage/db.ts'
import { addRecord } from '../../src/storage/records.ts'
import { settleRecord } from '../../src/storage/settle-records.ts'
import { openResult } from '../../src/storage/results.ts'
import { useDatabase } from '../support/use-database.ts'

let db: Db
useDatabase((opened) => (db = opened))

/** An event for a person who cannot be told and a group that is being told, with the reports Flashduty gets about it. */
async function openEvent(eventId: string) {
  let nowMs = 1_000
  const context = { rid: null, fire_type: 'fire', escalate_rule_id: null, escalate_rule_name: null, layer_idx: 0 }
  const group = { record_key: `${eventId} group`, kind: 'group', target_id: 'cid', status: 'pending' } as const
  const person = { record_key: `${eventId} person`, kind: 'person', target_id: 'wang', member_id: 3 } as const
  await db.write(async (trx) => {
    const ids = { integration_id: 'one', event_id: eventId }
    await openResult(trx, { ...ids, incident_id: 'incident', context: JSON.stringify(context) }, true, nowMs)
    await addRecord(trx, { ...ids, ...group }, nowMs)
    await addRecord(trx, { ...ids, ...person, status: 'failed', reason: 'NOT_LINKED' }, nowMs)
  })
  const told = new Map<number, DeliverResult>()
  return {
    told,
    delivered: () => db.write((trx) => settleRecord(trx, group.record_key, { status: 'success' }, nowMs)),
    /** @param answered whether the daemon lives to learn that Redis took it */
    async report(answered: boolean): Promise<void> {
      nowMs += 60_000
      await reportResults({
        db,
        clock: { nowMs: () => nowMs },
        log: createLog('silent'),
        producer: {
          async addResult(result) {
            // A job whose id is known is dropped.
            if (!told.has(result.seq)) told.set(result.seq, result as DeliverResult)
            if (!answered) throw new Error('died')
          },
        },
      })
    },
  }
}

const statuses = (report: DeliverResult | undefined) =>
  report && [...report.persons, ...report.chats].map(({ status }) => status)

test('a report that may have been told keeps its number while it says the same', async () => {
  const event = await openEvent('same')
  await event.report(false)
  await event.report(false)
  await event.report(true)
  await event.report(true)
  expect([...event.told].map(([seq, report]) => [seq, statuses(report)])).toEqual([[1, ['failed', 'pending']]])
})

test('a report that may have been told is followed by one of another number when it no longer holds', async () => {
  const event = await openEvent('changed')
  await event.report(false)
  await event.delivered()
  await event.report(true)
  expect([...event.told].map(([seq, report]) => [seq, statuses(report)])).toEqual([
    [1, ['failed', 'pending']],
    [2, ['failed', 'success']],
  ])
})
