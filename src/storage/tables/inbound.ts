/** What came in, through which door and when. */
export type InboundTables = {
  inbox: InboxTable
  journal: JournalTable
  doors: DoorsTable
  last_heard: LastHeardTable
  webhook_watch: WebhookWatchTable
}

export type InboxTable = {
  /**
   * `event`: DingTalk's eventId. `deliver`: Flashduty's event_id or the job's id. `posted`: event_id of a webhook.
   * `fetched`: an event of DingTalk's list of failed pushes. `probe` is never committed.
   */
  source: 'event' | 'deliver' | 'posted' | 'fetched' | 'probe'
  id: string
  received_at: number
  /** The raw body: of `deliver` when it could not be read, of `posted` until its plan is committed, of `fetched` until taken in. */
  payload: string | null
  /** Flashduty's own id of the event, of every body that came under it; null = the row came before this was kept. */
  event_id: string | null
  /** Of `deliver` and `posted`: of the whole body, and of what is left of it without `delivery`. */
  body_hash: string | null
  content_hash: string | null
  /** Of `deliver`: the version it was given because its own times could not be believed; null = it has its own. */
  version_updated_at: number | null
  version_event_time: number | null
}

/** What came in from DingTalk, without its secrets. */
export type JournalTable = {
  id: string
  integration_id: string
  received_at: number
  kind: 'event' | 'press' | 'message'
  /** eventType of an event, id of the pressed button. */
  type: string
  /** eventId, outTrackId or msgId. */
  business_id: string
  group_id: string | null
  user_id: string | null
  /** Bytes of the value. */
  size: number
  /** JSON text of the headers and the body as they came. */
  value: string
}

/** When something last came in through which door: `http-event`, `stream-press` …; up to a minute behind. */
export type DoorsTable = { integration_id: string; door: string; heard_at: number }

/** When each integration last had a live connection. */
export type LastHeardTable = { integration_id: string; heard_at: number }

/** Whether webhooks could be taken in for each integration; see `storage/webhook-watch.ts`. */
export type WebhookWatchTable = {
  integration_id: string
  /** When they last could. */
  able_at: number
  /** A time in which some may have been missed, not read yet; null = there is none. */
  gap_from: number | null
  gap_until: number | null
  /** When open cards are compared with Flashduty next; null = to be decided. */
  compare_at: number | null
}
