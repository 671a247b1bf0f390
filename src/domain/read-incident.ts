import { type Assignment, type Image, type Incident, knownSeverity, type Person, type Responder } from './incident.ts'
import {
  MAX_ADDRESS,
  MAX_IMAGES,
  MAX_LABEL,
  MAX_LABEL_NAME,
  MAX_LABELS,
  MAX_NAME,
  MAX_RESPONDERS,
  MAX_TEXT,
  MAX_TITLE,
} from './limits.ts'
import { Fields, type Place, type Read } from './reading/reading.ts'
import { integer, isObject, list, object, oneOf, secondsUntil, text, time, word } from './reading/values.ts'

/**
 * What could be read of an incident. Flashduty's pages mark the fields that a webhook always has; a body of somebody's own
 * making may lack any of them, and any value may be odd.
 */
export type IncidentReading = {
  incidentId: string
  fields: { [Key in keyof Incident]?: Incident[Key] | undefined }
  /** Fields that were there and made no sense. */
  unreadable: ReadonlySet<string>
  /** `updated_at` as it was written, Unix seconds; undefined = it was not. It may lie in the future. */
  updatedAt: number | undefined
}

/** Flashduty's ids have 24 letters. */
const MAX_INCIDENT_ID = 64
const MAX_SHORT = 64

const DAY_MS = 86_400_000
/** Nobody puts an incident off for longer. */
const SNOOZE_MS = 3_660 * DAY_MS

const incidentId: Read<string> = (value, at) => {
  if (typeof value !== 'string') return at.leaveOut('is not a text')
  const id = value.trim()
  if (id === '') return at.leaveOut('is empty')
  return id.length <= MAX_INCIDENT_ID ? id : at.leaveOut(`is longer than ${MAX_INCIDENT_ID} letters`)
}

const readablePerson: Read<Person> = object((raw, at) => {
  if (Object.keys(raw).length === 0) return undefined
  const fields = new Fields(raw, at)
  const id = fields.take('person_id', integer()) ?? 0
  const name = fields.take('person_name', text(MAX_NAME)) ?? ''
  const email = fields.take('email', text(MAX_NAME)) ?? ''
  // Number 0 is the system itself.
  return id === 0 && name === '' ? undefined : { ...raw, person_id: id, person_name: name, email }
})

function responder(past: Read<number>): Read<Responder> {
  return object((raw, at) => {
    const fields = new Fields(raw, at)
    const id = fields.take('person_id', integer(1))
    if (id === undefined) {
      return fields.unreadable.size > 0 ? undefined : at.of('person_id').leaveOut('is missing')
    }
    return {
      ...raw,
      person_id: id,
      person_name: fields.take('person_name', text(MAX_NAME)) ?? '',
      email: fields.take('email', text(MAX_NAME)) ?? '',
      assigned_at: fields.take('assigned_at', past) ?? 0,
      acknowledged_at: fields.take('acknowledged_at', past) ?? 0,
    }
  })
}

/** Stands for an address that is too long to be kept: it leads nowhere, and shows that there was one. */
const TOO_LONG = '…'

/** One that is too long is left out, but not without a trace: cards and pages say that it is missing. */
const address: Read<string> = (value, at) => {
  const whole = word(MAX_ADDRESS)(value, at)
  return whole === undefined && typeof value === 'string' && value.trim() !== '' ? TOO_LONG : whole
}

const image: Read<Image> = (value, at) => {
  if (typeof value === 'string') return { src: address(value, at) ?? '', href: '', alt: '' }
  if (!isObject(value)) return at.leaveOut('is not an object')
  const fields = new Fields(value, at)
  return {
    ...value,
    src: fields.take('src', address) ?? '',
    href: fields.take('href', address) ?? '',
    alt: fields.take('alt', text(MAX_NAME)) ?? '',
  }
}

/** Serialisers that know no difference between lists and maps write an empty map as `[]`. */
function map<T>(read: Read<T>): Read<T> {
  return (value, at) => read(Array.isArray(value) && value.length === 0 ? {} : value, at)
}

const person = map(readablePerson)

const labels: Read<Record<string, string>> = map(
  object((raw, at) => {
    const entries = Object.entries(raw).filter(([, value]) => value !== null && value !== undefined)
    if (entries.length > MAX_LABELS) at.leaveOut(`has ${entries.length} labels, more than ${MAX_LABELS}`)
    const read = text(MAX_LABEL)
    const taken = entries.slice(0, MAX_LABELS).flatMap(([name, value]): [string, string][] => {
      const of = at.of(name.slice(0, MAX_SHORT))
      const shown = name.length <= MAX_LABEL_NAME ? read(value, of) : of.leaveOut('has a name that is too long')
      return shown === undefined ? [] : [[name, shown]]
    })
    if (taken.length === 0 && entries.length > 0) return at.leaveOut('has no label that makes sense')
    return Object.fromEntries(taken)
  }),
)

const assignment: Read<Assignment> = map(
  object((raw, at) => {
    const fields = new Fields(raw, at)
    return {
      ...raw,
      type: fields.take('type', word(MAX_SHORT))?.toLowerCase(),
      escalate_rule_id: fields.take('escalate_rule_id', word(MAX_SHORT)),
      escalate_rule_name: fields.take('escalate_rule_name', text(MAX_NAME)),
      layer_idx: fields.take('layer_idx', integer(0, 1_000)),
    }
  }),
)

const severity: Read<string> = (value, at) => {
  const written = word(MAX_SHORT)(value, at)
  return written === undefined ? undefined : (knownSeverity(written) ?? written)
}

/**
 * What can be read of an incident.
 * @param arrivedAtMs when the body came: what has to be past then and is a day off is no time of this incident
 * @returns undefined without an id that can be read
 */
export function readIncident(
  raw: Record<string, unknown>,
  at: Place,
  arrivedAtMs: number,
): IncidentReading | undefined {
  const fields = new Fields(raw, at)
  const id = fields.take('incident_id', incidentId)
  if (id === undefined) return undefined
  const past = secondsUntil(arrivedAtMs + DAY_MS)
  const updatedMs = fields.take('updated_at', time)
  const read: IncidentReading['fields'] = {
    ...raw,
    incident_id: id,
    num: fields.take('num', text(MAX_SHORT)),
    title: fields.take('title', text(MAX_TITLE)),
    incident_severity: fields.take('incident_severity', severity),
    incident_status: fields.take('incident_status', word(MAX_SHORT)),
    progress: fields.take('progress', oneOf(['Triggered', 'Processing', 'Closed'])),
    start_time: fields.take('start_time', past),
    detail_url: fields.take('detail_url', address),
    silence_url: fields.take('silence_url', address),
    description: fields.take('description', text(MAX_TEXT)),
    impact: fields.take('impact', text(MAX_TEXT)),
    ai_summary: fields.take('ai_summary', text(MAX_TEXT)),
    images: fields.take('images', list(image, MAX_IMAGES)),
    fields: fields.take('fields', map(object((value) => value))),
    updated_at: updatedMs ? Math.floor(updatedMs / 1_000) : undefined,
    ack_time: fields.take('ack_time', past),
    close_time: fields.take('close_time', past),
    end_time: fields.take('end_time', past),
    snoozed_before: fields.take('snoozed_before', secondsUntil(arrivedAtMs + SNOOZE_MS)),
    channel_id: fields.take('channel_id', integer()),
    channel_name: fields.take('channel_name', text(MAX_NAME)),
    alert_cnt: fields.take('alert_cnt', integer()),
    labels: fields.take('labels', labels),
    responders: fields.take('responders', list(responder(past), MAX_RESPONDERS)),
    closer: fields.take('closer', person),
    closer_id: fields.take('closer_id', integer()),
    account_locale: fields.take('account_locale', word(MAX_SHORT)),
    account_time_zone: fields.take('account_time_zone', word(MAX_SHORT)),
    assigned_to: fields.take('assigned_to', assignment),
  }
  return { incidentId: id, fields: read, unreadable: fields.unreadable, updatedAt: read.updated_at }
}

/** Who did something, as an event's body names them. */
export { person as readPerson }

/** What an event says of every incident, whoever made the body: where it says nothing, what is known stays. */
const ALWAYS_SAID = [
  'num',
  'title',
  'incident_severity',
  'progress',
  'start_time',
  'detail_url',
  'channel_id',
  'channel_name',
  'account_locale',
  'account_time_zone',
] as const satisfies (keyof Incident)[]

/** What stands for a field of which nothing is known; every other one may be missing. */
const UNKNOWN = {
  num: '',
  title: '',
  incident_severity: '',
  progress: 'Triggered',
  start_time: 0,
  detail_url: '',
  description: '',
  ack_time: 0,
  close_time: 0,
  end_time: 0,
  snoozed_before: 0,
  channel_id: 0,
  channel_name: '',
  alert_cnt: 0,
} as const satisfies Partial<Incident>

/** Whether what is known of the incident has a part in what it is now. */
export function lacksParts({ fields, unreadable }: IncidentReading): boolean {
  return unreadable.size > 0 || ALWAYS_SAID.some((key) => fields[key] === undefined)
}

/** The incident as a whole: what was read, over what was known for the parts that could not be. */
export function completeIncident(reading: IncidentReading, known: Incident | undefined): Incident {
  const kept = [...ALWAYS_SAID.filter((key) => reading.fields[key] === undefined), ...reading.unreadable]
  const over: [string, unknown][] = kept.map((key) => [key, known?.[key]])
  const incident = { ...reading.fields, ...Object.fromEntries(over) }
  for (const [key, value] of Object.entries(UNKNOWN)) incident[key] ??= value
  // An incident is as new as its event, whatever was known of it.
  return { ...incident, updated_at: reading.updatedAt } as Incident
}
