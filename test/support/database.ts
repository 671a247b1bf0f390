import Database from 'better-sqlite3'

import type { World } from './world.ts'

/** What an operator reads in the database file beside the running daemon. */
export function readDatabase<Row>(world: World, query: string, ...values: (string | number)[]): Row[] {
  const db = new Database(world.config.databasePath, { readonly: true })
  try {
    return db.prepare(query).all(...values) as Row[]
  } finally {
    db.close()
  }
}
