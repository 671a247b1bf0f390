import type { Clock } from '../clock.ts'
import type { Db } from '../storage/db.ts'
import { type Door, listHeard, noteHeard } from '../storage/doors.ts'

/** When something last came in for one integration, by door. */
export type LastHeard = {
  note(door: Door): void
  /** Of all processes, as far as they have stored it. */
  read(): Promise<Map<Door, number>>
  /** Stores what was noted since: once in a while, so that no push costs a write of its own. */
  flush(): Promise<void>
}

export function createLastHeard({
  db,
  clock,
  integrationId,
}: {
  db: Db
  clock: Clock
  integrationId: string
}): LastHeard {
  const heard = new Map<Door, number>()
  let unstored = new Map<Door, number>()
  return {
    note(door) {
      heard.set(door, clock.nowMs())
      unstored.set(door, clock.nowMs())
    },
    async read() {
      const stored = await listHeard(db.read, integrationId)
      for (const [door, at] of heard) stored.set(door, Math.max(at, stored.get(door) ?? 0))
      return stored
    },
    async flush() {
      if (unstored.size === 0) return
      const storing = unstored
      unstored = new Map()
      try {
        await db.write((trx) => noteHeard(trx, integrationId, storing))
      } catch (error) {
        unstored = new Map([...storing, ...unstored])
        throw error
      }
    },
  }
}
