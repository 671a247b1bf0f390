import type { Audience } from '../domain/card.ts'
import { digest } from '../domain/ids.ts'

/** Computed names: the same card gets the same one in every retry and every process. */

export function keyOfAudience(audience: Audience): string {
  // Nothing is added where there are none: a key names a card for good, also those made before there were any.
  const custom = audience.customActions.map(({ integrationId, name }) => `${integrationId} ${name}`)
  return digest(
    16,
    audience.robotCode,
    audience.templateId,
    audience.callbackType,
    audience.locale,
    audience.replyEventTypes.join(','),
    String(audience.disableAt),
    audience.snoozeMinutes.join(','),
    ...custom,
  )
}

/** `fd-<incidentId>-<24 letters>`: the same card gets the same name in every retry and every process. At most 64. */
export function nameCard(
  integrationId: string,
  incidentId: string,
  notificationKey: string,
  audienceKey: string,
  replacement: number,
): string {
  const readable = /^[\w-]{1,36}$/.test(incidentId) ? incidentId : digest(24, incidentId)
  return `fd-${readable}-${digest(24, integrationId, incidentId, notificationKey, audienceKey, replacement)}`
}

/** Whether a card bears such a name: one of another program hardly does. */
export function isNameOfCard(outTrackId: string): boolean {
  return /^fd-[\w-]{1,36}-[a-z2-7]{24}$/.test(outTrackId)
}

/** The audience's card, or a further one when that is frozen: it would show its last face to whoever joins it. */
export function nameUnfrozen(
  integrationId: string,
  incidentId: string,
  cards: { outTrackId: string; frozen: boolean }[],
  notificationKey: string,
  audienceKey: string,
): { outTrackId: string; replacement: number } {
  for (let replacement = 0; ; replacement++) {
    const outTrackId = nameCard(integrationId, incidentId, notificationKey, audienceKey, replacement)
    if (!cards.some((card) => card.frozen && card.outTrackId === outTrackId)) return { outTrackId, replacement }
  }
}
