import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { pino } from 'pino'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { readFailedEvent } from '../../src/dingtalk/failed-events.ts'
import { AppError } from '../../src/errors.ts'
import { createRecovery, type RecoverDeps, type Recovery } from '../../src/events/recover-failed.ts'
import { type Db, openDb } from '../../src/storage/db.ts'
import { listFetched } from '../../src/storage/fetched.ts'

const SECOND = 1_000
const START = 1_769_851_700_000

let folder: string
let db: Db
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fd-recover-'))
  db = await openDb(join(folder, 'test.db'))
})
afterEach(async () => {
  await db.close()
  await rm(folder, { recursive: true, force: true })
})

type Page = { events: string[]; hasMore: boolean }
const item = (title: string) =>
  JSON.stringify({ call_back_tag: 'chat_update_title', chat_update_title: { callbackData: { title } } })

/** DingTalk's list as pages; what is taken in, and what the database is told to refuse. */
function rig(pages: (Page | AppError)[]) {
  const state = {
    nowMs: START,
    calls: 0,
    taken: [] as unknown[],
    ack: 'SUCCESS' as 'SUCCESS' | 'LATER',
    refusing: false,
    trouble: undefined as string | undefined,
  }
  const deps: RecoverDeps = {
    db: {
      read: db.read,
      trouble: () => state.trouble,
      write: (unit) => {
        if (!state.refusing) return db.write(unit)
        return Promise.reject(new AppError({ kind: 'retryable', code: 'STORE_UNAVAILABLE' }, 'refused'))
      },
    },
    clock: { nowMs: () => state.nowMs },
    log: pino({ enabled: false }),
    integrationId: 'int',
    corpId: 'corp',
    settings: { afterRefusalMs: 60 * SECOND, retryMs: 15 * SECOND, worthMs: 360 * SECOND },
    async fetchPage() {
      state.calls += 1
      const page = pages.shift() ?? { events: [], hasMore: false }
      if (page instanceof AppError) throw page
      return page
    },
    readEvent: readFailedEvent,
    async takeEvent(event) {
      if (state.ack === 'SUCCESS') state.taken.push(event.fields['title'])
      return { status: state.ack, message: '' }
    },
  }
  const recovery: Recovery = createRecovery(deps)
  return {
    state,
    recovery,
    after: async (ms: number): Promise<void> => {
      state.nowMs += ms
      await recovery.tend()
    },
  }
}

test('without a gap nothing is asked', async () => {
  const { state, after } = rig([])
  for (let second = 0; second < 600; second++) await after(SECOND)
  expect(state.calls).toBe(0)
})

test('after an absence all pages are fetched once, and taken in in their order', async () => {
  const { state, recovery, after } = rig([
    { events: [item('c'), item('a')], hasMore: true },
    { events: [item('b')], hasMore: false },
  ])
  recovery.gap('absence')
  await after(0)
  expect([state.calls, state.taken]).toEqual([2, ['c', 'a', 'b']])
  for (let second = 0; second < 100; second++) await after(SECOND)
  expect(state.calls).toBe(2)
})

test('after a refusal the list is fetched once DingTalk has given up pushing, counted from the last one', async () => {
  const { state, recovery, after } = rig([])
  recovery.gap('refusal')
  await after(50 * SECOND)
  recovery.gap('refusal')
  await after(50 * SECOND)
  expect(state.calls).toBe(0)
  await after(10 * SECOND)
  expect(state.calls).toBe(1)
})

test('a page that could not be stored is stored before the next one is asked for', async () => {
  const { state, recovery, after } = rig([
    { events: [item('a')], hasMore: true },
    { events: [item('b')], hasMore: false },
  ])
  recovery.gap('absence')
  state.refusing = true
  await after(0)
  await after(15 * SECOND)
  expect([state.calls, state.taken]).toEqual([1, []])
  state.refusing = false
  await after(15 * SECOND)
  expect([state.calls, state.taken]).toEqual([2, ['a', 'b']])
})

test('what cannot be taken in yet stays stored, also for another process', async () => {
  const first = rig([{ events: [item('a'), item('b')], hasMore: false }])
  first.recovery.gap('absence')
  first.state.ack = 'LATER'
  await first.after(0)
  expect(first.state.taken).toEqual([])
  expect(await listFetched(db.read, 'int', 10)).toHaveLength(2)

  const second = rig([])
  await second.after(0)
  expect([second.state.calls, second.state.taken]).toEqual([0, ['a', 'b']])
  expect(await listFetched(db.read, 'int', 10)).toEqual([])
})

test('while the database takes nothing in, nothing is fetched that could be lost', async () => {
  const { state, recovery, after } = rig([{ events: [item('a')], hasMore: false }])
  recovery.gap('absence')
  state.trouble = 'SQLITE_FULL'
  await after(SECOND)
  expect(state.calls).toBe(0)
  state.trouble = undefined
  await after(SECOND)
  expect(state.taken).toEqual(['a'])
})

test('a failure is tried again until there can be nothing left; a missing permission is not', async () => {
  const busy = (): AppError => new AppError({ kind: 'retryable', code: 'IM_ERROR' }, 'busy')
  const passing = rig(Array.from({ length: 100 }, busy))
  passing.recovery.gap('absence')
  for (let second = 0; second < 1_000; second++) await passing.after(SECOND)
  expect(passing.state.calls).toBe(24)

  const blocked = rig([new AppError({ kind: 'blocked', code: 'APP_PERMISSION_MISSING' }, 'no permission')])
  blocked.recovery.gap('absence')
  for (let second = 0; second < 1_000; second++) await blocked.after(SECOND)
  expect(blocked.state.calls).toBe(1)
})
