import { invalid } from './errors.ts'
import { hex, objectId } from './ids.ts'
import type { Severity } from './types.ts'

export type Person = { person_id: number; person_name: string; email: string }

/** `acknowledged_at` 0 = not acknowledged. */
export type Responder = Person & { assigned_at: number; acknowledged_at: number }

export type Assignment = {
  id: string
  type: 'assign' | 'reassign' | 'escalate' | 'reopen'
  escalate_rule_id: string
  escalate_rule_name: string
  layer_idx: number
  person_ids: number[]
  assigned_at: number
}

/** Every documented field of the webhook (F 1.3, W) and what is known of the API's (A); times in seconds. */
export type FullIncident = {
  incident_id: string
  num: string
  account_id: number
  account_name: string
  account_locale: string
  account_time_zone: string
  title: string
  description: string
  impact: string
  root_cause: string
  resolution: string
  ai_summary: string
  incident_severity: Severity
  incident_status: Severity | 'Ok'
  progress: 'Triggered' | 'Processing' | 'Closed'
  created_at: number
  updated_at: number
  start_time: number
  last_time: number
  end_time: number
  ack_time: number
  close_time: number
  snoozed_before: number
  labels: Record<string, string>
  fields: Record<string, unknown>
  creator_id: number
  closer_id: number
  owner_id: number
  closer?: Person
  responders: Responder[]
  responder_ids: number[]
  assigned_to?: Assignment
  alert_cnt: number
  active_alert_cnt: number
  alert_event_cnt: number
  channel_id: number
  channel_name: string
  channel_status: string
  detail_url: string
  silence_url: string
  group_method: 'n' | 'p' | 'i'
  dedup_key: string
  equals_md5: string
  integration_ids: number[]
  integration_types: string[]
  images: null
  links: never[]
  ever_muted: boolean
  manual_overrides: string[]
  post_mortem_id: string
}

export type Act =
  | { kind: 'ack' }
  | { kind: 'unack' }
  | { kind: 'snooze'; minutes: number }
  | { kind: 'wake' }
  | { kind: 'resolve'; rootCause?: string | undefined; resolution?: string | undefined }
  | { kind: 'reopen' }
  | { kind: 'comment' }
  | { kind: 'retitle'; title: string }

export const EVENT_OF: Record<Act['kind'], string> = {
  ack: 'i_ack',
  unack: 'i_unack',
  snooze: 'i_snooze',
  wake: 'i_wake',
  resolve: 'i_rslv',
  reopen: 'i_reopen',
  comment: 'i_comm',
  retitle: 'i_r_title',
}

export function newIncident(
  fields: { title: string; severity: Severity; description: string; labels: Record<string, string> },
  place: { accountId: number; accountName: string; channelId: number; channelName: string; consoleUrl: string },
  nowMs: number,
): FullIncident {
  const id = objectId(nowMs)
  const now = Math.floor(nowMs / 1000)
  return {
    incident_id: id,
    num: id.slice(-6).toUpperCase(),
    account_id: place.accountId,
    account_name: place.accountName,
    account_locale: 'zh-CN',
    account_time_zone: 'Asia/Shanghai',
    title: fields.title,
    description: fields.description,
    impact: '',
    root_cause: '',
    resolution: '',
    ai_summary: '',
    incident_severity: fields.severity,
    incident_status: fields.severity,
    progress: 'Triggered',
    created_at: now,
    updated_at: now,
    start_time: now,
    last_time: now,
    end_time: 0,
    ack_time: 0,
    close_time: 0,
    snoozed_before: 0,
    labels: fields.labels,
    fields: {},
    creator_id: 0,
    closer_id: 0,
    owner_id: 0,
    responders: [],
    responder_ids: [],
    alert_cnt: 1,
    active_alert_cnt: 1,
    alert_event_cnt: 1,
    channel_id: place.channelId,
    channel_name: place.channelName,
    channel_status: 'enabled',
    detail_url: `${place.consoleUrl}/incident/detail/${id}`,
    silence_url: `${place.consoleUrl}/channel/detail/${place.channelId}?tab=alertSuppression&fromIncidentId=${id}`,
    group_method: 'n',
    dedup_key: hex(16),
    equals_md5: hex(16),
    integration_ids: [],
    integration_types: [],
    images: null,
    links: [],
    ever_muted: false,
    manual_overrides: [],
    post_mortem_id: '',
  }
}

/** Assigns (again): back to `Triggered`, nobody has acknowledged yet. */
export function assign(incident: FullIncident, people: Person[], assignment: Assignment): void {
  incident.responders = people.map((person) => ({
    ...person,
    assigned_at: assignment.assigned_at,
    acknowledged_at: 0,
  }))
  incident.responder_ids = people.map((person) => person.person_id)
  incident.assigned_to = assignment
}

export function isSnoozed(incident: FullIncident, nowMs: number): boolean {
  return incident.snoozed_before * 1000 > nowMs
}

/** Throws the refusal when the state of the incident forbids the act (F 1.4). Nothing is changed. */
export function check(incident: FullIncident, act: Act, by: Person | undefined, nowMs: number): void {
  const { num, progress } = incident
  if (by === undefined && !['resolve', 'retitle'].includes(act.kind)) {
    throw new Error(`${act.kind} is always somebody's: name the member`)
  }
  if (progress === 'Closed' && !['reopen', 'comment', 'retitle'].includes(act.kind)) {
    throw invalid(`Incident #${num} is closed`, `故障 #${num} 已关闭`)
  }
  switch (act.kind) {
    case 'unack':
      if (!incident.responders.some((one) => one.person_id === by?.person_id && one.acknowledged_at > 0)) {
        throw invalid(`Incident #${num} was not acknowledged by you`, `你未认领故障 #${num}`)
      }
      break
    case 'snooze':
      if (progress !== 'Processing') {
        throw invalid(`Incident #${num} is not being processed`, `故障 #${num} 不在处理中，不能暂缓`)
      }
      break
    case 'wake':
      if (!isSnoozed(incident, nowMs)) throw invalid(`Incident #${num} is not snoozed`, `故障 #${num} 未被暂缓`)
      break
    case 'reopen':
      if (progress !== 'Closed') throw invalid(`Incident #${num} is not closed`, `故障 #${num} 未关闭`)
      break
    case 'ack':
    case 'resolve':
    case 'comment':
    case 'retitle':
      break
  }
}

/** Does what `check` has let through. Returns false when it changed nothing: acknowledging twice is no second act. */
export function apply(incident: FullIncident, act: Act, by: Person | undefined, nowMs: number): boolean {
  const now = Math.floor(nowMs / 1000)
  switch (act.kind) {
    case 'ack':
      if (by === undefined || !acknowledge(incident, by, now)) return false
      break
    case 'unack':
      for (const one of incident.responders) if (one.person_id === by?.person_id) one.acknowledged_at = 0
      if (incident.responders.every((one) => one.acknowledged_at === 0)) backToTriggered(incident)
      break
    case 'snooze':
      incident.snoozed_before = now + act.minutes * 60
      break
    case 'wake':
      incident.snoozed_before = 0
      break
    case 'resolve':
      close(incident, by, now)
      incident.root_cause = act.rootCause ?? incident.root_cause
      incident.resolution = act.resolution ?? incident.resolution
      break
    case 'reopen':
      delete incident.closer
      Object.assign(incident, { closer_id: 0, close_time: 0, end_time: 0, active_alert_cnt: incident.alert_cnt })
      incident.incident_status = incident.incident_severity
      backToTriggered(incident)
      break
    case 'comment':
      break
    case 'retitle':
      incident.title = act.title
      if (by !== undefined && !incident.manual_overrides.includes('title')) incident.manual_overrides.push('title')
      break
  }
  incident.updated_at = Math.max(incident.updated_at, now)
  return true
}

/** Also what the end of a snooze does. Acknowledgements are gone with it. */
export function backToTriggered(incident: FullIncident): void {
  for (const one of incident.responders) one.acknowledged_at = 0
  Object.assign(incident, { progress: 'Triggered', ack_time: 0, snoozed_before: 0 })
}

/** Anybody may acknowledge; whoever was not a responder joins them, which is where the time is kept. */
function acknowledge(incident: FullIncident, by: Person, now: number): boolean {
  const known = incident.responders.find((one) => one.person_id === by.person_id)
  if (known !== undefined && known.acknowledged_at > 0) return false
  if (known !== undefined) {
    known.acknowledged_at = now
  } else {
    incident.responders.push({ ...by, assigned_at: now, acknowledged_at: now })
    incident.responder_ids.push(by.person_id)
  }
  incident.progress = 'Processing'
  if (incident.ack_time === 0) incident.ack_time = now
  return true
}

/** By hand it is closed; by the system it has recovered, which the status tells apart. */
function close(incident: FullIncident, by: Person | undefined, now: number): void {
  Object.assign(incident, { progress: 'Closed', close_time: now, snoozed_before: 0, active_alert_cnt: 0 })
  if (by === undefined) {
    Object.assign(incident, { incident_status: 'Ok', end_time: now })
  } else {
    incident.closer = by
    incident.closer_id = by.person_id
  }
}
