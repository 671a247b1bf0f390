import type { IncidentEvent } from '../../domain/event.ts'

/** What an event asks for, beside updating the cards that exist. */
export type Ask =
  /** Cards for targets that have none yet; `first` is one notification however many events make it up. */
  | { kind: 'first' }
  /** Cards for every target, again. */
  | { kind: 'again'; key: string; prefix: string }
  | { kind: 'update-only' }

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
