import type { Kysely } from 'kysely'

import type { GroupFacts, GroupStatus } from '../domain/group.ts'
import type { ActingWay } from '../domain/integration.ts'

/** Epoch milliseconds unless a column says otherwise; flags are 0 or 1; nested values are JSON text. */

export type IntegrationsTable = {
  /** Public: it is part of the page addresses. */
  id: string
  name: string
  corp_id: string
  agent_id: string
  client_id: string
  client_secret_enc: string
  aes_key_enc: string
  token_enc: string
  /** Secret key of the callback addresses, and its hash to find the integration by. */
  callback_key_enc: string
  callback_key_hash: string
  data_source_id: number | null
  cool_app_code: string | null
  qps: number
  connections: number
  /** Calls and pushes that DingTalk allows the corporation each month; 0 = unlimited. */
  monthly_calls: number
  monthly_pushes: number
  /** Messages a minute that one group may get; 0 = unlimited. */
  group_per_minute: number
  /** Key of the account for reading escalation rules. */
  flashduty_key_enc: string | null
  /** How presses are carried out, and the account owner's key for making members' keys. */
  acting: ActingWay
  owner_key_enc: string | null
  /** The administrator's own card template, and when DingTalk last refused it. */
  template_id: string | null
  template_refused_at: number | null
  /** 1 = responders are told in their own chats when a webhook names nobody. */
  dm_from_webhook: number
  /** How the console delivers events, whether a Stream is opened, and which cards the open incidents were brought to. */
  event_mode: 'stream' | 'http'
  stream_on: number
  cards_mode: 'STREAM' | 'HTTP'
  is_default: number
  enabled: number
  /** Grows with every change, so that a running daemon notices. */
  revision: number
  created_at: number
  updated_at: number
}

export type GroupsTable = GroupFacts & {
  integration_id: string
  open_conversation_id: string
  chat_id: string | null
  title: string | null
  /** This and the codes are what the facts come to; see domain/group.ts. `unknown`: heard of, but never seen installed. */
  status: GroupStatus
  /** The robot to send with there: may differ from the app's own. */
  robot_code: string | null
  cool_app_code: string | null
  /** DingTalk's time of the newest title taken in. */
  titled_at: number
  /** When to ask DingTalk about it; null = nothing to ask. */
  refresh_due_at: number | null
  /** `news`: something happened that only DingTalk can explain; the others have a share of the month's calls each. */
  refresh_why: 'news' | 'outage' | 'routine' | null
  refresh_failures: number
  /** When we asked the question that DingTalk answered last. */
  asked_at: number
  /** When something last proved that the group is there, an answer or a message. */
  verified_at: number
  /** Why DingTalk would not tell about it. */
  note: string | null
  created_at: number
  updated_at: number
}

export type AccountLinksTable = {
  integration_id: string
  dingtalk_user_id: string
  member_id: number
  member_name: string
  /** `login`: confirmed by the person, as DingTalk's own directory names them; `key`: proven with their APP Key. */
  linked_by: 'admin' | 'login' | 'key'
  linked_at: number
  /** When the person was found to have left the corporation; null = linked. */
  suspended_at: number | null
  /** When to ask DingTalk whether the person is still there. */
  check_due_at: number | null
}

export type MemberKeysTable = {
  integration_id: string
  member_id: number
  key_enc: string
  status: 'good' | 'bad'
  updated_at: number
  /** 1 = the account owner made it, not the member. */
  made: number
  /** How often it was made anew since it last worked. */
  remakes: number
}

/** Whoever is about to make a member's key has it alone. */
export type KeyMakingsTable = { integration_id: string; member_id: number; lease_owner: string; lease_until: number }

export type IncidentsTable = {
  integration_id: string
  incident_id: string
  /** How often the snapshot moved forward here; starts at 1. */
  rev: number
  version_updated_at: number
  version_event_time: number
  version_event_id: string
  progress: 'Triggered' | 'Processing' | 'Closed'
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

export type NotificationsTable = {
  integration_id: string
  incident_id: string
  notification_key: string
  generation: number
  prefix: string
  event_id: string
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
  /** 1 = DingTalk refused the content once: drawn without anything from outside but the title. */
  plain: number
  /** No PUT before this: a press is being answered. */
  held_until: number
  lease_owner: string | null
  lease_until: number
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
  carrier_id: string | null
  reason: string | null
  updated_at: number
}

export type ClicksTable = {
  id: string
  integration_id: string
  incident_id: string
  out_track_id: string
  dingtalk_user_id: string
  member_id: number
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
  note: string | null
  duplicates: number
  created_at: number
  updated_at: number
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
}

/** How often each has had its turn, one row per group or person and one ('') for where the queue stands. */
export type TurnsTable = { integration_id: string; api: 'create' | 'update'; turn_key: string; turn: number }

/** Groups that are told about a channel's incidents when nothing else names any. */
export type RoutesTable = {
  integration_id: string
  channel_id: number
  open_conversation_id: string
  created_at: number
}

export type ApiUsageTable = {
  corp_id: string
  /** `2026-01`, in Asia/Shanghai. */
  month: string
  /** `verify`: of the calls, those that asked about a group for no other reason than `api`. */
  kind: 'call' | 'push' | 'verify'
  api: string
  count: number
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
  created_at: number
}

/** A short text that a group or a person is to be told once. */
export type NoticesTable = {
  id: string
  integration_id: string
  incident_id: string
  /** Empty when it is for a person. */
  open_conversation_id: string
  dingtalk_user_id: string | null
  text: string
  due_at: number
  /** After this it is news no more. */
  expires_at: number
}

export type TokensTable = {
  id: string
  /** What it opens: `/api`, or the console. */
  kind: 'api' | 'admin'
  name: string
  token_hash: string
  created_at: number
  revoked_at: number | null
}

/** When something last came in through which door: `http-event`, `stream-press` …; up to a minute behind. */
export type DoorsTable = { integration_id: string; door: string; heard_at: number }

/** The address for presses of HTTP cards, as registered at DingTalk. */
export type CardRoutesTable = {
  integration_id: string
  api_secret_enc: string
  /** Hash of the registered address, which holds a secret; null = none is registered. */
  registered_url_hash: string | null
  /** Why the last attempt to register it failed. */
  problem: string | null
  updated_at: number
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

/** What the developer console did to an app, newest of each kind. */
export type AppNotesTable = {
  integration_id: string
  kind: 'switched-off' | 'scopes-changed'
  active: number
  /** DingTalk's time. */
  changed_at: number
  detail: string
}

/** When each integration last had a live connection. */
export type LastHeardTable = { integration_id: string; heard_at: number }

/** Somebody logged in on the pages. */
export type SessionsTable = {
  /** Hash of the secret in the person's cookie. */
  id_hash: string
  integration_id: string
  dingtalk_user_id: string
  union_id: string | null
  name: string
  created_at: number
  /** Moves on while the pages are used. */
  expires_at: number
}

/** Who was ever seen by the app itself, linked or not. */
export type DingTalkUsersTable = {
  integration_id: string
  dingtalk_user_id: string
  union_id: string | null
  name: string
  seen_at: number
}

/** Browser logins that came back, so that none comes back twice. */
export type UsedLoginStatesTable = { state_hash: string; used_at: number }

export type InstallationTable = { id: string; created_at: number }

export type Schema = {
  installation: InstallationTable
  integrations: IntegrationsTable
  groups: GroupsTable
  account_links: AccountLinksTable
  member_keys: MemberKeysTable
  key_makings: KeyMakingsTable
  incidents: IncidentsTable
  responders: RespondersTable
  notifications: NotificationsTable
  cards: CardsTable
  placements: PlacementsTable
  clicks: ClicksTable
  records: RecordsTable
  inbox: InboxTable
  turns: TurnsTable
  routes: RoutesTable
  api_usage: ApiUsageTable
  results: ResultsTable
  missed: MissedTable
  notices: NoticesTable
  wanted_acts: WantedActsTable
  tokens: TokensTable
  doors: DoorsTable
  card_routes: CardRoutesTable
  card_callbacks: CardCallbacksTable
  journal: JournalTable
  app_notes: AppNotesTable
  last_heard: LastHeardTable
  sessions: SessionsTable
  dingtalk_users: DingTalkUsersTable
  used_login_states: UsedLoginStatesTable
}

/** A handle to read with, or the one transaction's own handle to read and write with. */
export type Handle = Kysely<Schema>
