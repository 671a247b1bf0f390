import type { DrawnCard, Overlay } from '../domain/card.ts'
import type { Locale } from '../domain/messages.ts'
import { findCard } from '../storage/cards.ts'
import type { Db } from '../storage/db.ts'
import { findIncident } from '../storage/incidents.ts'
import { faceOf } from './face.ts'
import { buttonsOf, type CardButton } from './render/buttons.ts'
import { drawCard } from './render/draw.ts'

/** The card as stored state has it now; undefined for a card that the integration does not know. */
export async function drawNow(
  db: Db,
  integrationId: string,
  outTrackId: string,
  overlay?: (locale: Locale) => Overlay,
): Promise<{ drawn: DrawnCard; rev: number; buttons: CardButton[] } | undefined> {
  const card = await findCard(db.read, outTrackId)
  if (card?.integration_id !== integrationId) return undefined
  const stored = await findIncident(db.read, integrationId, card.incident_id)
  if (!stored) return undefined
  const face = faceOf(card, stored)
  return { drawn: drawCard(face, overlay?.(face.locale)), rev: stored.rev, buttons: buttonsOf(face, stored.rev) }
}
