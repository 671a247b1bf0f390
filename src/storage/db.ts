import { mkdirSync } from 'node:fs'
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
import * as init from './migrations/0001-init.ts'
import type { Handle, Schema } from './schema.ts'

/** Append only. */
const MIGRATIONS = { '0001-init': init }

/** A blocking busy wait stops the event loop, so it is short; the lane goes on waiting without blocking. */
const BUSY_TIMEOUT_MS = 100
const BUSY_PATIENCE_MS = 1_200
const RETRY_MS = 20
/** The longest that one write can take before it is refused: behind one group that waits, and then on its own. */
const WRITE_MAX_MS = 3_000
/** Waiting units that share one commit: single commits cost some 30 times as much (measured). */
const GROUP_SIZE = 200

export type Db = {
  /** For reading outside the lane; never waits for a writer. */
  read: Handle
  /**
   * Runs the unit inside the one write lane, first in first out, and resolves after its commit. A failed unit undoes
   * itself alone. Inside, only `trx` may be used and nothing else awaited: other units wait, and share the commit.
   * @throws AppError `retryable STORE_UNAVAILABLE` when the database is locked, full or broken
   */
  write<T>(unit: (trx: Handle) => Promise<T>): Promise<T>
  close(): Promise<void>
}

/**
 * Opens (and if need be makes) the database and brings it to the newest schema.
 * @throws AppError `permanent DATABASE_UNUSABLE`: no database, or not one that this process may write
 */
export async function openDb(path: string): Promise<Db> {
  const [writing, reading] = connectTwice(path)
  const writer = new Kysely<Schema>({ dialect: new ImmediateDialect({ database: writing }) })
  const reader = new Kysely<Schema>({ dialect: new SqliteDialect({ database: reading }) })
  const lane = new WriteLane(writer)
  const close = async (): Promise<void> => {
    await lane.idle()
    await reader.destroy()
    await writer.destroy()
  }
  try {
    const { error } = await new Migrator({
      db: writer,
      provider: { getMigrations: async () => MIGRATIONS },
    }).migrateToLatest()
    if (error) throw error
  } catch (cause) {
    await close()
    throw storeError(cause) ?? cause
  }
  return { read: reader, write: (unit) => lane.run(unit), close }
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
      return await db.write(unit)
    } catch (error) {
      const unavailable = error instanceof AppError && error.failure.code === 'STORE_UNAVAILABLE'
      if (!unavailable || clock.nowMs() + WRITE_MAX_MS > untilMs) throw error
      await pause()
    }
  }
}

type Connection = { prepare(text: string): Database.Statement; close(): void }

function connectTwice(path: string): [Connection, Connection] {
  try {
    mkdirSync(dirname(path), { recursive: true })
    return [connect(path), connect(path)]
  } catch (cause) {
    if (sqliteCode(cause) === 'SQLITE_BUSY') throw storeError(cause) ?? cause
    throw new AppError(
      { kind: 'permanent', code: 'DATABASE_UNUSABLE' },
      `the database ${path} cannot be used (${cause instanceof Error ? cause.message : 'unknown'}): check DATABASE_URL`,
      { cause },
    )
  }
}

function connect(path: string): Connection {
  const connection = new Database(path, { timeout: BUSY_TIMEOUT_MS })
  connection.pragma('journal_mode = WAL')
  connection.pragma('synchronous = FULL')
  connection.pragma('foreign_keys = ON')
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
    close: () => connection.close(),
  }
}

/** Takes the write lock at the start: a transaction that reads first could not be granted it later. */
class ImmediateDriver extends SqliteDriver {
  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'))
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

class WriteLane {
  readonly #writer: Handle
  #waiting: Waiting[] = []
  #running: Promise<void> | undefined

  constructor(writer: Handle) {
    this.#writer = writer
  }

  run<T>(unit: (trx: Handle) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ unit, resolve: resolve as (value: unknown) => void, reject })
      this.#running ??= this.#drain()
    })
  }

  async idle(): Promise<void> {
    await this.#running
  }

  async #drain(): Promise<void> {
    // Lets everything that arrived in the same turn of the event loop share the first commit.
    await new Promise((resolve) => setImmediate(resolve))
    while (this.#waiting.length > 0) await this.#commitTogether(this.#waiting.splice(0, GROUP_SIZE))
    this.#running = undefined
  }

  async #commitTogether(group: Waiting[]): Promise<void> {
    const settled: (() => void)[] = []
    try {
      await this.#patiently(() =>
        this.#writer.transaction().execute(async (trx) => {
          settled.length = 0
          for (const { unit, resolve, reject } of group) {
            await sql`savepoint unit`.execute(trx)
            try {
              const value = await unit(trx)
              await sql`release unit`.execute(trx)
              settled.push(() => resolve(value))
            } catch (error) {
              // A full disk ends the whole transaction; then this throws too and the group is refused.
              await sql`rollback to unit`.execute(trx)
              await sql`release unit`.execute(trx)
              settled.push(() => reject(storeError(error) ?? error))
            }
          }
        }),
      )
      for (const settle of settled) settle()
    } catch (error) {
      for (const { reject } of group) reject(storeError(error) ?? error)
    }
  }

  /** Another process holds the write lock: try again, without blocking, until patience ends. */
  async #patiently(transact: () => Promise<void>): Promise<void> {
    const startedAt = performance.now()
    for (;;) {
      try {
        return await transact()
      } catch (error) {
        if (sqliteCode(error) !== 'SQLITE_BUSY' || performance.now() - startedAt > BUSY_PATIENCE_MS) throw error
        await pause()
      }
    }
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, RETRY_MS))
}

function sqliteCode(error: unknown): string | undefined {
  return error instanceof Database.SqliteError ? error.code : undefined
}

/** The AppError for a database that cannot take work now; undefined for our own mistakes, such as a broken constraint. */
function storeError(error: unknown): AppError | undefined {
  const code = sqliteCode(error)
  if (code === undefined || code.startsWith('SQLITE_CONSTRAINT') || code === 'SQLITE_ERROR') return undefined
  return new AppError(
    { kind: 'retryable', code: 'STORE_UNAVAILABLE', retryAfterMs: 1_000 },
    `the database refused (${code})`,
    {
      cause: error,
      detail: code,
    },
  )
}
