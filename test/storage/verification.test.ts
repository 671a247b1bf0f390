import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, test } from 'vitest'

import { createKeepTrue, type KeepTrue } from '../../src/delivery/truth/keep-true.ts'
import { createQuota } from '../../src/delivery/quota.ts'
import { refreshGroup } from '../../src/delivery/truth/refresh-group.ts'
import { AppError, type Failure } from '../../src/errors.ts'
import { createLog } from '../../src/log.ts'
import { type Db, openDb } from '../../src/storage/db.ts'
import { recordInstall } from '../../src/storage/group-facts.ts'
import { listGroups } from '../../src/storage/groups.ts'
import { listUsage } from '../../src/storage/usage.ts'

const HOUR = 3_600_000
const GROUPS = 40
const LIMIT = 400

let folder: string
let db: Db
let nowMs: number
let refusal: Failure | undefined
/** What DingTalk was asked, oldest first. */
let asked: string[]
let keepTrue: KeepTrue
let work: () => Promise<void>

const clock = { nowMs: () => nowMs }
const log = createLog('silent')

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flashduty-dingtalk-'))
  db = await openDb(join(folder, 'groups.db'))
  nowMs = Date.parse('2026-06-01T00:00:30+08:00')
  refusal = undefined
  asked = []
  const client = {
    clientId: 'ding1',
    async call(_method: string, _path: string, body: unknown): Promise<unknown> {
      asked.push((body as { openConversationId: string }).openConversationId)
      if (refusal) throw new AppError(refusal, 'refused')
      return { title: 'a group', status: 1 }
    },
  }
  const integration = { corpId: 'corp', monthlyCalls: LIMIT, monthlyPushes: 0 }
  const shared = {
    db,
    clock,
    log,
    integrationId: 'one',
    corpId: 'corp',
    quota: createQuota(integration, { clock, log }),
  }
  const producer = { tick: async () => {}, countTicks: async () => 0 }
  const people = { readContact: () => Promise.reject(new Error('nobody asks')) }
  const settings = { outageMs: 1_000, listenedEveryMs: 5_000, routineEveryMs: HOUR, provenForMs: 24 * HOUR }
  keepTrue = createKeepTrue({ ...shared, producer, people, isHearing: () => true, settings })
  work = () => refreshGroup({ ...shared, producer, client, coolAppCode: 'OURS' }, async () => {})
  await db.write(async (trx) => {
    for (let index = 0; index < GROUPS; index++) {
      const group = { integrationId: 'one', openConversationId: `cid${index}`, robotCode: 'r', coolAppCode: 'OURS' }
      await recordInstall(trx, { ...group, status: 'installed', operatedAt: 1 }, nowMs - 48 * HOUR)
    }
    // Their names were asked for in another month.
    await trx.updateTable('groups').set({ refresh_due_at: null, asked_at: 5, verified_at: 5 }).execute()
  })
})
afterEach(async () => {
  await db.close()
  await rm(folder, { recursive: true, force: true })
})

async function afterSilence(gap: { goneMs: number }): Promise<void> {
  keepTrue.noteSilence(gap)
  await keepTrue.tend()
}

/** Works off all that is due now. @returns how many questions it took */
async function workOff(): Promise<number> {
  const before = asked.length
  for (let ticks = 0; ticks < 3 * GROUPS; ticks++) await work().catch(() => {})
  return asked.length - before
}

async function used(kind: 'call' | 'verify'): Promise<number> {
  const rows = (await listUsage(db.read, 'corp', nowMs)).filter((row) => row.kind === kind)
  return rows.reduce((sum, { count }) => sum + count, 0)
}

test('a month of looking after groups takes at most 5 % of its calls, spread over all of it, the oldest first', async () => {
  const perDay: number[] = []
  for (let day = 1; day <= 30; day++) {
    let today = 0
    for (const hours of [1, 11, 12]) {
      await keepTrue.tend()
      today += await workOff()
      nowMs += hours * HOUR
    }
    perDay.push(today)
    expect(asked.length).toBeLessThanOrEqual(LIMIT * 0.05)
    if (day === 29) expect(await used('call')).toBe(asked.length)
  }
  expect(asked).toHaveLength(LIMIT * 0.05)
  expect(Math.max(...perDay)).toBeLessThanOrEqual(2)
  // Nobody a second time while others wait.
  expect(new Set(asked).size).toBe(asked.length)
})

test('after silences every group is asked about, but for no more than 20 %', async () => {
  for (let silence = 1; silence <= 3; silence++) {
    await afterSilence({ goneMs: 60_000 })
    await workOff()
    nowMs += 60_000
  }
  expect(asked).toHaveLength(LIMIT * 0.2)
  expect(new Set(asked).size).toBe(GROUPS)
  expect(await used('verify')).toBe(LIMIT * 0.2)
})

test('a silence of a moment is none: its pushes come again by themselves', async () => {
  await afterSilence({ goneMs: 900 })
  expect(await workOff()).toBe(0)
})

test('what DingTalk refuses for its rate is neither counted nor given up', async () => {
  refusal = { kind: 'throttled', code: 'IM_RATE_LIMITED', retryAfterMs: 1_000 }
  await afterSilence({ goneMs: 60_000 })
  await workOff()
  expect([await used('call'), await used('verify')]).toEqual([0, 0])
  refusal = undefined
  nowMs += 2_000
  expect(await workOff()).toBe(GROUPS)
})

test('once the quota is used up, one refusal is enough for a while', async () => {
  refusal = { kind: 'blocked', code: 'IM_QUOTA_EXCEEDED' }
  await afterSilence({ goneMs: 60_000 })
  expect(await workOff()).toBe(1)
  refusal = undefined
  nowMs += 10 * 60_000
  expect(await workOff()).toBe(GROUPS)
})

test('what DingTalk will not tell leaves a group alone, and is not asked again the same day', async () => {
  refusal = { kind: 'permanent', code: 'GROUP_NOT_TOLD' }
  await afterSilence({ goneMs: 60_000 })
  expect(await workOff()).toBe(GROUPS)
  nowMs += HOUR
  await keepTrue.tend()
  expect(await workOff()).toBe(0)
  for (const group of await listGroups(db.read, 'one'))
    expect(group).toMatchObject({ status: 'installed', note: 'refused' })
})
