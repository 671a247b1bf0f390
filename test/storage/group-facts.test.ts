import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import fc from 'fast-check'
import { beforeEach, afterAll, beforeAll, describe, expect, test } from 'vitest'

import { type Db, openDb } from '../../src/storage/db.ts'
import {
  recordDisbanded,
  recordDoubt,
  recordInstall,
  recordProof,
  recordRobot,
  recordSeen,
  recordTitle,
} from '../../src/storage/group-facts.ts'
import { type GroupAnswer, recordAnswer } from '../../src/storage/group-answers.ts'
import {
  claimGroupToRefresh,
  findGroup,
  type Group,
  scheduleRefresh,
  verifyOldest,
  verifyAll,
} from '../../src/storage/groups.ts'
import type { Handle } from '../../src/storage/schema.ts'
import { useProperties } from '../support/properties.ts'

useProperties(40)

let folder: string
let db: Db
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flashduty-dingtalk-'))
  db = await openDb(join(folder, 'groups.db'))
})
afterAll(async () => {
  await db.close()
  await rm(folder, { recursive: true, force: true })
})

const HOUR = 3_600_000
const NOW = 1_800_000_000_000
let groups = 0
/** A group that nobody has heard of. */
const freshId = () => ({ integrationId: 'one', openConversationId: `cid${++groups}` })
type Id = ReturnType<typeof freshId>

type Told =
  | { kind: 'install' | 'uninstall' | 'robot-in' | 'robot-out' | 'disband'; at: number }
  | { kind: 'title'; at: number; title: string }

async function tell(trx: Handle, id: Id, told: Told, nowMs = NOW): Promise<void> {
  const { kind, at } = told
  const codes = { robotCode: `robot@${at}`, coolAppCode: 'OURS' }
  if (kind === 'install') await recordInstall(trx, { ...id, ...codes, status: 'installed', operatedAt: at }, nowMs)
  if (kind === 'uninstall') await recordInstall(trx, { ...id, ...codes, status: 'uninstalled', operatedAt: at }, nowMs)
  const plain = { robotCode: `plain@${at}`, coolAppCode: null, at }
  if (kind === 'robot-in') await recordRobot(trx, { ...id, ...plain, present: true }, nowMs)
  if (kind === 'robot-out') await recordRobot(trx, { ...id, ...plain, present: false }, nowMs)
  if (kind === 'disband') await recordDisbanded(trx, { ...id, chatId: null, disbandedAt: at }, nowMs)
  if (kind === 'title') await recordTitle(trx, { ...id, chatId: null, title: told.title, titledAt: at }, nowMs)
}

async function afterAllOf(history: Told[]): Promise<Group | undefined> {
  const id = freshId()
  await db.write(async (trx) => {
    for (const told of history) await tell(trx, id, told)
  })
  return findGroup(db.read, id)
}

describe('what is heard of a group', () => {
  test('comes to the same in any order and however often it comes', async () => {
    const times = fc.uniqueArray(fc.nat(50), { minLength: 1, maxLength: 8 })
    const kinds = fc.constantFrom('install', 'uninstall', 'robot-in', 'robot-out', 'disband', 'title')
    const history = fc
      .tuple(times, fc.array(kinds, { minLength: 8, maxLength: 8 }))
      .map(([ats, what]) => ats.map((at, index) => ({ kind: what[index], at, title: `title@${at}` }) as Told))
    const shuffled = history.chain((told) =>
      fc.tuple(fc.constant(told), fc.shuffledSubarray([...told, ...told], { minLength: told.length * 2 })),
    )
    await fc.assert(
      fc.asyncProperty(shuffled, async ([inOrder, anyhow]) => {
        const expected = await afterAllOf([...inOrder].sort((a, b) => a.at - b.at))
        const found = await afterAllOf(anyhow)
        const facts = (group: Group | undefined) => [
          group?.status,
          group?.title,
          group?.robot_code,
          group?.disbanded_at,
        ]
        expect(facts(found)).toEqual(facts(expected))
      }),
    )
  })

  test.each<[string, Told[], string]>([
    [
      'an old install after the uninstall',
      [
        { kind: 'uninstall', at: 9 },
        { kind: 'install', at: 8 },
      ],
      'uninstalled',
    ],
    [
      'an old uninstall after the install',
      [
        { kind: 'install', at: 9 },
        { kind: 'uninstall', at: 8 },
      ],
      'installed',
    ],
    [
      'a robot before the cool app',
      [
        { kind: 'robot-in', at: 1 },
        { kind: 'install', at: 2 },
      ],
      'installed',
    ],
    [
      'a robot that stays out',
      [
        { kind: 'robot-in', at: 1 },
        { kind: 'robot-out', at: 2 },
      ],
      'uninstalled',
    ],
  ])('%s', async (_what, history, status) => {
    expect((await afterAllOf(history))?.status).toBe(status)
  })
})

describe('what DingTalk answers', () => {
  const ask = async (id: Id, answer: GroupAnswer, meanwhile: Told[] = []): Promise<Group | undefined> => {
    const asked = await findGroup(db.read, id)
    if (!asked) throw new Error('no group')
    await db.write(async (trx) => {
      for (const told of meanwhile) await tell(trx, id, told)
      await recordAnswer(trx, asked, answer, NOW, NOW)
    })
    return findGroup(db.read, id)
  }
  const known = async (...history: Told[]): Promise<Id> => {
    const id = freshId()
    await db.write(async (trx) => {
      await recordSeen(trx, { ...id, ask: true }, NOW)
      for (const told of history) await tell(trx, id, told)
    })
    return id
  }
  const scene = { kind: 'scene', title: 'new', disbanded: false, proven: { coolAppCode: 'OURS' } } as const

  test.each<[string, Told[], GroupAnswer, object]>([
    ['its name', [{ kind: 'title', at: 9, title: 'old' }], scene, { title: 'new' }],
    ['that it has the cool app, though nobody said so', [], scene, { status: 'installed', cool_app_code: 'OURS' }],
    ['that it has it again', [{ kind: 'uninstall', at: 9 }], scene, { status: 'installed' }],
    ['nothing of a cool app whose code is not known', [], { ...scene, proven: undefined }, { status: 'unknown' }],
    ['that it is no more', [{ kind: 'install', at: 9 }], { ...scene, disbanded: true }, { status: 'disbanded' }],
    [
      'that it lives',
      [
        { kind: 'install', at: 8 },
        { kind: 'disband', at: 9 },
      ],
      scene,
      { status: 'installed' },
    ],
    ['that the cool app is gone', [{ kind: 'install', at: 9 }], { kind: 'uninstalled' }, { status: 'uninstalled' }],
    [
      'that it is gone, and with it the robot that spoke there',
      [
        { kind: 'install', at: 8 },
        { kind: 'robot-in', at: 9 },
      ],
      { kind: 'uninstalled' },
      { status: 'uninstalled' },
    ],
    [
      'nothing of a robot that came by itself',
      [{ kind: 'robot-in', at: 9 }],
      { kind: 'uninstalled' },
      { status: 'robot' },
    ],
    [
      'that the robot is gone',
      [{ kind: 'robot-in', at: 9 }],
      { kind: 'robot', present: false },
      { status: 'uninstalled' },
    ],
  ])('is believed: %s', async (_what, history, answer, expected) => {
    expect(await ask(await known(...history), answer)).toMatchObject({ ...expected, asked_at: NOW, note: null })
  })

  test('is older than what came in after the question, whatever the clocks say', async () => {
    const renamed = await ask(await known({ kind: 'install', at: 1 }), scene, [
      { kind: 'title', at: 5, title: 'newest' },
    ])
    expect(renamed).toMatchObject({ title: 'newest', status: 'installed' })
    const left = await ask(await known({ kind: 'install', at: 1 }), scene, [{ kind: 'uninstall', at: 5 }])
    expect(left).toMatchObject({ status: 'uninstalled', asked_at: 0 })
  })

  test('is doubted once a message from before it says otherwise', async () => {
    const id = await known({ kind: 'install', at: NOW - HOUR })
    await ask(id, scene)
    await db.write((trx) => tell(trx, id, { kind: 'uninstall', at: NOW - 1 }, NOW + 5))
    expect(await findGroup(db.read, id)).toMatchObject({ refresh_due_at: NOW + 5, refresh_why: 'news' })
  })
})

describe('who is asked about', () => {
  beforeEach(() => db.write(async (trx) => void (await trx.deleteFrom('groups').execute())))

  const claim = () => db.write((trx) => claimGroupToRefresh(trx, 'one', NOW, NOW + 30_000))
  const clear = async (): Promise<void> => {
    for (let group = await claim(); group; group = await claim()) {
      const claimed = group
      await db.write((trx) => scheduleRefresh(trx, claimed, { dueAt: null, failures: 0 }))
    }
  }
  const dueAt = async (id: Id) => (await findGroup(db.read, id))?.refresh_due_at

  test('whoever was reached or refused against what we believed, and not again soon', async () => {
    const [reached, refused] = [freshId(), freshId()]
    await db.write(async (trx) => {
      await tell(trx, reached, { kind: 'uninstall', at: 1 }, NOW - HOUR)
      await tell(trx, refused, { kind: 'install', at: 1 }, NOW - HOUR)
    })
    await clear()
    expect([await dueAt(reached), await dueAt(refused)]).toEqual([null, null])
    const doubt = () =>
      db.write(async (trx) => {
        await recordProof(trx, 'one', [reached.openConversationId], NOW)
        await recordDoubt(trx, refused, ['installed', 'robot'], NOW)
      })
    await doubt()
    expect([await dueAt(reached), await dueAt(refused)]).toEqual([NOW, NOW])
    for (const id of [reached, refused]) {
      const asked = await findGroup(db.read, id)
      if (asked) await db.write((trx) => scheduleRefresh(trx, asked, { dueAt: null, failures: 0, askedAt: NOW - 1 }))
    }
    await doubt()
    expect([await dueAt(reached), await dueAt(refused)]).toEqual([null, null])
  })

  test('an answer does not end what has become due since it was asked for', async () => {
    const id = freshId()
    await db.write((trx) => tell(trx, id, { kind: 'install', at: 1 }))
    const claimed = await claim()
    expect(claimed?.open_conversation_id).toBe(id.openConversationId)
    await db.write((trx) => tell(trx, id, { kind: 'install', at: 2 }, NOW + 7))
    if (claimed) await db.write((trx) => scheduleRefresh(trx, claimed, { dueAt: null, failures: 0 }))
    expect(await dueAt(id)).toBe(NOW + 7)
  })

  test('after a silence all that were ever reachable; otherwise the oldest, reachable ones first', async () => {
    const ids = [1, 2, 3, 4].map(() => freshId())
    const [a, b, gone, heard] = ids as [Id, Id, Id, Id]
    await db.write(async (trx) => {
      await tell(trx, a, { kind: 'install', at: 1 }, NOW - 3 * HOUR)
      await tell(trx, b, { kind: 'install', at: 1 }, NOW - 2 * HOUR)
      await tell(trx, gone, { kind: 'uninstall', at: 1 }, NOW - 4 * HOUR)
      await recordSeen(trx, { ...heard, ask: false }, NOW - 5 * HOUR)
    })
    await clear()
    const due = async () => Promise.all(ids.map(async (id) => (await dueAt(id)) !== null))
    const older = { provenBeforeMs: NOW - HOUR }
    expect(await db.write((trx) => verifyOldest(trx, 'one', { ...older, most: 1 }, NOW))).toBe(1)
    expect(await due()).toEqual([true, false, false, false])
    expect(await db.write((trx) => verifyOldest(trx, 'one', { ...older, most: 2 }, NOW))).toBe(2)
    expect(await due()).toEqual([true, true, true, false])
    expect(await db.write((trx) => verifyOldest(trx, 'one', { ...older, most: 9 }, NOW))).toBe(1)
    expect(await due()).toEqual([true, true, true, true])
    await clear()
    expect(await db.write((trx) => verifyAll(trx, 'one', NOW))).toBe(3)
    expect(await due()).toEqual([true, true, true, false])
    expect((await claim())?.refresh_why).toBe('outage')
  })
})
