/** What people are to be shown of incidents, and where. */
export type CardTables = {
  notifications: NotificationsTable
  cards: CardsTable
  placements: PlacementsTable
  turns: TurnsTable
  missed: MissedTable
  notices: NoticesTable
  card_tests: CardTestsTable
}

export type NotificationsTable = {
  integration_id: string
  incident_id: string
  notification_key: string
  generation: number
  prefix: string
  event_id: string
  /** When its event was, in ms; what comes late takes its place by it. */
  event_time: number
  created_at: number
}

export type CardsTable = {
  out_track_id: string
  integration_id: string
  incident_id: string
  notification_key: string
  audience_key: string
  audience: string
  replacement: number
  /**
   * `creating`: a create may be under way; `unsure`: nobody knows whether it was done, ask DingTalk; `gone`: DingTalk
   * forgot it, a replacement stands in.
   */
  stage: 'absent' | 'creating' | 'unsure' | 'present' | 'gone'
  /** 1 = one last PUT is due or was made. */
  frozen: number
  allowed_rev: number
  shown_rev: number
  shown_hash: string | null
  /** When placements want delivering, and when the face wants updating (or the card probing); null = nothing due. */
  deliver_due_at: number | null
  update_due_at: number | null
  /** Among due cards: the lowest lane first, inside a lane the lowest turn; see turns.ts. */
  deliver_lane: number
  deliver_turn: number
  update_lane: number
  update_turn: number
  /** With whom the card shares its turns: the group (or person) it is for. */
  turn_key: string
  /** How much of what comes from outside it shows, since DingTalk refused it once, or processes died over it; see cards.ts. */
  plain: number
  /** No PUT before this: a press is being answered. */
  held_until: number
  lease_owner: string | null
  lease_until: number
  /** How often in a row a lease of it came to its end without a word from who held it. */
  lost_leases: number
  /** When the last call for it ended. */
  called_at: number
  failures: number
  /** Whom groups mention when the card is put into them: JSON list; null = nobody. */
  mentions: string | null
  created_at: number
  updated_at: number
}

export type PlacementsTable = {
  out_track_id: string
  kind: 'group' | 'person'
  target_id: string
  status: 'waiting' | 'sending' | 'delivered' | 'failed' | 'cancelled'
  /** With how many (itself included) it may go into one call; 0 = as many as fit. Halved when a call was refused whole. */
  share: number
  /** Deliveries of it whose outcome was never learnt. */
  unknown_outcomes: number
  /** While it waits: it is not sent before this. */
  not_before: number
  carrier_id: string | null
  reason: string | null
  updated_at: number
}

/** How often each has had its turn, one row per group or person and one ('') for where the queue stands. */
export type TurnsTable = { integration_id: string; api: 'create' | 'update'; turn_key: string; turn: number }

/** Who would have got a card of a notification had they been there. */
export type MissedTable = {
  integration_id: string
  incident_id: string
  kind: 'group' | 'person'
  /** openConversationId, or `member:` and the member id. */
  target_id: string
  member_id: number | null
  event_id: string
  record_key: string
  notification_key: string
  generation: number
  prefix: string
  audience: string
  expires_at: number | null
  /** The severities (JSON text) one of which the incident has to reach first; null = the target itself was missing. */
  severities: string | null
  created_at: number
}

/** A short text that a group or a person is to be told once. */
export type NoticesTable = {
  id: string
  integration_id: string
  /** Empty when it tells a person what they may do from now on: that is sent even when calls are scarce. */
  incident_id: string
  /** Empty when it is for a person. */
  open_conversation_id: string
  dingtalk_user_id: string | null
  text: string
  due_at: number
  /** After this it is news no more. */
  expires_at: number
}

/** The last test card of each group or person. */
export type CardTestsTable = {
  /** One of the reserved ids. */
  incident_id: string
  integration_id: string
  kind: 'group' | 'person'
  target_id: string
  target_name: string | null
  started_at: number
  /** Until then it is waited for a press. */
  ends_at: number
  /** When its card was closed, or was found not to be there; null = it is under way. */
  ended_at: number | null
  pressed_at: number | null
  /** DingTalk user. */
  pressed_by: string | null
  door: string | null
  manner: string | null
  answered_at: number | null
  answer_written: number | null
  /** A `TestResult`; null = whoever made it has not said. */
  result: string | null
}
