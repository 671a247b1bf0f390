import type { Log } from '../log.ts'
import type { Slot, Total } from './slot.ts'

/** What one open connection has heard, for comparing it with the others. */
export type Hearing = {
  /** Since its last frame of any kind; pongs prove only that somebody is there. */
  silentMs: number
  /** SYSTEM pings it ever got: the gateway sends them to each connection by itself. */
  pings: number
}

/** What the others heard since then. */
export type Others = { open: number; pushes: number; pings: number }

export type DeafnessSettings = {
  /** How long one may hear nothing that its siblings do hear. */
  deafMs: number
  /** How long one that used to be pinged may hear nothing at all. */
  deafAloneMs: number
}

/** Pushes go to a connection chosen at random: of 24 for two, one gets none once in some 16 million cases. */
const PUSHES_PER_CONNECTION = 12
const PINGS = 4
/** A look this much late was held up by ourselves. */
const STALL_MS = 5_000

/**
 * A connection that answers pings but is given nothing cannot be told from one to which nobody has anything to say, but
 * for what it used to hear and what its siblings hear meanwhile. A quiet robot gives no verdict, and neither does a
 * replacement that the gateway never pings, so a false one does not repeat itself.
 * @returns why it should be replaced
 */
export function judgeHearing(settings: DeafnessSettings, own: Hearing, others: Others): string | undefined {
  const isPinged = own.pings >= PINGS
  if (isPinged && own.silentMs >= settings.deafAloneMs) return 'the gateway pings it no longer'
  if (own.silentMs < settings.deafMs || others.open === 0) return undefined
  if (isPinged && others.pings >= PINGS * others.open) return 'only the other connections are pinged'
  if (others.pushes >= PUSHES_PER_CONNECTION * (others.open + 1)) return 'only the other connections get pushes'
  return undefined
}

/** Looks at all connections from time to time and has those that seem deaf replaced. @returns stops it */
export function startDoubting(deps: { log: Log; settings: DeafnessSettings; slots: Slot[]; total: Total }): () => void {
  const everyMs = deps.settings.deafMs / 12
  let lookedAt = performance.now()
  const timer = setInterval(() => {
    const now = performance.now()
    const stalled = now - lookedAt > everyMs + STALL_MS
    lookedAt = now
    const open = deps.slots.flatMap((slot) => (slot.serving ? [{ slot, link: slot.serving }] : []))
    for (const { slot, link } of open) {
      // Nobody was silent while we were not listening.
      if (stalled) link.frameAt = now
      const others = {
        open: open.length - 1,
        pushes: deps.total.pushes - link.totalThen.pushes,
        pings: deps.total.pings - link.totalThen.pings,
      }
      const why = judgeHearing(deps.settings, { silentMs: now - link.frameAt, pings: link.pings }, others)
      if (why === undefined) continue
      deps.log.warn({ why, silentMs: Math.round(now - link.frameAt) }, 'stream-doubted')
      slot.replace()
    }
  }, everyMs)
  return () => clearInterval(timer)
}
