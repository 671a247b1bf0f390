import Database from 'better-sqlite3'

import type { World } from './world.ts'

/** Makes something that happened happen longer ago. */
export function changeDatabase(world: World, statement: string, ...values: (string | number)[]): void {
  const db = new Database(world.config.databasePath, { timeout: 5_000 })
  try {
    db.prepare(statement).run(...values)
  } finally {
    db.close()
  }
}

/** What an operator reads in the database file beside the running daemon. */
export function readDatabase<Row>(world: World, query: string, ...values: (string | number)[]): Row[] {
  return world
    .reader()
    .raw.prepare(query)
    .all(...values) as Row[]
}
