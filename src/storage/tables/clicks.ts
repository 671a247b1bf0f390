import type { Generated } from 'kysely'

/** Presses of buttons, on cards and pages. */
export type ClickTables = {
  clicks: ClicksTable
  wanted_acts: WantedActsTable
  card_callbacks: CardCallbacksTable
}

export type ClicksTable = {
  id: string
  integration_id: string
  incident_id: string
  out_track_id: string
  dingtalk_user_id: string
  member_id: number
  /** What the member was called then; null = the click came before this was kept, and nobody knows. */
  member_name: string | null
  action: string
  minutes: number | null
  revision: number
  /** Unique while pending or done; null once failed, so that the person may press again. */
  active_key: string | null
  status: 'pending' | 'done' | 'failed'
  reason: string | null
  attempts: number
  due_at: number | null
  lease_owner: string | null
  lease_until: number
  created_at: number
  updated_at: number
  /** Of `custom`: Flashduty's integration_id of the action. */
  custom_id: number | null
  /** What the person wrote to go with it. */
  comment: string | null
  /** Of a failure: what was said about it. */
  detail: string | null
  /** When it was handed over, for acts that must not be handed over twice. */
  sent_at: number | null
  /** `page`: by a form of our own, without a card. */
  source: 'card' | 'page'
  /** 1 = the person was told that it is being worked on, and waits for the rest. */
  told_working: number
  /** The presser's corporation. */
  corp_id: Generated<string | null>
}

/** What somebody pressed before they could: offered once they are linked. One per person and card. */
export type WantedActsTable = {
  /** Worth nothing to anybody but the person. */
  token: string
  integration_id: string
  dingtalk_user_id: string
  out_track_id: string
  incident_id: string
  action: string
  minutes: number | null
  custom_id: number | null
  created_at: number
  expires_at: number
}

/** Presses that came over HTTP, by what makes each acceptable once. */
export type CardCallbacksTable = {
  integration_id: string
  /** Text of the signed timestamp. */
  stamp: string
  signature: string
  body_hash: string
  /** JSON text of what it was answered; null until then. */
  answer: string | null
  received_at: number
}
