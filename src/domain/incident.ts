import { z } from 'zod'

import { digest } from './ids.ts'

/** Unix seconds up to the year 9999, so that every one of them is a date. */
const time = z.number().min(0).max(253_402_300_799)
/** 0 and absent both mean unset. */
const seconds = time.default(0)

/**
 * An object whose unknown keys pass through and whose known ones may be null instead of absent: what serialises unset
 * values as null must not cost an alert.
 */
export function tolerant<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.preprocess((value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
    return Object.fromEntries(
      Object.entries(value).filter(([key, field]) => field !== null || !Object.hasOwn(shape, key)),
    )
  }, z.looseObject(shape))
}

const person = {
  person_id: z.number().int(),
  person_name: z.string().default(''),
  email: z.string().default(''),
}
export const Person = tolerant(person)
/** Decoration: whatever is odd about it is left out, never a reason to refuse the alert. */
const Images = z
  .array(tolerant({ src: z.string().default(''), href: z.string().default(''), alt: z.string().default('') }))
  .optional()
  .catch(undefined)
const Responder = tolerant({ ...person, assigned_at: seconds, acknowledged_at: seconds })

/**
 * The incident as Flashduty's webhook, jobs and `/incident/info` carry it; times in Unix seconds.
 * Only the fields the daemon reads are named; the rest passes through untouched.
 */
export const IncidentSchema = tolerant({
  incident_id: z.string().min(1).max(64),
  num: z.string().default(''),
  title: z.string(),
  incident_severity: z.enum(['Critical', 'Warning', 'Info', 'Ok']),
  /** `Ok` = recovered; other values are no business of the card's. */
  incident_status: z.string().optional().catch(undefined),
  progress: z.enum(['Triggered', 'Processing', 'Closed']),
  start_time: time,
  detail_url: z.string().default(''),
  silence_url: z.string().optional(),
  description: z.string().default(''),
  impact: z.string().optional().catch(undefined),
  ai_summary: z.string().optional().catch(undefined),
  images: Images,
  fields: z.record(z.string(), z.unknown()).optional().catch(undefined),
  updated_at: time.optional(),
  ack_time: seconds,
  close_time: seconds,
  end_time: seconds,
  snoozed_before: seconds,
  channel_id: z.number().default(0),
  channel_name: z.string().default(''),
  alert_cnt: z.number().default(0),
  labels: z.record(z.string(), z.string()).optional(),
  responders: z.array(Responder).optional(),
  closer: Person.optional(),
  closer_id: z.number().optional().catch(undefined),
  account_locale: z.string().optional(),
  account_time_zone: z.string().optional(),
  assigned_to: tolerant({
    type: z.string().optional(),
    escalate_rule_id: z.string().optional(),
    escalate_rule_name: z.string().optional(),
    layer_idx: z.number().optional(),
  }).optional(),
})

export type Incident = z.infer<typeof IncidentSchema>
export type Severity = Incident['incident_severity']
export type Progress = Incident['progress']

const URGENCY: Record<Severity, number> = { Critical: 3, Warning: 2, Info: 1, Ok: 0 }

/** Higher = more severe. */
export function urgencyOf(severity: Severity): number {
  return URGENCY[severity]
}

/**
 * Which of two snapshots of an incident is newer, compared field by field. An answer of `/incident/info` counts as
 * `(updated_at, updated_at·1000, '')`; our own clock never takes part.
 */
export type IncidentVersion = { updatedAt: number; eventTime: number; eventId: string }

const STAGE: Record<Progress, number> = { Triggered: 1, Processing: 2, Closed: 3 }

/**
 * Events of the same millisecond count in the order in which incidents live: `i_new` first, closed last. Only among those
 * alike do the ids decide.
 */
export function versionOfEvent(
  incident: Incident,
  event: { eventType: string; eventTime: number; eventId: string },
): IncidentVersion {
  const stage = event.eventType === 'i_new' ? 0 : STAGE[incident.progress]
  return {
    updatedAt: incident.updated_at || Math.floor(event.eventTime / 1000),
    eventTime: event.eventTime,
    eventId: `${stage}:${event.eventId}`,
  }
}

export function versionOfInfo(incident: Incident): IncidentVersion {
  const updatedAt = incident.updated_at ?? 0
  return { updatedAt, eventTime: updatedAt * 1000, eventId: '' }
}

/** Who did the last thing worth naming on the card, and when (Unix seconds). */
export type LastAct = {
  eventType: string
  personName: string
  at: number
  /** Name of a custom action. */ what?: string
}

/** Closed because the alerts recovered, as opposed to closed by somebody. */
export function hasRecovered({ progress, closer, closer_id: closerId, ...incident }: Incident): boolean {
  if (progress !== 'Closed' || closer !== undefined || (closerId ?? 0) > 0) return false
  return incident.incident_status === undefined ? incident.end_time > 0 : incident.incident_status === 'Ok'
}

/** A body and a title that Flashduty made from its own template, in place of the built-in ones. */
export type Rendered = { title: string | undefined; body: string | undefined }

/** What a rendered text was made from: equal for snapshots that one rendered text may stand for, images apart. */
export function contentKey({ title, description, labels, incident_severity: severity }: Incident): string {
  const sorted = Object.entries(labels ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))
  return digest(24, JSON.stringify([title, description, sorted, severity]))
}
