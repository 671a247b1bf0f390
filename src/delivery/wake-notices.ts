import type { Clock } from '../clock.ts'
import type { Producer } from '../queue/producer.ts'
import type { Db } from '../storage/db.ts'
import { listDueNotices } from '../storage/notices.ts'

/** Notices that are due and that nobody has a tick for: another process, as a command is, may have written them. */
export async function wakeNotices(deps: {
  db: Db
  clock: Clock
  producer: Pick<Producer, 'tick' | 'countTicks'>
  isRunning: (integrationId: string) => boolean
}): Promise<void> {
  const due = await listDueNotices(deps.db.read, deps.clock.nowMs())
  for (const id of new Set(due.map(({ integrationId }) => integrationId))) {
    if (!deps.isRunning(id) || (await deps.producer.countTicks(id, 'message')) > 0) continue
    await deps.producer.tick(id, 'message')
  }
}
