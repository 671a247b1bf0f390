/**
 * What has been heard of a group, each fact with DingTalk's time of the newest message about it, so that messages may
 * come late, twice and in any order and still come to the same.
 */
export type GroupFacts = {
  app_status: 'installed' | 'uninstalled' | null
  operated_at: number
  app_robot_code: string | null
  app_cool_app_code: string | null
  /** A robot that is there without our cool app: added by itself, or by another cool app. */
  robot_status: 'present' | 'absent' | null
  robot_at: number
  plain_robot_code: string | null
  plain_cool_app_code: string | null
  disbanded_at: number | null
}

export type GroupStatus = 'installed' | 'robot' | 'uninstalled' | 'disbanded' | 'unknown'

/** What the facts come to: whether cards can get there, and with which codes. */
export type GroupStanding = { status: GroupStatus; robot_code: string | null; cool_app_code: string | null }

export function standingOf(facts: GroupFacts): GroupStanding {
  const status = statusOf(facts)
  return status === 'robot'
    ? { status, robot_code: facts.plain_robot_code, cool_app_code: facts.plain_cool_app_code }
    : { status, robot_code: facts.app_robot_code, cool_app_code: facts.app_cool_app_code }
}

function statusOf(facts: GroupFacts): GroupStatus {
  if (facts.disbanded_at !== null && facts.disbanded_at >= Math.max(facts.operated_at, facts.robot_at)) {
    return 'disbanded'
  }
  if (facts.app_status === 'installed') return 'installed'
  // A cool app takes its robot along when it goes; only one that came later is there still.
  const robotIsLater = facts.app_status === null || facts.robot_at > facts.operated_at
  if (facts.robot_status === 'present' && robotIsLater) return 'robot'
  return facts.app_status === 'uninstalled' || facts.robot_status === 'absent' ? 'uninstalled' : 'unknown'
}

/** Cards need our robot in the group, with the cool app or without. */
export function isReachable(status: GroupStatus | undefined): boolean {
  return status === 'installed' || status === 'robot'
}
