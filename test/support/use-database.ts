import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'

import { type Db, openDb } from '../../src/storage/db.ts'

/** A database file for the tests of one file, handed over before the first of them. */
export function useDatabase(prepare: (db: Db) => unknown): void {
  let folder: string | undefined
  let db: Db | undefined
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'flashduty-dingtalk-'))
    db = await openDb(join(folder, 'test.db'))
    await prepare(db)
  })
  afterAll(async () => {
    await db?.close()
    if (folder) await rm(folder, { recursive: true, force: true })
  })
}
