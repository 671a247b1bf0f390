/** Durations of delivery, in milliseconds; tests shorten them. */
export type DeliverySettings = {
  /** How long one worker may keep a card to itself; longer than a call to DingTalk can last. */
  leaseMs: number
  /** Least time between two calls for one card: clients render a load failure when updates come closer. */
  spacingMs: number
  /** Pause before the next try while somebody has to change something in a console first. */
  blockedRetryMs: number
  /** How long after it was given up a call may still be carried out by DingTalk. */
  doubtMs: number
  /** Pauses before a delivery whose outcome is unknown is repeated; after the last it stays unconfirmed. */
  redeliverMs: readonly number[]
}

export const DELIVERY_SETTINGS: DeliverySettings = {
  leaseMs: 12_000,
  spacingMs: 500,
  blockedRetryMs: 60_000,
  doubtMs: 60_000,
  redeliverMs: [500, 60_000, 600_000, 3_600_000],
}
