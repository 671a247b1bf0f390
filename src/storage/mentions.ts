import type { Mention } from '../domain/card.ts'
import type { Handle } from './schema.ts'

/** Whom groups mention when the card is put into them from now on; takes the place of whoever was named before. */
export async function putMentions(trx: Handle, outTrackId: string, mentions: Mention[]): Promise<void> {
  await trx
    .updateTable('cards')
    .set({ mentions: mentions.length > 0 ? JSON.stringify(mentions) : null })
    .where('out_track_id', '=', outTrackId)
    .execute()
}

/** Its people are called by that card as well, after those whom it calls already. */
export async function addMentions(trx: Handle, outTrackId: string, mentions: Mention[]): Promise<void> {
  const before = await readMentions(trx, outTrackId)
  const known = new Set(before.map(({ userId }) => userId))
  await putMentions(trx, outTrackId, [...before, ...mentions.filter(({ userId }) => !known.has(userId))])
}

export async function readMentions(trx: Handle, outTrackId: string): Promise<Mention[]> {
  const row = await trx.selectFrom('cards').select('mentions').where('out_track_id', '=', outTrackId).executeTakeFirst()
  return row?.mentions ? (JSON.parse(row.mentions) as Mention[]) : []
}
