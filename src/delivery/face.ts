import type { CardFace } from '../domain/card.ts'
import { type CardOfNotification, FULL, MINIMAL } from '../storage/cards.ts'
import type { StoredIncident } from '../storage/incidents.ts'

/** What the card has to show now, from stored state alone. */
export function faceOf(card: CardOfNotification, stored: StoredIncident): CardFace {
  return {
    incident: stored.incident,
    rev: stored.rev,
    lastAct: stored.lastAct,
    snoozeOver: stored.snoozeOver,
    prefix: card.prefix,
    superseded: card.frozen === 1,
    locale: card.audience.locale,
    snoozeMinutes: card.audience.snoozeMinutes,
    customActions: card.audience.customActions,
    templateId: card.audience.templateId,
    rendered: stored.rendered,
    flapping: stored.flapping,
    inStorm: stored.inStorm,
    gone: stored.gone,
    plain: card.plain > FULL,
    reduced: card.plain > FULL,
    minimal: card.plain >= MINIMAL,
  }
}
