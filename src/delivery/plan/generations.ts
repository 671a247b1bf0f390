import type { Ask } from './ask.ts'
import type { ExistingCard, Plan, PlanInput } from './plan.ts'

export type Notified = {
  notification: NonNullable<Plan['notification']>
  /** It comes late: whatever has its generation or a later one moves up by one. */
  inserts: boolean
}

/** The notification that an event belongs to. Generations follow the events' own order, not that of their arrival. */
export function notificationOf({ cards, eventTime }: PlanInput, ask: Exclude<Ask, { kind: 'update-only' }>): Notified {
  const key = ask.kind === 'first' ? 'first' : ask.key
  const prefix = ask.kind === 'again' ? ask.prefix : ''
  const known = cards.find((card) => card.notificationKey === key)
  if (known) return { notification: { key, generation: known.generation, prefix }, inserts: false }
  const later = cards.filter((card) => eventTime !== undefined && (card.eventTime ?? 0) > eventTime)
  const generation =
    later.length > 0
      ? Math.min(...later.map((card) => card.generation))
      : Math.max(-1, ...cards.map((card) => card.generation)) + 1
  return { notification: { key, generation, prefix }, inserts: later.length > 0 }
}

export function makeRoom(input: PlanInput, generation: number): PlanInput {
  const moved = (card: ExistingCard): ExistingCard =>
    card.generation < generation ? card : { ...card, generation: card.generation + 1 }
  return { ...input, cards: input.cards.map(moved) }
}
