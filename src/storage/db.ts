import { dirname } from 'node:path'

import Database from 'better-sqlite3'
import {
  CompiledQuery,
  type DatabaseConnection,
  type Driver,
  Kysely,
  Migrator,
  sql,
  SqliteDialect,
  SqliteDriver,
} from 'kysely'

import type { Clock } from '../clock.ts'
import { AppError } from '../errors.ts'
import { copyBefore, trimCopies } from './copy-before.ts'
import * as init from './migrations/0001-init.ts'
import * as converge from './migrations/0002-converge.ts'
import * as cardContent from './migrations/0003-card-content.ts'
import * as tokens from './migrations/0004-tokens.ts'
import * as load from './migrations/0005-load.ts'
import * as connections from './migrations/0006-connections.ts'
import * as httpDoor from './migrations/0007-http-door.ts'
import * as journal from './migrations/0008-journal.ts'
import * as people from './migrations/0009-people.ts'
import * as pages from './migrations/0010-pages.ts'
import * as actions from './migrations/0011-actions.ts'
import * as oddBodies from './migrations/0012-odd-bodies.ts'
import * as tokenScopes from './migrations/0013-token-scopes.ts'
import { filesOfDatabase, makePrivateFile, makePrivateFolder, type OnTightened, tighten } from './private-files.ts'
import * as rights from './migrations/0014-rights.ts'
import * as unconfirmed from './migrations/0015-unconfirmed.ts'
import * as testCards from './migrations/0016-test-cards.ts'
import * as webhookWatch from './migrations/0017-webhook-watch.ts'
import type { Handle, Schema } from './schema.ts'

/** Append only. */
const MIGRATIONS = {
  '0001-init': init,
  '0002-converge': converge,
  '0003-card-content': cardContent,
  '0004-tokens': tokens,
  '0005-load': load,
  '0006-connections': connections,
  '0007-http-door': httpDoor,
  '0008-journal': journal,
  '0009-people': people,
  '0010-pages': pages,
  '0011-actions': actions,
  '0012-odd-bodies': oddBodies,
  '0013-token-scopes': tokenScopes,
  '0014-rights': rights,
  '0015-unconfirmed': unconfirmed,
  '0016-test-cards': testCards,
  '0017-webhook-watch': webhookWatch,
}

/** A blocking busy wait stops the event loop, so it is short; the lane goes on waiting without blocking. */
const BUSY_TIMEOUT_MS = 100
const BUSY_PATIENCE_MS = 1_200
const RETRY_MS = 20
/** Other processes may be opening the same file: one of them makes the schema, the others wait for it. */
const OPEN_PATIENCE_MS = 10_000
/** One of them may be copying a large one before it is changed. */
const MIGRATE_PATIENCE_MS = 300_000
/** The longest that one write can take before it is refused: behind one group that waits, and then on its own. */
const WRITE_MAX_MS = 3_000
/** Waiting units that share one commit: single commits cost some 30 times as much (measured). */
const GROUP_SIZE = 200

/** Keys are spread by hashes, so that one commit touches pages all over the file. */
const CACHE_KIB = 8 * 1024
/** Each checkpoint writes every changed page once more and waits for the disk: 16 MiB of log before the next. */
const CHECKPOINT_PAGES = 4_000

export type Db = {
  /** For reading outside the lane; never waits for a writer. */
  read: Handle
  /**
   * Runs the unit inside the one write lane, first in first out, and resolves after its commit. A failed unit undoes
   * itself alone. Inside, only `trx` may be used and nothing else awaited: other units wait, and share the commit.
   * While there is trouble every unit is refused at once, but for those that `settle` what has happened already.
   * @throws AppError `retryable STORE_UNAVAILABLE` when the database is locked, full or broken
   */
  write<T>(unit: (trx: Handle) => Promise<T>, kind?: 'settle'): Promise<T>
  /** Why nothing new is taken in: the disk is full or broken. SQLite's code; undefined while all is well. */
  trouble(): string | undefined
  /** Tries whether there is room again; that alone ends the trouble. Never fails. */
  probe(): Promise<void>
  close(): Promise<void>
}

/** Room that a probe asks for: enough that what comes next is not refused again. */
const PROBE_BYTES = 256 * 1024

/** Hands a test the connection that writes, to take its room away and give it back. */
export type OnWriter = (connection: { pragma(text: string): unknown }) => void

export type Opening = {
  onWriter?: OnWriter | undefined
  /** Told of the copy that was made of an older database, before anything is changed in it. */
  onCopied?: (copy: DatabaseCopy) => void
  /** Told of files that others could read: they are for their owner alone now, or cannot be. */
  onTightened?: OnTightened
  /** A test's, in place of the file system's. */
  chmod?: ((file: string, mode: number) => void) | undefined
  /** Bytes that are free in a folder. */
  freeBytes?: ((folder: string) => number) | undefined
}

export type DatabaseCopy = {
  file: string
  /** The first migration that it is without. */
  before: string
}

/**
 * Opens (and if need be makes) the database and brings it to the newest schema; an older one is copied before.
 * @throws AppError `permanent DATABASE_UNUSABLE`: no database, or not one that this process may write ·
 *   `DATABASE_NEWER`: of a newer program · `DATABASE_COPY_FAILED`, `DATABASE_NOT_MIGRATED`: it is as it was
 */
export async function openDb(path: string, opening: Opening = {}): Promise<Db> {
  tighten(filesOfDatabase(path), opening.onTightened, opening.chmod)
  const forWriting = await connectPatiently(path)
  const forReading = await connectPatiently(path)
  const writer = new Kysely<Schema>({ dialect: new ImmediateDialect({ database: forWriting }) })
  const reader = new Kysely<Schema>({ dialect: new SqliteDialect({ database: forReading }) })
  const lane = new WriteLane(writer, forWriting)
  const close = async (): Promise<void> => {
    await lane.idle()
    await reader.destroy()
    await writer.destroy()
    // Kysely closes only what it has used.
    forReading.close()
    forWriting.close()
  }
  try {
    await migrate(path, { writer, forWriting, forReading }, opening)
    opening.onWriter?.(forWriting)
  } catch (cause) {
    await close()
    throw storeError(cause) ?? cause
  }
  return {
    read: reader,
    write: (unit, kind) => lane.run(unit, kind),
    trouble: () => lane.trouble,
    probe: () => lane.probe(),
    close,
  }
}

/**
 * One that is up to date is not written to, so that opening it waits for nobody. Otherwise one process holds the write
 * lock from before the copy until all is committed, and the others wait for it.
 */
async function migrate(
  path: string,
  { writer, forWriting, forReading }: { writer: Kysely<Schema>; forWriting: Connection; forReading: Connection },
  { onCopied, freeBytes }: Opening,
): Promise<void> {
  // Kysely runs SQLite's schema changes without a transaction of its own.
  const migrator = new Migrator({ db: writer, provider: { getMigrations: async () => MIGRATIONS } })
  const findPending = async (): Promise<string | undefined> => {
    const known = await migrator.getMigrations()
    if (known.some(({ executedAt }) => executedAt !== undefined)) await refuseNewer(writer)
    return known.find(({ executedAt }) => executedAt === undefined)?.name
  }
  if ((await patiently(OPEN_PATIENCE_MS, findPending)) === undefined) return
  await patiently(MIGRATE_PATIENCE_MS, async () => void forWriting.prepare('begin immediate').run())
  let copy: string | undefined
  try {
    const before = await findPending()
    const others = `select 1 from sqlite_master where type = 'table' and name not like 'kysely%'`
    const isNew = forWriting.prepare(others).get() === undefined
    if (before !== undefined && !isNew) {
      const size = forReading.prepare('select page_count * page_size from pragma_page_count, pragma_page_size')
      const sizeBytes = Number(size.pluck().get())
      copy = await copyBefore(before, { path, sizeBytes, copyTo: (file) => forReading.copyTo(file), freeBytes })
      onCopied?.({ file: copy, before })
    }
    if (before !== undefined) {
      const { error } = await migrator.migrateToLatest()
      if (error) throw error
    }
    forWriting.prepare('commit').run()
  } catch (cause) {
    // A full disk has ended it already.
    if (forWriting.inTransaction()) forWriting.prepare('rollback').run()
    if (copy === undefined) throw cause
    throw notMigrated(path, copy, cause)
  }
  if (copy !== undefined) trimCopies(path)
}

function notMigrated(path: string, copy: string, cause: unknown): AppError {
  const why = cause instanceof Error ? cause.message : 'unknown'
  return new AppError(
    storeError(cause)?.failure ?? { kind: 'permanent', code: 'DATABASE_NOT_MIGRATED' },
    `the database ${path} could not be brought up to date (${why}): it is as it was, and ${copy} is a copy of it`,
    { cause },
  )
}

async function refuseNewer(db: Kysely<Schema>): Promise<void> {
  const { rows } = await sql<{ name: string }>`select name from kysely_migration`.execute(db)
  if (rows.every(({ name }) => Object.hasOwn(MIGRATIONS, name))) return
  const failure = { kind: 'permanent', code: 'DATABASE_NEWER' } as const
  throw new AppError(failure, 'the database was brought up to date by a newer version of this program: run that one')
}

/**
 * Writes down what has happened already and must not be forgotten: tries again while the database cannot take it.
 * @param untilMs the end of the writer's lease; nothing is written after it
 * @throws AppError `retryable STORE_UNAVAILABLE` when the time is over
 */
export async function writeUntil<T>(
  { db, clock }: { db: Db; clock: Clock },
  untilMs: number,
  unit: (trx: Handle) => Promise<T>,
): Promise<T> {
  for (;;) {
    try {
      return await db.write(unit, 'settle')
    } catch (error) {
      const unavailable = error instanceof AppError && error.failure.code === 'STORE_UNAVAILABLE'
      if (!unavailable || clock.nowMs() + WRITE_MAX_MS > untilMs) throw error
      await pause()
    }
  }
}

async function connectPatiently(path: string): Promise<Connection> {
  try {
    return await patiently(OPEN_PATIENCE_MS, async () => {
      makePrivateFolder(dirname(path))
      makePrivateFile(path)
      return connect(path)
    })
  } catch (cause) {
    if (sqliteCode(cause) === 'SQLITE_BUSY') throw storeError(cause) ?? cause
    throw new AppError(
      { kind: 'permanent', code: 'DATABASE_UNUSABLE' },
      `the database ${path} cannot be used (${cause instanceof Error ? cause.message : 'unknown'}): check DATABASE_URL`,
      { cause },
    )
  }
}

type Connection = {
  prepare(text: string): Database.Statement
  pragma(text: string): unknown
  inTransaction(): boolean
  /** All that is committed, without the event loop waiting for it. */
  copyTo(file: string): Promise<void>
  close(): void
}

function connect(path: string): Connection {
  const connection = new Database(path, { timeout: BUSY_TIMEOUT_MS })
  try {
    connection.pragma('journal_mode = WAL')
    connection.pragma('synchronous = FULL')
    connection.pragma('foreign_keys = ON')
    connection.pragma(`cache_size = -${CACHE_KIB}`)
    connection.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`)
  } catch (error) {
    connection.close()
    throw error
  }
  // Preparing a statement costs about twice what running it does; the texts are few and always the same.
  const prepared = new Map<string, Database.Statement>()
  return {
    prepare(text) {
      const known = prepared.get(text)
      if (known) return known
      const statement = connection.prepare(text)
      if (prepared.size < 500) prepared.set(text, statement)
      return statement
    },
    pragma: (text) => connection.pragma(text),
    inTransaction: () => connection.inTransaction,
    copyTo: async (file) => void (await connection.backup(file)),
    close: () => connection.close(),
  }
}

/** Takes the write lock at the start: a transaction that reads first could not be granted it later. */
class ImmediateDriver extends SqliteDriver {
  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'))
  }

  /** A disk that refuses a write has ended the transaction already, and that failure is the one to be told. */
  override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    try {
      await super.rollbackTransaction(connection)
    } catch (error) {
      if (sqliteCode(error) !== 'SQLITE_ERROR') throw error
    }
  }
}

class ImmediateDialect extends SqliteDialect {
  readonly #config: ConstructorParameters<typeof SqliteDriver>[0]

  constructor(config: ConstructorParameters<typeof SqliteDriver>[0]) {
    super(config)
    this.#config = config
  }

  override createDriver(): Driver {
    return new ImmediateDriver(this.#config)
  }
}

type Waiting = {
  unit: (trx: Handle) => Promise<unknown>
  resolve: (value: unknown) => void
  reject: (error: unknown) => void
}

/** How long a group may keep the event loop to itself at a stretch. */
const HOLD_MS = 10

class WriteLane {
  readonly #writer: Handle
  readonly #connection: Connection
  #waiting: Waiting[] = []
  #running: Promise<void> | undefined
  #trouble: string | undefined

  /** @param connection the writer's own, for what surrounds each unit: the long way through Kysely costs more than the unit's guard */
  constructor(writer: Handle, connection: Connection) {
    this.#writer = writer
    this.#connection = connection
  }

  get trouble(): string | undefined {
    return this.#trouble
  }

  async run<T>(unit: (trx: Handle) => Promise<T>, kind?: 'settle'): Promise<T> {
    if (this.#trouble !== undefined && kind !== 'settle') throw refusal(this.#trouble)
    return this.#queue(unit)
  }

  async probe(): Promise<void> {
    try {
      await this.#queue(async (trx) => {
        const row = { source: 'probe' as const, id: 'room', received_at: 0, payload: '0'.repeat(PROBE_BYTES) }
        await trx.insertInto('inbox').values(row).execute()
        await trx.deleteFrom('inbox').where('source', '=', 'probe').execute()
      })
      this.#trouble = undefined
    } catch {
      // It was seen by the lane, which keeps the code.
    }
  }

  async idle(): Promise<void> {
    await this.#running
  }

  #queue<T>(unit: (trx: Handle) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ unit, resolve: resolve as (value: unknown) => void, reject })
      this.#running ??= this.#drain()
    })
  }

  async #drain(): Promise<void> {
    // Lets everything that arrived in the same turn of the event loop share the first commit.
    await nextTurn()
    while (this.#waiting.length > 0) await this.#commitTogether(this.#waiting.splice(0, GROUP_SIZE))
    this.#running = undefined
  }

  async #commitTogether(group: Waiting[]): Promise<void> {
    const settled: (() => void)[] = []
    // What ended the transaction, which its own rollback then hides by failing too.
    let first: unknown
    try {
      await patiently(BUSY_PATIENCE_MS, () =>
        this.#writer.transaction().execute(async (trx) => {
          settled.length = 0
          let heldSince = performance.now()
          for (const { unit, resolve, reject } of group) {
            // Queries settle without leaving the turn of the event loop; sockets and timers must not wait for a whole group.
            if (performance.now() - heldSince > HOLD_MS) {
              await nextTurn()
              heldSince = performance.now()
            }
            this.#connection.prepare('savepoint unit').run()
            try {
              const value = await unit(trx)
              this.#connection.prepare('release unit').run()
              settled.push(() => resolve(value))
            } catch (error) {
              this.#notice(error)
              first = error
              // A full disk can end the whole transaction; then this throws too and the group is refused.
              this.#connection.prepare('rollback to unit').run()
              this.#connection.prepare('release unit').run()
              first = undefined
              settled.push(() => reject(storeError(error) ?? error))
            }
          }
        }),
      )
      for (const settle of settled) settle()
    } catch (error) {
      this.#notice(error)
      const why = storeError(error) ?? storeError(first) ?? error
      for (const { reject } of group) reject(why)
    }
  }

  #notice(error: unknown): void {
    const code = sqliteCode(error)
    if (code !== undefined && TROUBLE.test(code)) this.#trouble = code
  }
}

/** Unlike a lock, these do not go away with the next commit of somebody else. */
const TROUBLE = /^SQLITE_(FULL|IOERR|READONLY|CANTOPEN|CORRUPT|NOTADB)/

/** Another process holds the write lock: tries again, without blocking, until patience ends. */
async function patiently<T>(patienceMs: number, work: () => Promise<T>): Promise<T> {
  const startedAt = performance.now()
  for (;;) {
    try {
      return await work()
    } catch (error) {
      const busy = sqliteCode(error)?.startsWith('SQLITE_BUSY')
      if (!busy || performance.now() - startedAt > patienceMs) throw error
      await pause()
    }
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** Timers that each block for longer than they wait would leave the event loop to nothing else: hence the turn after it. */
async function pause(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
  await nextTurn()
}

function sqliteCode(error: unknown): string | undefined {
  return error instanceof Database.SqliteError ? error.code : undefined
}

/** The AppError for a database that cannot take work now; undefined for our own mistakes, such as a broken constraint. */
function storeError(error: unknown): AppError | undefined {
  const code = sqliteCode(error)
  if (code === undefined || code.startsWith('SQLITE_CONSTRAINT') || code === 'SQLITE_ERROR') return undefined
  return refusal(code, error)
}

function refusal(code: string, cause?: unknown): AppError {
  return new AppError(
    { kind: 'retryable', code: 'STORE_UNAVAILABLE', retryAfterMs: 1_000 },
    `the database refused (${code})`,
    { cause, detail: code },
  )
}
