import type { ActingWay } from '../../domain/integration.ts'

/** An integration, what DingTalk said of it, and what the daemon was set up with. */
export type IntegrationTables = {
  installation: InstallationTable
  integrations: IntegrationsTable
  card_routes: CardRoutesTable
  app_notes: AppNotesTable
  api_usage: ApiUsageTable
  tokens: TokensTable
}

export type InstallationTable = { id: string; created_at: number }

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

/** What the developer console did to an app, newest of each kind. */
export type AppNotesTable = {
  integration_id: string
  kind: 'switched-off' | 'status-unknown' | 'scopes-changed'
  active: number
  /** DingTalk's time. */
  changed_at: number
  detail: string
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

export type TokensTable = {
  id: string
  /** What it opens: `/api`, or the console. */
  kind: 'api' | 'admin'
  name: string
  token_hash: string
  /** JSON: what of `/api` it opens, as in domain/token-scopes.ts; none for the console. */
  scopes: string
  created_at: number
  revoked_at: number | null
}
