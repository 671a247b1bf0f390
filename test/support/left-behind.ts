import { readdirSync } from 'node:fs'
import { join } from 'node:path'

import Database from 'better-sqlite3'
import { Kysely, type Migration, Migrator, SqliteDialect } from 'kysely'
import { expect } from 'vitest'

const MIGRATIONS = join(import.meta.dirname, '../../src/storage/migrations')
const NAMES = readdirSync(MIGRATIONS)
  .map((file) => file.replace('.ts', ''))
  .sort()

/** The migration after which a database is up to date. */
export const NEWEST = NAMES.at(-1)

export type Row = Record<string, string | number | null>

/** Makes the file as the version left it whose newest migration this was. */
export async function leftBehind(path: string, newest: string, tables: Record<string, Row[]>): Promise<void> {
  const database = new Database(path)
  const db = new Kysely<unknown>({ dialect: new SqliteDialect({ database }) })
  const getMigrations = async (): Promise<Record<string, Migration>> => {
    const then = NAMES.filter((name) => name <= newest)
    const read = then.map(async (name) => [name, (await import(join(MIGRATIONS, `${name}.ts`))) as Migration] as const)
    return Object.fromEntries(await Promise.all(read))
  }
  const { error, results } = await new Migrator({ db, provider: { getMigrations } }).migrateToLatest()
  expect({ error, last: results?.at(-1)?.migrationName }).toEqual({ error: undefined, last: newest })
  for (const [table, rows] of Object.entries(tables)) {
    for (const row of rows) {
      const columns = Object.keys(row)
      const marks = columns.map(() => '?').join(', ')
      database.prepare(`insert into ${table} (${columns.join(', ')}) values (${marks})`).run(...Object.values(row))
    }
  }
  await db.destroy()
}
