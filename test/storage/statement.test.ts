import type { Compilable } from 'kysely'
import { expect, test } from 'vitest'

import type { Db } from '../../src/storage/db.ts'
import { enterInbox } from '../../src/storage/inbox.ts'
import { addRecord, type NewRecord } from '../../src/storage/records.ts'
import { settleDelivery } from '../../src/storage/settle-records.ts'
import type { Handle } from '../../src/storage/schema.ts'
import { statement } from '../../src/storage/statement.ts'
import { useDatabase } from '../support/use-database.ts'

let db: Db
useDatabase(async (opened) => {
  db = opened
  for (const id of ['a', 'b', 'c']) {
    await db.write((trx) => enterInbox(trx, { source: 'event', id }, 'abc'.indexOf(id)))
  }
})

type Wanted = { ids: string[]; since?: number }

/** Finds ids, and counts how often it had to be built. */
function createFind() {
  let built = 0
  const find = statement((handle, wanted: Wanted) => {
    built += 1
    const query = handle.selectFrom('inbox').select('id').where('id', 'in', wanted.ids).orderBy('id')
    return wanted.since === undefined ? query : query.where('received_at', '>=', wanted.since)
  })
  return async (wanted: Wanted) => ({ ids: (await find(db.read, wanted)).rows.map(({ id }) => id), built })
}

test('the same shape is built once, and each call has its own values', async () => {
  const find = createFind()
  expect(await find({ ids: ['a', 'b'], since: 1 })).toEqual({ ids: ['b'], built: 1 })
  expect(await find({ ids: ['c', 'x'], since: 0 })).toEqual({ ids: ['c'], built: 1 })
  expect(await find({ ids: ['b', 'a'], since: 0 })).toEqual({ ids: ['a', 'b'], built: 1 })
})

test('a longer list, or a value that is not given, is another shape', async () => {
  const find = createFind()
  expect(await find({ ids: ['a'], since: 0 })).toEqual({ ids: ['a'], built: 1 })
  expect(await find({ ids: ['a', 'b', 'c'], since: 1 })).toEqual({ ids: ['b', 'c'], built: 2 })
  expect(await find({ ids: ['a', 'b', 'c'] })).toEqual({ ids: ['a', 'b', 'c'], built: 3 })
  expect(await find({ ids: ['b'], since: 0 })).toEqual({ ids: ['b'], built: 3 })
})

test('what would be built from a value, and so hold for that value alone, is refused', async () => {
  const wrong: ((handle: Handle, values: { after: number }) => Compilable)[] = [
    (handle, { after }) =>
      handle
        .selectFrom('inbox')
        .selectAll()
        .where('received_at', '>', after + 1),
    (handle, { after }) => handle.selectFrom('inbox').selectAll().where('id', 'like', `${after}%`),
  ]
  for (const build of wrong) expect(() => statement(build)(db.read, { after: 1 })).toThrow('stand-ins')
})

test('a card that arrives settles what it shows, and nothing newer', async () => {
  const record = (key: string, fields: Partial<NewRecord>): NewRecord => ({
    record_key: key,
    kind: 'group',
    target_id: 'cid',
    status: 'pending',
    out_track_id: 'fd-1',
    ...fields,
  })
  const card = { outTrackId: 'fd-1', drawnRev: 2 }
  const space = { kind: 'group', targetId: 'cid' } as const
  await db.write(async (trx) => {
    await addRecord(trx, record('create', { effect: 'create', rev: 1, note: 'FIRST' }), 1)
    await addRecord(trx, record('shown', { effect: 'update', rev: 2 }), 1)
    await addRecord(trx, record('newer', { effect: 'update', rev: 3 }), 1)
    await addRecord(trx, record('elsewhere', { effect: 'create', rev: 1, target_id: 'other' }), 1)
    await settleDelivery(trx, card, space, { status: 'success', msgId: 'fd-1', note: 'SECOND' }, 2)
  })
  const select = db.read.selectFrom('records').select(['record_key', 'status', 'msg_id', 'note']).orderBy('record_key')
  expect(await select.execute()).toEqual([
    { record_key: 'create', status: 'success', msg_id: 'fd-1', note: 'FIRST, SECOND' },
    { record_key: 'elsewhere', status: 'pending', msg_id: null, note: null },
    { record_key: 'newer', status: 'pending', msg_id: null, note: null },
    { record_key: 'shown', status: 'updated', msg_id: null, note: null },
  ])
})
