import { digest } from './ids.ts'

export type Severity = 'Critical' | 'Warning' | 'Info' | 'Ok'
export const SEVERITIES = ['Critical', 'Warning', 'Info', 'Ok'] as const
export type Progress = 'Triggered' | 'Processing' | 'Closed'

export type Person = { person_id: number; person_name: string; email: string; [key: string]: unknown }
/** Times in Unix seconds; 0 = unset. */
export type Responder = Person & { assigned_at: number; acknowledged_at: number }
export type Image = { src: string; href: string; alt: string; [key: string]: unknown }

/**
 * The incident as Flashduty's webhook, jobs and `/incident/info` carry it; times in Unix seconds, 0 = unset.
 * Only the fields the daemon reads are named; the rest passes through untouched.
 */
export type Incident = {
  incident_id: string
  num: string
  title: string
  /** One of `Severity`, or whatever else was written; empty = nothing was. */
  incident_severity: string
  /** `Ok` = recovered; other values are no business of the card's. */
  incident_status: string | undefined
  progress: Progress
  start_time: number
  detail_url: string
  silence_url: string | undefined
  description: string
  impact: string | undefined
  ai_summary: string | undefined
  images: Image[] | undefined
  fields: Record<string, unknown> | undefined
  updated_at: number | undefined
  ack_time: number
  close_time: number
  end_time: number
  snoozed_before: number
  channel_id: number
  channel_name: string
  alert_cnt: number
  labels: Record<string, string> | undefined
  responders: Responder[] | undefined
  closer: Person | undefined
  closer_id: number | undefined
  account_locale: string | undefined
  account_time_zone: string | undefined
  assigned_to: Assignment | undefined
  [key: string]: unknown
}

export type Assignment = {
  type: string | undefined
  escalate_rule_id: string | undefined
  escalate_rule_name: string | undefined
  layer_idx: number | undefined
  [key: string]: unknown
}

/** In whatever case it is written; undefined for one that Flashduty does not have. */
export function knownSeverity(written: string): Severity | undefined {
  const lower = written.trim().toLowerCase()
  return SEVERITIES.find((severity) => severity.toLowerCase() === lower)
}

const URGENCY: Record<Severity, number> = { Critical: 3, Warning: 2, Info: 1, Ok: 0 }

/** Higher = more severe. One that nobody knows queues as Warning. */
export function urgencyOf(severity: string): number {
  return URGENCY[knownSeverity(severity) ?? 'Warning']
}

/**
 * Whether a filter lets the severity through; an empty one lets all through. What cannot be told from the filter's own words
 * is told rather than hidden.
 */
export function passesSeverity(filter: string[], severity: string): boolean {
  const known = knownSeverity(severity)
  return filter.length === 0 || known === undefined || filter.some((word) => knownSeverity(word) === known)
}

/**
 * Which of two snapshots of an incident is newer, compared field by field: see version.ts.
 */
export type IncidentVersion = { updatedAt: number; eventTime: number; eventId: string }

/** Who did the last thing worth naming on the card, and when (Unix seconds). */
export type LastAct = {
  eventType: string
  personName: string
  at: number
  /** Name of a custom action. */ what?: string
}

/** Each person once, by number or else by name: acknowledged where one of the entries says so. */
export function respondersOf({ responders }: Pick<Incident, 'responders'>): Responder[] {
  const once = new Map<number | string, Responder>()
  for (const person of responders ?? []) {
    const key = person.person_id > 0 ? person.person_id : person.person_name
    const known = once.get(key)
    once.set(key, known ? { ...known, acknowledged_at: known.acknowledged_at || person.acknowledged_at } : person)
  }
  return [...once.values()]
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
