import type { GroupFacts, GroupStatus } from '../../domain/group.ts'

/** Groups, and which of them are told about what. */
export type GroupTables = {
  groups: GroupsTable
  routes: RoutesTable
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

/** Groups that are told about a channel's incidents when nothing else names any. */
export type RoutesTable = {
  integration_id: string
  channel_id: number
  open_conversation_id: string
  created_at: number
}
