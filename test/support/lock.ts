import Database from 'better-sqlite3'

import { CONDITION_MS } from './patience.ts'

/**
 * Takes the database's write lock, as another process in a long transaction would; the returned function lets go. The daemon
 * may be in the middle of a commit in this very process, which to wait for without letting it go on would wait for ever. The
 * first try is made before this returns, the others between any two things the daemon does.
 */
export async function lockDatabase(path: string): Promise<() => void> {
  const holder = new Database(path, { timeout: 0 })
  const startedAt = performance.now()
  for (;;) {
    try {
      holder.exec('begin immediate')
      break
    } catch (error) {
      if (performance.now() - startedAt > CONDITION_MS) {
        holder.close()
        throw error
      }
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
  return () => {
    if (!holder.open) return
    holder.exec('rollback')
    holder.close()
  }
}
