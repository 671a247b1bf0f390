import PQueue from 'p-queue'

/** Calls of the whole account; 0 = unlimited. */
export type FlashdutyPace = { perSecond: number; perMinute: number }

/** Below the documented 50/s and 1,000/min, since people's scripts share the account. */
export const FLASHDUTY_PACE: FlashdutyPace = { perSecond: 40, perMinute: 900 }

/** Whoever pressed a button is waiting; a look-up is not. */
export type Urgency = 'press' | 'look-up'
const PRIORITY: Record<Urgency, number> = { press: 1, 'look-up': 0 }

export type Pace = <T>(urgency: Urgency, call: () => Promise<T>) => Promise<T>

/** Lets calls go no faster than the account may make them, presses before look-ups. */
export function createPace({ perSecond, perMinute }: FlashdutyPace): Pace {
  const second = perSecond > 0 ? new PQueue({ intervalCap: perSecond, interval: 1_000, strict: true }) : undefined
  const minute = perMinute > 0 ? new PQueue({ intervalCap: perMinute, interval: 60_000, strict: true }) : undefined
  return async (urgency, call) => {
    const priority = PRIORITY[urgency]
    const inSecond = () => (second ? second.add(call, { priority }) : call())
    return minute ? minute.add(inSecond, { priority }) : inSecond()
  }
}
