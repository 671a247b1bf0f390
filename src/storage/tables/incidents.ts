import type { Generated } from 'kysely'

import type { Progress } from '../../domain/incident.ts'

/** Incidents as last known. */
export type IncidentTables = {
  incidents: IncidentsTable
  responders: RespondersTable
}

export type IncidentsTable = {
  integration_id: string
  incident_id: string
  /** How often the snapshot moved forward here; starts at 1. */
  rev: number
  version_updated_at: number
  version_event_time: number
  version_event_id: string
  /** Epoch ms at which this version could be believed; null = whatever it says was believed. */
  version_stored_at: number | null
  progress: Progress
  snapshot: string
  last_act: string | null
  /** Epoch ms; null = not snoozed. */
  snoozed_until: number | null
  snooze_over: number
  /** Flashduty's own rendering of title and body as JSON text; null = the built-in card is drawn. */
  rendered: string | null
  /** What the snapshot's texts come to, images apart; see `contentKey`. */
  content_key: string | null
  /** Images (JSON text) and silence page as last named: webhooks leave them out, `/incident/info` has them. */
  images: string | null
  silence_url: string | null
  /** What the last delivery that spoke of it said; null = none did. */
  flapping: number | null
  in_storm: number | null
  /** 1 = Flashduty does not know it any more. */
  gone: number
  /** The corporation that was told of it last; null = that of an integration which is gone. */
  corp_id: Generated<string | null>
  created_at: number
  updated_at: number
}

/** Members whom an open incident is assigned to; follows `incidents.snapshot`. */
export type RespondersTable = {
  integration_id: string
  incident_id: string
  member_id: number
  /** Higher = more severe. */
  urgency: number
  /** Unix seconds, as Flashduty says it. */
  start_time: number
}
