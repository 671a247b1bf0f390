import type { IncidentEvent } from '../../domain/event.ts'
import type { PlanInput } from './plan.ts'

/** What an event asks for, beside updating the cards that exist. */
export type Ask =
  /** Cards for targets that have none yet; `first` is one notification however many events make it up. */
  | { kind: 'first'; onlyMembers?: ReadonlySet<number> }
  /** Cards for every target, again. */
  | { kind: 'again'; key: string; prefix: string }
  | { kind: 'update-only' }

/** Whether nothing but the incident itself says who is told. */
export function namesNobody({ delivery }: IncidentEvent): boolean {
  const { unreadableTargets } = delivery
  return (
    unreadableTargets.length === 0 &&
    delivery.mode === 'auto' &&
    delivery.chats === undefined &&
    delivery.personIds === undefined
  )
}

/**
 * The same, but that whoever has become a responder is told by whatever event shows it first: Flashduty's console offers no
 * webhook for that alone.
 */
export function readAskOf({ event, integration, isNewest, progress, recorded }: PlanInput): Ask {
  const ask = readAsk(event)
  const mayTell = integration.dmFromWebhook && isNewest && progress !== 'Closed' && namesNobody(event)
  if (ask.kind !== 'update-only' || !mayTell || recorded === undefined) return ask
  // Whoever acts becomes a responder by it, and knows.
  const unheard = (event.incident.responders ?? [])
    .filter((person) => !person.acknowledged_at && person.person_id !== event.person?.id)
    .map((person) => person.person_id)
    .filter((id) => !recorded.has(id))
  return unheard.length === 0 ? ask : { kind: 'first', onlyMembers: new Set(unheard) }
}

/** A new generation's prefix and key by the event that asks for it; see the glossary for "notification". */
export function readAsk(event: IncidentEvent): Ask {
  const { delivery, eventType } = event
  if (delivery.mode === 'update') return { kind: 'update-only' }
  const assigned = event.incident.assigned_to?.type || 'assign'
  if (eventType === 'i_assign' && assigned !== 'assign') {
    return { kind: 'again', key: event.eventId, prefix: assigned.toUpperCase() }
  }
  if (delivery.fireType === 'refire' && (eventType === 'i_notify' || eventType === 'i_assign')) {
    const times = delivery.fireTimes > 1 ? ` ×${delivery.fireTimes}` : ''
    return { kind: 'again', key: delivery.rid ?? event.eventId, prefix: `REFIRE${times}` }
  }
  const first = ['i_new', 'i_assign', 'i_notify', 'i_a_rspd'].includes(eventType) || delivery.mode === 'create'
  return first ? { kind: 'first' } : { kind: 'update-only' }
}
