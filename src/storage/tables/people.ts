/** Who in DingTalk is whom in Flashduty, the keys to act with, and who is logged in. */
export type PeopleTables = {
  account_links: AccountLinksTable
  member_keys: MemberKeysTable
  key_makings: KeyMakingsTable
  sessions: SessionsTable
  dingtalk_users: DingTalkUsersTable
  used_login_states: UsedLoginStatesTable
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
