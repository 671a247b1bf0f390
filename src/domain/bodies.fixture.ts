import { type IncidentEvent, parseIncidentEvent } from './event.ts'

/** When all of them come. */
export const NOW = 1_790_000_000_000

// Origin of the bodies: docs of the incident webhook (2.1) and of our own contract (A.1, "Example"); ids invented.

export const INCIDENT = {
  incident_id: '0000000000000000000a1b2c',
  num: '0A1B2C',
  title: 'db-01 cpu.idle low',
  incident_severity: 'Critical',
  incident_status: 'Critical',
  progress: 'Triggered',
  start_time: 1_760_000_000,
  last_time: 1_760_000_000,
  ack_time: 0,
  close_time: 0,
  end_time: 0,
  snoozed_before: 0,
  created_at: 1_760_000_000,
  updated_at: 1_760_000_000,
  channel_id: 1001,
  channel_name: 'demo',
  alert_cnt: 1,
  group_method: 'n',
  labels: { resource: 'db-01' },
  fields: {},
  assigned_to: {
    type: 'assign',
    escalate_rule_id: '0000000000000000000000f1',
    escalate_rule_name: 'default',
    layer_idx: 0,
    assigned_at: 1_760_000_000,
  },
  responders: [
    { person_id: 2001, person_name: 'A', email: 'a@example.com', assigned_at: 1_760_000_000, acknowledged_at: 0 },
  ],
  detail_url: 'http://flashduty.intra.example/incident/detail/0000000000000000000a1b2c',
}

export const JOB = {
  event_id: '00000000000000000000000000000e01',
  event_time: 1_760_000_000_123,
  event_type: 'i_assign',
  incident: INCIDENT,
  delivery: {
    rid: 'r-1',
    fire_type: 'fire',
    fire_times: 1,
    chats: [{ chat_id: 'cidExample==', disable_at: false, severities: ['Critical', 'Warning'] }],
    person_ids: [2001],
    snooze_minutes: [120, 240, 720],
  },
}

/** A raw webhook body, with what the API's example carries beyond the documented table. */
export const WEBHOOK = {
  event_id: 'fac0599a2a25529ba2362c0c184b6cfb',
  event_time: 1_689_335_086_948,
  event_type: 'i_ack',
  person: { person_id: 1, person_name: '张三', email: 'z@example.com' },
  incident: {
    ...INCIDENT,
    progress: 'Processing',
    account_id: 10_023,
    account_locale: 'zh-CN',
    account_time_zone: 'Asia/Shanghai',
    description: '',
    impact: '',
    root_cause: '',
    resolution: '',
    creator: { person_id: 0, person_name: '', email: '' },
    closer: null,
    images: null,
    dedup_key: '',
    equals_md5: 'd41d8cd98f00b204e9800998ecf8427e',
    data_source_id: 3_000_000_001,
    ever_muted: false,
  },
}

/** Flashduty's custom actions name the event inside the incident. */
export const CUSTOM_ACTION = {
  event_time: 1_689_335_086_948,
  event_type: 'i_custom',
  person: { person_id: 1, person_name: 'A', email: 'a@example.com' },
  incident: {
    ...INCIDENT,
    event_id: '20260412Xatt9hrXsgmFkBR78WF655',
    alerts: [{ alert_id: 'a1', alert_key: 'k', alert_severity: 'Critical', progress: 'Triggered', labels: {} }],
  },
}

export function accepted(body: unknown): IncidentEvent {
  const parsed = parseIncidentEvent(body, NOW)
  if (parsed.kind !== 'event') throw new Error(`expected an event, got ${JSON.stringify(parsed)}`)
  return parsed.event
}

export function withDelivery(delivery: unknown): unknown {
  return { ...JOB, delivery }
}

export function withIncident(change: Record<string, unknown>): unknown {
  return { ...JOB, incident: { ...INCIDENT, ...change } }
}

/** What a body comes to, and what of it was left out. */
export function read(body: unknown) {
  const parsed = parseIncidentEvent(body, NOW)
  if (parsed.kind !== 'event') throw new Error(`expected an event, got ${JSON.stringify(parsed)}`)
  return { ...parsed.event, ignored: parsed.ignored, leftOut: parsed.ignored.map(({ path }) => path) }
}
