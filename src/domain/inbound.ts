/** What DingTalk tells us, whichever door it came through. Platform names stop here. */

export type InboundEvent = {
  /** Stable over redeliveries; the key of the dedupe store. */
  eventId: string
  eventType: string
  corpId: string | undefined
  /** Business fields, keys in lower case. */
  fields: Record<string, unknown>
}

export type InboundPress = {
  outTrackId: string
  userId: string
  corpId: string | undefined
  /** Id of the pressed button, as it was drawn. */
  buttonId: string
}

/** SUCCESS once the effect is stored, LATER when it could not be and DingTalk should push again. */
export type EventAck = { status: 'SUCCESS' | 'LATER'; message: string }
