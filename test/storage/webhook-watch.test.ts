import { expect, test } from 'vitest'

import type { Db } from '../../src/storage/db.ts'
import { findGap, noteAble, shortenGap } from '../../src/storage/webhook-watch.ts'
import { useDatabase } from '../support/use-database.ts'

let db: Db
useDatabase((opened) => void (db = opened))
let next = 0
/** An integration of its own for each test, that was able at these times. */
async function able(...beats: { at: number; lost?: boolean }[]) {
  const id = `integration-${(next += 1)}`
  for (const { at, lost = false } of beats) {
    await db.write((trx) => noteAble(trx, id, { nowMs: at, silentBefore: at - 20_000, lost }))
  }
  return { id, gap: () => findGap(db.read, id) }
}

test('the first time tells of no gap, and neither do short pauses', async () => {
  expect(await (await able({ at: 1_000, lost: true }, { at: 6_000 }, { at: 26_000 })).gap()).toBeUndefined()
})

test('a long silence is a gap, and so is a short one in which something was lost', async () => {
  expect(await (await able({ at: 1_000 }, { at: 22_000 })).gap()).toEqual({ fromMs: 1_000, untilMs: 22_000 })
  expect(await (await able({ at: 1_000 }, { at: 3_000, lost: true })).gap()).toEqual({ fromMs: 1_000, untilMs: 3_000 })
})

test('gaps that were not read yet become one', async () => {
  const { gap } = await able({ at: 1_000 }, { at: 3_000, lost: true }, { at: 8_000 }, { at: 90_000 }, { at: 95_000 })
  expect(await gap()).toEqual({ fromMs: 1_000, untilMs: 90_000 })
})

test('what was read is no gap any more; what came to it meanwhile is', async () => {
  const { id, gap } = await able({ at: 1_000 }, { at: 3_000, lost: true }, { at: 8_000, lost: true })
  await db.write((trx) => shortenGap(trx, id, 3_000))
  expect(await gap()).toEqual({ fromMs: 3_000, untilMs: 8_000 })
  await db.write((trx) => shortenGap(trx, id, 8_000))
  expect(await gap()).toBeUndefined()
})

test('a clock that was put back makes no gap', async () => {
  expect(await (await able({ at: 500_000 }, { at: 1_000 }, { at: 6_000 })).gap()).toBeUndefined()
})
