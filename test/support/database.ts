import Database from 'better-sqlite3'

import { eventually } from './eventually.ts'
import type { World } from './world.ts'

/**
 * Makes something that happened happen longer ago. The daemon may be in the middle of a commit in this very process, which to
 * wait for without letting it go on would wait for ever.
 */
export async function changeDatabase(world: World, statement: string, ...values: (string | number)[]): Promise<void> {
  const db = new Database(world.config.databasePath, { timeout: 0 })
  try {
    await eventually('the database is free', () => db.prepare(statement).run(...values))
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
