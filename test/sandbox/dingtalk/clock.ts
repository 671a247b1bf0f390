/** The clock on which tickets and tokens expire: real time plus whatever tests have added to it. */
export type VirtualClock = { nowMs(): number; advance(ms: number): void }

export function createClock(): VirtualClock {
  let aheadMs = 0
  return {
    nowMs: () => Date.now() + aheadMs,
    advance(ms) {
      aheadMs += ms
    },
  }
}
