import { sql } from 'kysely'

import type { Handle } from './schema.ts'

/** Nothing is ever put off, or kept to one process, for longer. */
const LONGEST_MS = 10 * 60_000

/**
 * After a clock that ran ahead was put right, what had been put off by seconds would lie hours ahead. Such times become
 * now.
 * @returns how many cards and clicks there were
 */
export async function mendTimes(trx: Handle, nowMs: number): Promise<number> {
  const latest = nowMs + LONGEST_MS
  const capped = (column: string) =>
    sql<number>`case when ${sql.ref(column)} > ${latest} then ${nowMs} else ${sql.ref(column)} end`
  let mended = 0
  for (const due of ['deliver_due_at', 'update_due_at'] as const) {
    const cards = await trx
      .updateTable('cards')
      .set({
        deliver_due_at: capped('deliver_due_at'),
        update_due_at: capped('update_due_at'),
        held_until: capped('held_until'),
        lease_until: capped('lease_until'),
        called_at: capped('called_at'),
      })
      // By integration and one due time each, because so the indexes go: cards of long ago are many.
      .where('integration_id', 'in', (eb) => eb.selectFrom('integrations').select('id'))
      .where(due, 'is not', null)
      .where((eb) =>
        eb.or([
          eb('deliver_due_at', '>', latest),
          eb('update_due_at', '>', latest),
          eb('held_until', '>', latest),
          eb('lease_until', '>', latest),
          eb('called_at', '>', latest),
        ]),
      )
      .executeTakeFirst()
    mended += Number(cards.numUpdatedRows)
  }
  const clicks = await trx
    .updateTable('clicks')
    .set({ due_at: capped('due_at'), lease_until: capped('lease_until') })
    .where('due_at', 'is not', null)
    .where((eb) => eb.or([eb('due_at', '>', latest), eb('lease_until', '>', latest)]))
    .executeTakeFirst()
  return mended + Number(clicks.numUpdatedRows)
}
