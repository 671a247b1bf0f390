import type { Clock } from '../clock.ts'
import type { Audience } from '../domain/card.ts'
import type { Log } from '../log.ts'
import { findCardCallback, findCardsMode, noteCardsMode } from '../storage/cards-mode.ts'
import { type CardOfNotification, listCardsOfIncident } from '../storage/cards.ts'
import { freezeCards } from '../storage/change-cards.ts'
import type { Db } from '../storage/db.ts'
import { findIncident } from '../storage/incidents.ts'
import { cancelWaiting, changeAudience, listMisdirectedCards } from '../storage/misdirected.ts'
import { isLive, listPlacements, spaceOf } from '../storage/placements.ts'
import type { Handle } from '../storage/schema.ts'
import { keyOfAudience, nameUnfrozen } from './names.ts'
import { addStandIn } from './stand-in.ts'
import type { WakeDueCards } from './wake.ts'

/** Cards changed in one commit. */
const AT_ONCE = 50

export type ReissueDeps = { db: Db; clock: Clock; log: Log; spacingMs: number; wakeDueCards: WakeDueCards }

/**
 * A card keeps the way its presses return for life. When the integration's has changed, the cards of open incidents are
 * made anew, and the old ones say so (见新消息). Done once per change, by whichever process comes first.
 */
export async function reissueCards(deps: ReissueDeps, integrationId: string): Promise<void> {
  for (;;) {
    const done = await deps.db.write(async (trx) => {
      const wanted = await findCardCallback(trx, integrationId)
      if (wanted === undefined || (await findCardsMode(trx, integrationId)) === wanted) return undefined
      const nowMs = deps.clock.nowMs()
      const cards = await listMisdirectedCards(trx, integrationId, wanted, AT_ONCE)
      if (cards.length === 0) {
        await noteCardsMode(trx, integrationId, wanted)
        return undefined
      }
      const touched: string[] = []
      for (const { incidentId, outTrackId } of cards) {
        const all = await listCardsOfIncident(trx, integrationId, incidentId)
        const card = all.find(({ out_track_id: id }) => id === outTrackId)
        if (card) touched.push(...(await reissue(deps, trx, card, all, wanted, nowMs)))
      }
      return { wanted, touched }
    })
    if (!done) return
    deps.log.info({ to: done.wanted, cards: done.touched.length }, 'cards-reissued')
    await deps.wakeDueCards(done.touched)
  }
}

async function reissue(
  deps: ReissueDeps,
  trx: Handle,
  card: CardOfNotification,
  cardsOfIncident: CardOfNotification[],
  callbackType: Audience['callbackType'],
  nowMs: number,
): Promise<string[]> {
  const { integration_id: integrationId, incident_id: incidentId, notification_key: notificationKey } = card
  const audience = { ...card.audience, callbackType }
  // DingTalk was not asked for it yet: it is simply asked for the other kind.
  if (card.stage === 'absent') {
    await changeAudience(trx, card.out_track_id, audience)
    return [card.out_track_id]
  }
  const placements = await listPlacements(trx, [card.out_track_id])
  const spaces = placements.filter(isLive).map(spaceOf)
  await cancelWaiting(trx, card.out_track_id, nowMs)
  await freezeCards(trx, [card.out_track_id], nowMs, deps.spacingMs)
  const stored = await findIncident(trx, integrationId, incidentId)
  if (!stored || spaces.length === 0) return [card.out_track_id]

  const audienceKey = keyOfAudience(audience)
  const known = cardsOfIncident.map((one) => ({ outTrackId: one.out_track_id, frozen: one.frozen === 1 }))
  const { outTrackId, replacement } = nameUnfrozen(integrationId, incidentId, known, notificationKey, audienceKey)
  await addStandIn(trx, card, { outTrackId, replacement, audience, audienceKey, spaces }, stored, nowMs)
  return [card.out_track_id, outTrackId]
}
