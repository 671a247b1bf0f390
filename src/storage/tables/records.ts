import type { Generated } from 'kysely'

/** What came of it, for operators and for Flashduty. */
export type RecordTables = {
  records: RecordsTable
  results: ResultsTable
}

export type RecordsTable = {
  record_key: string
  integration_id: string | null
  event_id: string | null
  incident_id: string | null
  incident_num: string | null
  event_type: string | null
  fire_type: string | null
  rid: string | null
  kind: 'group' | 'person' | 'action' | 'none' | 'job'
  target_id: string
  target_name: string | null
  /** Flashduty's id of the person. */
  member_id: number | null
  /** The card it waits for, and the revision that settles it. */
  out_track_id: string | null
  rev: number | null
  effect: 'create' | 'update' | null
  msg_id: string | null
  status: 'pending' | 'retrying' | 'success' | 'updated' | 'failed' | 'skipped'
  reason_code: string | null
  failed_reason: string | null
  detail: string | null
  /** Parts of the event's body that were left out; stands in `detail` behind whatever else does. */
  ignored: string | null
  note: string | null
  duplicates: number
  /** The corporation that the integration was of then; null = of none. */
  corp_id: Generated<string | null>
  created_at: number
  updated_at: number
}

/** What Flashduty is to be told about one event's notification. */
export type ResultsTable = {
  integration_id: string
  event_id: string
  incident_id: string
  /** What the event said about itself, to be echoed. */
  context: string
  /** Number of the last report. */
  seq: number
  /** What was told last (`noteOf`), after a `~` while nobody knows whether it was. */
  reported: string | null
  /** When it has to be looked at; null = nothing changed. */
  due_at: number | null
  created_at: number
}
