import type { Selectable } from 'kysely'

import type { Door } from '../domain/inbound.ts'
import type { PressManner } from '../domain/press-manner.ts'
import type { TestAct, TestResult } from '../domain/test-card.ts'
import { listCardsOfIncident } from './cards.ts'
import { allowRevision } from './change-cards.ts'
import { advanceIncident, findIncident } from './incidents.ts'
import type { CardTestsTable, Handle } from './schema.ts'

export type CardTest = Selectable<CardTestsTable>

type Begun = Pick<
  CardTest,
  'incident_id' | 'integration_id' | 'kind' | 'target_id' | 'target_name' | 'started_at' | 'ends_at'
>

/** In the place of an earlier one for the same target that has ended. @returns the one that has not, if there is one */
export async function beginCardTest(trx: Handle, begun: Begun): Promise<CardTest | undefined> {
  const row = {
    ...begun,
    ended_at: null,
    pressed_at: null,
    pressed_by: null,
    door: null,
    manner: null,
    answered_at: null,
    answer_written: null,
    result: null,
  }
  const done = await trx
    .insertInto('card_tests')
    .values(row)
    .onConflict((oc) =>
      oc.columns(['integration_id', 'kind', 'target_id']).doUpdateSet(row).where('card_tests.ended_at', 'is not', null),
    )
    .executeTakeFirst()
  if ((done.numInsertedOrUpdatedRows ?? 0n) > 0n) return undefined
  return trx
    .selectFrom('card_tests')
    .selectAll()
    .where('integration_id', '=', begun.integration_id)
    .where('kind', '=', begun.kind)
    .where('target_id', '=', begun.target_id)
    .executeTakeFirst()
}

export async function findCardTest(db: Handle, incidentId: string): Promise<CardTest | undefined> {
  return db.selectFrom('card_tests').selectAll().where('incident_id', '=', incidentId).executeTakeFirst()
}

/** The last one of each target, newest first. */
export async function listCardTests(db: Handle, integrationId: string): Promise<CardTest[]> {
  return db
    .selectFrom('card_tests')
    .selectAll()
    .where('integration_id', '=', integrationId)
    .orderBy('started_at', 'desc')
    .execute()
}

/** Those whose time is over though their cards are still open. */
export async function listOverdueCardTests(db: Handle, nowMs: number): Promise<CardTest[]> {
  return db
    .selectFrom('card_tests')
    .selectAll()
    .where('ended_at', 'is', null)
    .where('ends_at', '<=', nowMs)
    .limit(100)
    .execute()
}

/** Nobody waits for it any more: its card is closed by the daemon, and where there is none it has ended by this. */
export async function stopCardTest(trx: Handle, incidentId: string, nowMs: number): Promise<void> {
  const row = trx.updateTable('card_tests').where('incident_id', '=', incidentId).where('ended_at', 'is', null)
  await row.set({ ends_at: nowMs }).execute()
  await row
    .set({ ended_at: nowMs })
    .where((eb) =>
      eb.not(eb.exists(eb.selectFrom('cards').select('out_track_id').where('cards.incident_id', '=', incidentId))),
    )
    .execute()
}

export type TestPress = { userId: string; door: Door | undefined; manner: PressManner }

/** Notes the first press that can be read; of others only as long as there was none. */
export async function noteTestPress(trx: Handle, incidentId: string, press: TestPress, nowMs: number): Promise<void> {
  await trx
    .updateTable('card_tests')
    .set({ pressed_at: nowMs, pressed_by: press.userId, door: press.door ?? null, manner: press.manner })
    .where('incident_id', '=', incidentId)
    .where('ended_at', 'is', null)
    .execute()
}

export async function noteTestAnswer(trx: Handle, incidentId: string, written: boolean, nowMs: number): Promise<void> {
  await trx
    .updateTable('card_tests')
    .set({ answered_at: nowMs, answer_written: written ? 1 : 0 })
    .where('incident_id', '=', incidentId)
    .where('answered_at', 'is', null)
    .execute()
}

export async function keepTestResult(trx: Handle, incidentId: string, result: TestResult): Promise<void> {
  await trx
    .updateTable('card_tests')
    .set({ result: JSON.stringify(result) })
    .where('incident_id', '=', incidentId)
    .execute()
}

/** Closes the incident of the test, so that its card shows no button any more. @returns the cards that are due */
export async function endCardTest(
  trx: Handle,
  test: Pick<CardTest, 'incident_id' | 'integration_id'>,
  act: { type: TestAct; personName: string },
  { spacingMs }: { spacingMs: number },
  nowMs: number,
): Promise<string[]> {
  const { incident_id: incidentId, integration_id: integrationId } = test
  await trx
    .updateTable('card_tests')
    .set({ ended_at: nowMs })
    .where('incident_id', '=', incidentId)
    .where('ended_at', 'is', null)
    .execute()
  const stored = await findIncident(trx, integrationId, incidentId)
  if (!stored || stored.incident.progress === 'Closed') return []
  const seconds = Math.floor(nowMs / 1_000)
  const { version } = stored
  const updatedAt = Math.max(seconds, version.updatedAt)
  const closed = await advanceIncident(
    trx,
    {
      integrationId,
      incident: { ...stored.incident, progress: 'Closed', close_time: seconds, updated_at: updatedAt },
      version: { updatedAt, eventTime: Math.max(nowMs, version.eventTime + 1), eventId: `${act.type}-${incidentId}` },
      lastAct: { eventType: act.type, personName: act.personName, at: seconds },
    },
    nowMs,
  )
  const cards = (await listCardsOfIncident(trx, integrationId, incidentId)).map((card) => card.out_track_id)
  await allowRevision(trx, cards, { rev: closed.rev, spacingMs, urgent: true }, nowMs)
  return cards
}
