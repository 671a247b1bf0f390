import { hashesOf } from './canonical.ts'
import { mayBeVariant } from './event-id.ts'
import { digest } from './ids.ts'
import type { Incident } from './incident.ts'
import { MAX_BODY_BYTES, MAX_ID } from './limits.ts'
import { type Delivery, readDelivery } from './read-delivery.ts'
import { completeIncident, type IncidentReading, readIncident, readPerson } from './read-incident.ts'
import { Fields, type Ignored, type Read as ReadValue, Reading } from './reading/reading.ts'
import { tidyBody } from './reading/tidy.ts'
import { integer, isObject, object, parseJson, time, word } from './reading/values.ts'

/** What Flashduty wants told, as the deliver queue carries it: an incident webhook's body, optionally with `delivery`. */
export type IncidentEvent = {
  /** Flashduty's, or made of the body where it names none. */
  eventId: string
  /** Epoch ms as it is told, maybe of the future; undefined = it is not. */
  eventTime: number | undefined
  eventType: string
  person: { id: number; name: string } | undefined
  /** Of a custom action: Flashduty's integration_id of it. */
  customId: number | undefined
  /** As far as this body alone tells. */
  incident: Incident
  /** What `incident` was made of, to be completed by what is known. */
  reading: IncidentReading
  delivery: Delivery
}

/** Of every body that can be told from others. */
type Readable = {
  /** Parts that were left out. */
  ignored: Ignored[]
  /** What was read: without placeholders and what is nested too deeply. */
  body: unknown
  /** Equal for the same body, whatever the order of its keys. */
  bodyHash: string
  /** The same of what it says about the incident: `delivery` left out. */
  contentHash: string
}

export type ParsedEvent = Readable &
  (
    | { kind: 'event'; event: IncidentEvent }
    /** A well-formed body whose type means nothing to us; never a failure. */
    | { kind: 'unsupported'; eventId: string; eventType: string; incidentId: string | undefined }
    | ({ kind: 'invalid' } & InvalidBody)
  )

export type InvalidBody = {
  eventId: string | undefined
  incidentId: string | undefined
  path: string
  problem: string
}

const SUPPORTED = new Set(
  (
    'i_new i_assign i_a_rspd i_snooze i_wake i_ack i_unack i_storm i_custom i_rslv i_reopen i_merge i_comm ' +
    'i_r_title i_r_desc i_r_impact i_r_rc i_r_rsltn i_r_severity i_r_field i_notify'
  ).split(' '),
)

/** Of a body that does not say what happened: somebody is to be told of an incident. */
const UNTYPED = 'i_notify'

/**
 * Unknown in, typed out; never throws. Only an incident id is demanded: what else makes no sense is left out alone and said.
 * @param arrivedAtMs when the body came; what cannot lie after it and does is left out
 */
export function parseIncidentEvent(raw: unknown, arrivedAtMs: number): ParsedEvent {
  const reading = new Reading()
  const body = tidyBody(unpacked(raw), reading)
  const found = isObject(body) ? body : undefined
  const { bytes, ...hashes } = hashesOf(found ?? { body }, 'delivery')
  const read = (): Readable => ({ ignored: reading.ignored, body, ...hashes })
  const fields = new Fields(found ?? {}, reading.at(''))
  const incident = fields.take(
    'incident',
    object((value) => value),
  )
  const problem = !found
    ? { path: '(body)', problem: 'is not an object' }
    : bytes > MAX_BODY_BYTES
      ? { path: '(body)', problem: `has ${bytes} bytes, more than ${MAX_BODY_BYTES}` }
      : undefined

  const named = takeEventId(fields, incident)
  const eventType = takeEventType(fields)
  const incidentReading = incident && readIncident(incident, reading.at('incident'), arrivedAtMs)
  const incidentId = incidentReading?.incidentId
  if (problem) return { kind: 'invalid', ...read(), eventId: named, incidentId, ...problem }

  const eventId = named ?? `body-${hashes.bodyHash}`
  if (!SUPPORTED.has(eventType)) return { kind: 'unsupported', ...read(), eventId, eventType, incidentId }
  if (!incidentReading) {
    const why = incident
      ? { path: 'incident.incident_id', problem: problemOf(reading, 'incident.incident_id') }
      : { path: 'incident', problem: problemOf(reading, 'incident') }
    return { kind: 'invalid', ...read(), eventId: named, incidentId: undefined, ...why }
  }
  const person = fields.take('person', readPerson)
  const event: IncidentEvent = {
    eventId,
    eventTime: fields.take('event_time', time) || undefined,
    eventType,
    person: person && { id: person.person_id, name: person.person_name },
    customId: fields.take(
      'event_detail',
      object((detail, at) => new Fields(detail, at).take('integration_id', integer(1))),
    ),
    incident: completeIncident(incidentReading, undefined),
    reading: incidentReading,
    delivery: readDelivery(
      fields.take(
        'delivery',
        object((value) => value),
      ),
      reading.at('delivery'),
      eventType,
    ),
  }
  return { kind: 'event', ...read(), event }
}

/** Custom actions put the event id inside the incident. */
function takeEventId(fields: Fields, incident: Record<string, unknown> | undefined): string | undefined {
  const own = fields.take('event_id', word(MAX_ID))
  const id = own ?? (incident && new Fields(incident, new Reading().at('incident')).take('event_id', word(MAX_ID)))
  // Of this kind are the ids that tell variants of one event apart.
  return id !== undefined && mayBeVariant(id) ? `${id.replaceAll('~', '-')}-${digest(8, id)}` : id
}

function takeEventType(fields: Fields): string {
  const type: ReadValue<string> = (value, at) =>
    typeof value === 'string' ? word(MAX_TYPE)(value, at)?.toLowerCase() : at.leaveOut('is not a text')
  return fields.take('event_type', type) ?? UNTYPED
}

/** Templates can make nothing but texts of objects: JSON as a text is the object. */
function unpacked(raw: unknown): unknown {
  const body = typeof raw === 'string' ? (parseJson(raw, '{') ?? raw) : raw
  if (!isObject(body)) return body
  const packed = ['incident', 'delivery', 'person'].flatMap((key): [string, unknown][] => {
    const value = Object.hasOwn(body, key) ? body[key] : undefined
    const inner = typeof value === 'string' ? parseJson(value, '{') : undefined
    return inner === undefined ? [] : [[key, inner]]
  })
  return packed.length === 0 ? body : { ...body, ...Object.fromEntries(packed) }
}

const MAX_TYPE = 64

function problemOf(reading: Reading, path: string): string {
  return reading.ignored.find((part) => part.path === path)?.problem ?? 'is missing'
}
