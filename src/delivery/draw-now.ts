import type { DrawnCard, Overlay } from '../domain/card.ts'
import type { Locale } from '../domain/messages.ts'
import { findCard } from '../storage/cards.ts'
import type { Db } from '../storage/db.ts'
import { findIncident } from '../storage/incidents.ts'
import { faceOf } from './face.ts'
import { drawCard } from './render/draw.ts'

/** The card as stored state has it now; undefined for a card we do not know. */
export async function drawNow(
  db: Db,
  outTrackId: string,
  overlay?: (locale: Locale) => Overlay,
): Promise<{ drawn: DrawnCard; rev: number } | undefined> {
  const card = await findCard(db.read, outTrackId)
  const stored = card && (await findIncident(db.read, card.integration_id, card.incident_id))
  if (!stored) return undefined
  const face = faceOf(card, stored)
  return { drawn: drawCard(face, overlay?.(face.locale)), rev: stored.rev }
}
