/** Where the time comes from: epoch milliseconds. Handed in everywhere, so that tests own it. */
export type Clock = { nowMs(): number }

export const systemClock: Clock = { nowMs: () => Date.now() }
