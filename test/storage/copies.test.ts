import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import Database from 'better-sqlite3'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'

import { type DatabaseCopy, openDb } from '../../src/storage/db.ts'
import { runCommand } from '../support/command.ts'
import { eventually } from '../support/eventually.ts'
import { leftBehind, NEWEST } from '../support/left-behind.ts'

/** Before an older database is changed it is copied beside itself. */

const folder = mkdtempSync(join(tmpdir(), 'flashduty-dingtalk-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const PEOPLE = '0009-people'
const BEFORE = '0010-pages'
const ROW = { integration_id: 'one', channel_id: 7, open_conversation_id: 'cid', created_at: 1 }

let count = 0
async function older(): Promise<string> {
  const place = join(folder, `${count++}`)
  mkdirSync(place)
  const path = join(place, 'test.db')
  await leftBehind(path, PEOPLE, { routes: [ROW] })
  return path
}

async function open(path: string, more: Parameters<typeof openDb>[1] = {}): Promise<DatabaseCopy[]> {
  const copies: DatabaseCopy[] = []
  const db = await openDb(path, { ...more, onCopied: (copy) => void copies.push(copy) })
  await db.close()
  return copies
}

function read<T>(path: string, work: (database: Database.Database) => T): T {
  const database = new Database(path)
  try {
    return work(database)
  } finally {
    database.close()
  }
}

const newestOf = (path: string) =>
  read(path, (database) => database.prepare('select max(name) from kysely_migration').pluck().get())
const routesOf = (path: string) => read(path, (database) => database.prepare('select * from routes').all())
const copiesOf = (path: string) => readdirSync(join(path, '..')).filter((name) => name.startsWith('test.db.before'))

/** Whatever the bytes: what is in it. */
function dump(path: string): unknown {
  return read(path, (database) => {
    const tables = database.prepare('select name, sql from sqlite_master order by name').all() as { name: string }[]
    const rows = tables.map(({ name }) => {
      const isTable = database.prepare(`select 1 from sqlite_master where type = 'table' and name = ?`).get(name)
      return isTable ? database.prepare(`select * from "${name}"`).all() : []
    })
    return { tables, rows }
  })
}

test('an older one is copied as it was, for its owner alone, and told', async () => {
  const path = await older()
  const was = dump(path)
  const file = `${path}.before-${BEFORE}`
  expect(await open(path)).toEqual([{ file, before: BEFORE }])
  expect(newestOf(path)).toBe(NEWEST)
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(dump(file)).toEqual(was)
  expect(read(file, (database) => database.pragma('integrity_check', { simple: true }))).toBe('ok')
  expect(copiesOf(path)).toEqual([`test.db.before-${BEFORE}`])
})

test('what lies in the log alone is part of it', async () => {
  const path = await older()
  const writing = new Database(path)
  onTestFinished(() => void writing.close())
  writing.pragma('journal_mode = WAL')
  writing.pragma('wal_autocheckpoint = 0')
  writing.prepare('insert into routes values (?, ?, ?, ?)').run('one', 8, 'only-in-the-log', 1)
  expect(readFileSync(path).includes('only-in-the-log')).toBe(false)
  const [copy] = await open(path)
  expect(routesOf(copy?.file ?? '')).toContainEqual({ ...ROW, channel_id: 8, open_conversation_id: 'only-in-the-log' })
})

test('a new one and one that is up to date are not copied', async () => {
  const path = join(folder, 'new', 'test.db')
  expect(await open(path)).toEqual([])
  expect(await open(path)).toEqual([])
  expect(copiesOf(path)).toEqual([])
})

test('an empty file and one whose making was cut short count as new', async () => {
  for (const text of ['', 'create table kysely_migration (name varchar(255) primary key, timestamp varchar(255))']) {
    const path = join(folder, `${count++}.db`)
    read(path, (database) => database.exec(text))
    expect(await open(path)).toEqual([])
  }
})

test('a file that another program made is copied too', async () => {
  const path = join(folder, 'foreign.db')
  read(path, (database) => database.exec('create table theirs (a); insert into theirs values (1)'))
  expect(await open(path)).toEqual([{ file: `${path}.before-0001-init`, before: '0001-init' }])
})

describe('a copy of that name', () => {
  test('is never overwritten', async () => {
    const path = await older()
    const first = `${path}.before-${BEFORE}`
    read(first, (database) => database.exec('create table precious (a)'))
    const was = readFileSync(first)
    mkdirSync(`${first}-2`)
    expect(await open(path)).toEqual([{ file: `${first}-3`, before: BEFORE }])
    expect(readFileSync(first)).toEqual(was)
    expect(routesOf(`${first}-3`)).toEqual([ROW])
  })

  test('that says the same is not made a second time, however often a start fails', async () => {
    const path = await older()
    read(path, (database) => database.exec('create table responders (in_the_way)'))
    const file = `${path}.before-${BEFORE}`
    for (let start = 0; start < 3; start++) await expect(open(path)).rejects.toThrow(file)
    expect(copiesOf(path)).toEqual([`test.db.before-${BEFORE}`])
    read(path, (database) => database.exec('insert into responders values (1)'))
    await expect(open(path)).rejects.toThrow(`${file}-2`)
  })
})

test('a migration that fails leaves both as they were and names the copy', async () => {
  const path = await older()
  // The second of those that are to come fails.
  read(path, (database) => database.exec('create table responders (in_the_way)'))
  const was = dump(path)
  const file = `${path}.before-${BEFORE}`
  await expect(open(path)).rejects.toMatchObject({
    failure: { kind: 'permanent', code: 'DATABASE_NOT_MIGRATED' },
    message: expect.stringContaining(file) as string,
  })
  expect(dump(path)).toEqual(was)
  expect(dump(file)).toEqual(was)
})

describe('where it cannot be copied', () => {
  test('for want of room nothing is changed, and the need is named', async () => {
    const path = await older()
    const was = dump(path)
    const needed = statSync(path).size
    const asked: string[] = []
    const freeBytes = (place: string) => asked.push(place) && needed - 1
    await expect(open(path, { freeBytes })).rejects.toMatchObject({
      failure: { kind: 'permanent', code: 'DATABASE_COPY_FAILED' },
      message: expect.stringMatching(
        new RegExp(`${path} .*${needed} bytes .*make room in ${join(path, '..')}`),
      ) as string,
    })
    expect(asked).toEqual([join(path, '..')])
    expect(dump(path)).toEqual(was)
    expect(copiesOf(path)).toEqual([])
    expect(await open(path, { freeBytes: () => needed })).toHaveLength(1)
  })

  test('because something is in its way', async () => {
    const path = await older()
    const was = dump(path)
    mkdirSync(join(`${path}.before.partial`, 'full'), { recursive: true })
    await expect(open(path)).rejects.toMatchObject({ failure: { kind: 'permanent', code: 'DATABASE_COPY_FAILED' } })
    expect(dump(path)).toEqual(was)
    expect(copiesOf(path)).toEqual(['test.db.before.partial'])
  })

  test('half a copy that a death left is no hindrance', async () => {
    const path = await older()
    read(`${path}.before.partial`, (database) => database.exec('create table half (a)'))
    chmodSync(`${path}.before.partial`, 0o644)
    const [copy] = await open(path)
    expect(statSync(copy?.file ?? '').mode & 0o777).toBe(0o600)
    expect(routesOf(copy?.file ?? '')).toEqual([ROW])
    expect(copiesOf(path)).toHaveLength(1)
  })
})

test('several that open it at once make one copy', async () => {
  const path = await older()
  const all = await Promise.all([1, 2, 3].map(() => open(path)))
  expect(all.flat()).toHaveLength(1)
  expect(newestOf(path)).toBe(NEWEST)
  expect(copiesOf(path)).toEqual([`test.db.before-${BEFORE}`])
})

test('so do several processes, and the one that made it says so beside its table', async () => {
  const path = await older()
  const env = { DATABASE_URL: `sqlite:${path}`, SECRET_KEY: '' }
  const printed = await Promise.all([1, 2].map(() => runCommand(env, ['routes', 'list', '--json'])))
  for (const { code, out } of printed) {
    expect(code).toBe(0)
    expect(JSON.parse(out)).toHaveLength(1)
  }
  const told = printed.map(({ err }) => err).join('')
  expect(told).toBe(`The database was copied to ${path}.before-${BEFORE} before ${BEFORE} changes it.\n`)
})

test('whoever comes while it is changed waits for it, and finds nothing left to do', async () => {
  const path = await older()
  const held = new Database(path)
  held.pragma('journal_mode = WAL')
  held.exec('begin immediate')
  let opened = false
  const opening = open(path).then((copies) => {
    opened = true
    return copies
  })
  await eventually('it has begun to wait', () => existsSync(`${path}-shm`))
  held.exec('insert into routes select integration_id, 9, open_conversation_id, 1 from routes')
  expect(opened).toBe(false)
  held.exec('commit')
  held.close()
  const [copy] = await opening
  expect(routesOf(copy?.file ?? '')).toHaveLength(2)
})

test('the newest three are kept, and nothing else is touched', async () => {
  const path = await older()
  const place = join(path, '..')
  const names = ['0003-card-content', '0005-load', '0005-load-2', '0008-journal']
  for (const [age, name] of names.entries()) {
    read(`${path}.before-${name}`, (database) => database.exec('create table a (b)'))
    utimesSync(`${path}.before-${name}`, 1_000 + age, 1_000 + age)
  }
  const others = [
    'test.db.before-the-move',
    'test.db.before-0008-journal-wal',
    'other.db.before-0001-init',
    'test.db.bak',
  ]
  for (const name of others) read(join(place, name), (database) => database.exec('create table a (b)'))
  await open(path)
  const left = readdirSync(place).filter((name) => name !== 'test.db')
  const kept = ['0005-load-2', '0008-journal', BEFORE].map((name) => `test.db.before-${name}`)
  expect(left.sort()).toEqual([...others, ...kept].sort())
})
