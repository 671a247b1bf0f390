import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import Database from 'better-sqlite3'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'

import { openDb } from '../../src/storage/db.ts'
import type { Tightening } from '../../src/storage/private-files.ts'
import { loadSecretKey } from '../../src/storage/secret-box.ts'
import { runCommand } from '../support/command.ts'
import { leftBehind } from '../support/left-behind.ts'
import { bootApp, createWorld } from '../support/world.ts'

/** What the daemon writes down is for its own user, whatever the umask and whoever made it first. */

const folder = mkdtempSync(join(tmpdir(), 'flashduty-dingtalk-'))
const umask = process.umask()
let path = ''
let count = 0
beforeEach(() => {
  path = join(folder, `${count++}`, 'data', 'test.db')
})
afterEach(() => void process.umask(umask))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const modeOf = (file: string): string => (statSync(file).mode & 0o777).toString(8)
const place = (): string => join(path, '..')
const modesHere = (): Record<string, string> =>
  Object.fromEntries(readdirSync(place()).map((name) => [name, modeOf(join(place(), name))]))
const write = (file: string): void => {
  const database = new Database(file)
  database.exec('create table if not exists more (a); insert into more values (1)')
  database.close()
}

const ALL_PRIVATE = { 'test.db': '600', 'test.db-wal': '600', 'test.db-shm': '600' }

describe.each([0, 0o022, 0o077, 0o277, 0o777])('under a umask of %o', (mask) => {
  test('database, WAL and SHM are for their owner, and so is the folder', async () => {
    process.umask(mask)
    const db = await openDb(path)
    expect(modesHere()).toEqual(ALL_PRIVATE)
    expect([modeOf(place()), modeOf(join(place(), '..'))]).toEqual(['700', '700'])
    await db.close()
    expect(modesHere()).toEqual({ 'test.db': '600' })
    // SQLite makes the two anew.
    const again = await openDb(path)
    expect(modesHere()).toEqual(ALL_PRIVATE)
    await again.close()
  })

  test('so is the copy before a migration, and the key', async () => {
    mkdirSync(place(), { recursive: true })
    await leftBehind(path, '0009-people', {})
    chmodSync(path, 0o600)
    process.umask(mask)
    await (await openDb(path)).close()
    loadSecretKey(undefined, join(place(), 'secret.key'))
    expect(new Set(Object.values(modesHere()))).toEqual(new Set(['600']))
    expect(Object.keys(modesHere())).toHaveLength(3)
  })
})

describe('what others could read', () => {
  async function openTold(chmod?: (file: string, mode: number) => void): Promise<Tightening[]> {
    const told: Tightening[] = []
    const db = await openDb(path, { onTightened: (tightening) => void told.push(tightening), chmod })
    await db.close()
    return told
  }

  beforeEach(() => {
    mkdirSync(place(), { recursive: true })
    chmodSync(place(), 0o755)
    write(path)
    chmodSync(path, 0o644)
  })

  test('is tightened, told once, and the folder is left as it is', async () => {
    expect(await openTold()).toEqual([{ tightened: [{ file: path, mode: '644' }], refused: [] }])
    expect([modeOf(path), modeOf(place())]).toEqual(['600', '755'])
    expect(await openTold()).toEqual([])
  })

  test('also what SQLite left beside it, and beside what a link leads to', async () => {
    const reading = new Database(path)
    reading.pragma('journal_mode = WAL')
    reading.exec('insert into more values (2)')
    expect(modeOf(`${path}-wal`)).toBe('644')
    const real = path
    path = join(place(), 'link.db')
    symlinkSync(real, path)
    const [told] = await openTold()
    expect(told?.tightened.map(({ file }) => file)).toEqual([real, `${real}-wal`, `${real}-shm`])
    for (const file of [real, `${real}-wal`, `${real}-shm`]) expect(modeOf(file)).toBe('600')
    reading.close()
  })

  test('what its owner may not write stays so', async () => {
    const db = await openDb(path)
    chmodSync(path, 0o444)
    await db.close()
    const told: Tightening[] = []
    // Nobody but root can go on from here.
    await openDb(path, { onTightened: (tightening) => void told.push(tightening) }).then(
      (opened) => opened.close(),
      () => {},
    )
    expect(told[0]?.tightened).toEqual([{ file: path, mode: '444' }])
    expect(modeOf(path)).toBe('400')
  })

  test('where it cannot be, that is told and it is opened all the same', async () => {
    const told = await openTold(() => {
      throw new Error('EPERM: operation not permitted, chmod')
    })
    expect(told).toEqual([
      { tightened: [], refused: [{ file: path, mode: '644', why: 'EPERM: operation not permitted, chmod' }] },
    ])
    // A disk that keeps no modes says nothing.
    const [kept] = await openTold(() => {})
    expect(kept?.refused).toMatchObject([{ file: path, why: expect.stringContaining('no such modes') as string }])
  })

  test('the key too', () => {
    const file = join(place(), 'secret.key')
    const key = loadSecretKey(undefined, file)
    chmodSync(file, 0o640)
    const told: Tightening[] = []
    expect(loadSecretKey(undefined, file, (tightening) => void told.push(tightening))).toBe(key)
    expect(told).toEqual([{ tightened: [{ file, mode: '640' }], refused: [] }])
    expect(modeOf(file)).toBe('600')
  })

  test('the daemon says so in one line of its log', async () => {
    const world = await createWorld()
    chmodSync(world.config.databasePath, 0o666)
    const app = await bootApp(world)
    const said = app.lines.filter(({ msg }) => msg.startsWith('files-'))
    await app.stop()
    const files = [{ file: world.config.databasePath, mode: '666' }]
    expect(said).toMatchObject([{ level: 'warn', component: 'storage', msg: 'files-tightened', files }])
    expect(modeOf(world.config.databasePath)).toBe('600')
    await world.close()
  })

  test('a command of the CLI tightens without a word', async () => {
    const printed = await runCommand({ DATABASE_URL: `sqlite:${path}`, SECRET_KEY: '' }, ['token', 'list', '--json'])
    expect([printed.code, printed.out]).toEqual([0, '[]\n'])
    expect(modeOf(path)).toBe('600')
    expect(existsSync(join(place(), 'secret.key'))).toBe(true)
  })
})
