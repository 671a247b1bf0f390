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
