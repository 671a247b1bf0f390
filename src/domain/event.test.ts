import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { type IncidentEvent, parseIncidentEvent } from './event.ts'
import { DEFAULT_SNOOZE_MINUTES } from './read-delivery.ts'
import { useProperties } from '../../test/support/properties.ts'

useProperties()

/** When all of them come. */
const NOW = 1_790_000_000_000

// Origin of the bodies: docs of the incident webhook (2.1) and of our own contract (A.1, "Example"); ids invented.

const INCIDENT = {
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

const JOB = {
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
const WEBHOOK = {
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
const CUSTOM_ACTION = {
  event_time: 1_689_335_086_948,
  event_type: 'i_custom',
  person: { person_id: 1, person_name: 'A', email: 'a@example.com' },
  incident: {
    ...INCIDENT,
    event_id: '20260412Xatt9hrXsgmFkBR78WF655',
    alerts: [{ alert_id: 'a1', alert_key: 'k', alert_severity: 'Critical', progress: 'Triggered', labels: {} }],
  },
}

function accepted(body: unknown): IncidentEvent {
  const parsed = parseIncidentEvent(body, NOW)
  if (parsed.kind !== 'event') throw new Error(`expected an event, got ${JSON.stringify(parsed)}`)
  return parsed.event
}

function withDelivery(delivery: unknown): unknown {
  return { ...JOB, delivery }
}

function withIncident(change: Record<string, unknown>): unknown {
  return { ...JOB, incident: { ...INCIDENT, ...change } }
}

describe('accepted bodies', () => {
  test('the contract’s example job says whom to tell and how', () => {
    const event = accepted(JOB)
    expect(event).toMatchObject({
      eventId: '00000000000000000000000000000e01',
      eventTime: 1_760_000_000_123,
      eventType: 'i_assign',
      person: undefined,
      delivery: {
        rid: 'r-1',
        fireType: 'fire',
        mode: 'auto',
        snoozeMinutes: [120, 240, 720],
        expiresAtMs: undefined,
        locale: undefined,
        dataSourceId: undefined,
      },
    })
    expect(event.delivery).toMatchObject({
      personIds: [2001],
      chats: [
        {
          chatId: 'cidExample==',
          chatName: undefined,
          disableAt: false,
          replyEventTypes: [],
          severities: ['Critical', 'Warning'],
        },
      ],
    })
  })

  test('a raw webhook body needs no delivery; it names no targets and takes every default', () => {
    const event = accepted(WEBHOOK)
    expect(event.person).toEqual({ id: 1, name: '张三' })
    expect(event.delivery).toEqual({
      dataSourceId: undefined,
      rid: undefined,
      fireType: 'fire',
      mode: 'auto',
      chats: undefined,
      personIds: undefined,
      unreadableTargets: [],
      atPersonIds: undefined,
      rendered: undefined,
      customActions: [],
      fireTimes: 0,
      flapping: undefined,
      inStorm: undefined,
      snoozeMinutes: DEFAULT_SNOOZE_MINUTES,
      expiresAtMs: undefined,
      locale: undefined,
    })
    expect(DEFAULT_SNOOZE_MINUTES).toEqual([120, 240, 720])
  })

  test('what a delivery says about the card', () => {
    const actions = [1, 2, 3, 4, 5, 6].map((id) => ({ integration_id: id, name: ` 动作 ${id} ` }))
    const { delivery } = accepted(
      withDelivery({
        rendered: { dingtalk_app: '  **down**\n', title: 'P1 down' },
        custom_actions: actions,
        at_person_ids: [1, 2, 2],
        is_flapping: true,
        is_in_storm: false,
        fire_times: 3,
      }),
    )
    expect(delivery).toMatchObject({
      rendered: { title: 'P1 down', body: '**down**' },
      atPersonIds: [1, 2],
      flapping: true,
      inStorm: false,
      fireTimes: 3,
    })
    expect(delivery.customActions).toHaveLength(5)
    expect(delivery.customActions[0]).toEqual({ integrationId: 1, name: '动作 1' })
  })

  test.each<[string, Record<string, unknown>]>([
    ['rendered that is no object', { rendered: 'text' }],
    ['rendered texts that are none', { rendered: { dingtalk_app: {}, title: ['x'] } }],
    ['rendered of nothing', { rendered: { dingtalk_app: ' \n ', title: null } }],
    ['custom actions without a name', { custom_actions: [{ integration_id: 1 }] }],
    ['signs that are no yes or no', { is_flapping: 'yes', is_in_storm: 1 }],
  ])('%s costs no alert', (_what, delivery) => {
    expect(accepted(withDelivery(delivery)).delivery).toMatchObject({
      rendered: undefined,
      customActions: [],
      flapping: undefined,
      inStorm: undefined,
    })
  })

  test('a storm is one, whether a delivery says so or the event itself', () => {
    expect(accepted({ ...WEBHOOK, event_type: 'i_storm' }).delivery.inStorm).toBe(true)
  })

  test.each([['images'], ['fields'], ['impact'], ['ai_summary'], ['incident_status'], ['closer_id']])(
    'an odd %s costs no alert',
    (field) => {
      const { incident } = accepted(withIncident({ [field]: [7] }))
      expect(incident[field]).toBeUndefined()
    },
  )

  test('pictures come with what is known of them', () => {
    const images = [{ src: 'img_abc' }, { src: 'https://x.example/1.png', href: null, alt: '图' }]
    expect(accepted(withIncident({ images })).incident.images).toEqual([
      { src: 'img_abc', href: '', alt: '' },
      { src: 'https://x.example/1.png', href: '', alt: '图' },
    ])
  })

  test('the event id inside the incident counts when the body has none', () => {
    expect(accepted(CUSTOM_ACTION)).toMatchObject({
      eventId: '20260412Xatt9hrXsgmFkBR78WF655',
      eventType: 'i_custom',
    })
  })

  test.each([[''], [null]])('an event id of %j is none', (eventId) => {
    expect(accepted({ ...CUSTOM_ACTION, event_id: eventId }).eventId).toBe('20260412Xatt9hrXsgmFkBR78WF655')
  })

  test('the body’s own event id goes before the one inside the incident', () => {
    expect(accepted({ ...CUSTOM_ACTION, event_id: 'outer' }).eventId).toBe('outer')
  })

  test('unknown keys of the incident are kept, at any depth', () => {
    const { incident } = accepted(
      withIncident({
        war_room: { id: 7 },
        war_rooms: null,
        responders: [{ person_id: 1, as: 'lead' }],
        assigned_to: { type: 'assign', emails: ['x@example.com'] },
      }),
    )
    expect(incident).toMatchObject({
      war_room: { id: 7 },
      war_rooms: null,
      group_method: 'n',
      responders: [{ as: 'lead' }],
      assigned_to: { emails: ['x@example.com'] },
    })
  })

  test('unknown keys elsewhere do not matter', () => {
    const event = accepted({
      ...JOB,
      trace: 'x',
      delivery: { ...JOB.delivery, schema: 1, custom_actions: [], rendered: { title: 't' }, is_in_storm: true },
    })
    expect(event.eventId).toBe(JOB.event_id)
  })

  test('only six fields of an incident are required', () => {
    const { incident } = accepted({
      ...JOB,
      delivery: undefined,
      incident: {
        incident_id: 'i1',
        title: 't',
        incident_severity: 'Info',
        progress: 'Closed',
        start_time: 1,
        detail_url: 'https://console.example/i1',
      },
    })
    expect(incident).toMatchObject({ incident_id: 'i1', ack_time: 0, snoozed_before: 0, num: '', description: '' })
  })

  test.each([
    ['labels', null],
    ['responders', null],
    ['assigned_to', null],
    ['closer', null],
    ['images', null],
    ['fields', null],
    ['num', null],
    ['description', null],
    ['channel_id', null],
    ['channel_name', null],
    ['snoozed_before', null],
    ['updated_at', null],
    ['account_locale', null],
    ['account_time_zone', null],
    ['silence_url', null],
  ])('an incident’s %s may be null', (field, value) => {
    expect(accepted(withIncident({ [field]: value })).incident.incident_id).toBe(INCIDENT.incident_id)
  })

  test('ids beyond 32 bits stay exact', () => {
    const event = accepted({
      ...JOB,
      delivery: { data_source_id: 3_000_000_001, person_ids: [9_007_199_254_740_991] },
    })
    expect(event.delivery).toMatchObject({
      dataSourceId: 3_000_000_001,
      chats: [],
      personIds: [9_007_199_254_740_991],
    })
  })

  test('integration_id and its older name both choose the integration, the newer one first', () => {
    expect(accepted(withDelivery({ integration_id: 5 })).delivery.dataSourceId).toBe(5)
    expect(accepted(withDelivery({ integration_id: 5, data_source_id: 6 })).delivery.dataSourceId).toBe(5)
  })

  test('expire_at is in seconds; 0 is unset', () => {
    expect(accepted(withDelivery({ expire_at: 1_760_000_600 })).delivery.expiresAtMs).toBe(1_760_000_600_000)
    expect(accepted(withDelivery({ expire_at: 0 })).delivery.expiresAtMs).toBeUndefined()
  })
})

describe('targets', () => {
  test.each<[string, unknown, string[]]>([
    ['an array', ['cidA==', 'cidB=='], ['cidA==', 'cidB==']],
    ['JSON text', '["cidA==","cidB=="]', ['cidA==', 'cidB==']],
    ['JSON text with blanks', ' [ "cidA==" , "cidB==" ] ', ['cidA==', 'cidB==']],
    ['words and commas', 'cidA==,cidB==', ['cidA==', 'cidB==']],
    ['words, commas and blanks', ' cidA== , cidB== ', ['cidA==', 'cidB==']],
    ['a comma too many', 'cidA==,,cidB==,', ['cidA==', 'cidB==']],
    ['one word', 'cidA==', ['cidA==']],
    ['an empty text', '', []],
    ['an empty JSON list', '[]', []],
    ['an empty array', [], []],
    ['the same one twice', ['cidA==', 'cidA=='], ['cidA==']],
  ])('chat_ids as %s', (_how, chatIds, expected) => {
    const { chats } = accepted(withDelivery({ chat_ids: chatIds })).delivery
    expect(chats?.map((chat) => chat.chatId)).toEqual(expected)
  })

  test('a group named by chats and by chat_ids is one target, with the settings of chats', () => {
    const { chats } = accepted(
      withDelivery({ chats: [{ chat_id: 'cidA==', disable_at: true }], chat_ids: ['cidA==', 'cidB=='] }),
    ).delivery
    expect(chats?.map(({ chatId, disableAt }) => [chatId, disableAt])).toEqual([
      ['cidA==', true],
      ['cidB==', false],
    ])
  })

  test.each(['severities', 'serverities'])('a group’s severities are read as %s', (spelling) => {
    const { chats } = accepted(withDelivery({ chats: [{ chat_id: 'c', [spelling]: ['Critical'] }] })).delivery
    expect(chats?.[0]?.severities).toEqual(['Critical'])
  })

  test.each([[undefined], [null], [[]], ['']])('severities and event types of %j mean all', (none) => {
    const { chats } = accepted(
      withDelivery({ chats: [{ chat_id: 'c', severities: none, reply_event_types: none }] }),
    ).delivery
    expect(chats?.[0]).toMatchObject({ severities: [], replyEventTypes: [] })
  })

  test('lists copied from a rule as text are read too', () => {
    const { chats } = accepted(
      withDelivery({ chats: [{ chat_id: 'c', severities: 'Critical, Warning', reply_event_types: '["i_ack"]' }] }),
    ).delivery
    expect(chats?.[0]).toMatchObject({ severities: ['Critical', 'Warning'], replyEventTypes: ['i_ack'] })
  })

  test.each<[string, unknown]>([
    ['no delivery', undefined],
    ['a null delivery', null],
    ['an empty delivery', {}],
    ['only a rid', { rid: 'r-1' }],
    ['null chats', { chats: null }],
    ['null person_ids', { person_ids: null }],
    ['nulls everywhere', { chats: null, chat_ids: null, person_ids: null }],
  ])('%s names nobody: targets are looked for elsewhere', (_what, delivery) => {
    expect(accepted(withDelivery(delivery)).delivery).toMatchObject({ chats: undefined, personIds: undefined })
  })

  test.each<[string, unknown]>([
    ['chats', { chats: [] }],
    ['chat_ids', { chat_ids: [] }],
    ['person_ids', { person_ids: [] }],
    ['person_ids beside null chats', { chats: null, person_ids: [] }],
  ])('empty %s mean: tell nobody', (_what, delivery) => {
    expect(accepted(withDelivery(delivery)).delivery).toMatchObject({ chats: [], personIds: [] })
  })

  test('a person named twice is one target', () => {
    expect(accepted(withDelivery({ person_ids: [7, 8, 7] })).delivery.personIds).toEqual([7, 8])
  })

  test.each([
    'integration_id',
    'data_source_id',
    'rid',
    'fire_type',
    'fire_times',
    'mode',
    'snooze_minutes',
    'expire_at',
    'locale',
  ])('a null %s is as good as none', (field) => {
    expect(accepted(withDelivery({ person_ids: [7], [field]: null })).delivery).toEqual(
      accepted(withDelivery({ person_ids: [7] })).delivery,
    )
  })

  test.each(['chat_name', 'disable_at', 'severities', 'reply_event_types'])(
    'a null %s of a group is as good as none',
    (field) => {
      expect(accepted(withDelivery({ chats: [{ chat_id: 'c', [field]: null }] })).delivery).toEqual(
        accepted(withDelivery({ chats: [{ chat_id: 'c' }] })).delivery,
      )
    },
  )

  test('no presets at all is a choice: a card without snooze buttons', () => {
    expect(accepted(withDelivery({ snooze_minutes: [] })).delivery.snoozeMinutes).toEqual([])
  })
})

describe('invalid bodies name the field', () => {
  const cases: [string, unknown][] = [
    ['(body)', null],
    ['(body)', 'text'],
    ['(body)', 7],
    ['(body)', []],
    ['(body)', [JOB]],
    ['incident', { ...JOB, incident: undefined }],
    ['incident', { ...JOB, incident: null }],
    ['incident', { ...JOB, incident: [] }],
    ['incident', { ...JOB, incident: '{{incident}}' }],
    ['incident.incident_id', withIncident({ incident_id: '' })],
    ['incident.incident_id', withIncident({ incident_id: undefined })],
    ['incident.incident_id', withIncident({ incident_id: '{{incident.incident_id}}' })],
    ['incident.incident_id', withIncident({ incident_id: 7 })],
    ['incident.incident_id', withIncident({ incident_id: 'x'.repeat(65) })],
    ['(body)', withIncident({ description: '字'.repeat(400_000) })],
  ]

  test.each(cases)('%s', (path, body) => {
    const parsed = parseIncidentEvent(body, NOW)
    expect(parsed).toMatchObject({ kind: 'invalid', path })
    expect(parsed.kind === 'invalid' && parsed.problem).toMatch(/^(is|has) \w/)
  })

  test('what could be read of the ids comes along', () => {
    expect(parseIncidentEvent(withIncident({ description: 'x'.repeat(1_100_000) }), NOW)).toMatchObject({
      kind: 'invalid',
      eventId: JOB.event_id,
      incidentId: INCIDENT.incident_id,
    })
  })
})

/** What a body comes to, and what of it was left out. */
function read(body: unknown) {
  const parsed = parseIncidentEvent(body, NOW)
  if (parsed.kind !== 'event') throw new Error(`expected an event, got ${JSON.stringify(parsed)}`)
  return { ...parsed.event, ignored: parsed.ignored, leftOut: parsed.ignored.map(({ path }) => path) }
}

describe('a part that makes no sense is left out alone, and said', () => {
  const chat = { chat_id: 'cidA' }
  const cases: [path: string, body: unknown][] = [
    ['event_id', { ...JOB, event_id: {} }],
    ['event_id', { ...JOB, event_id: 'x'.repeat(201) }],
    ['event_time', { ...JOB, event_time: 'yesterday' }],
    ['event_time', { ...JOB, event_time: '2026-01-31 09:05:00' }],
    ['event_time', { ...JOB, event_time: -1 }],
    ['event_time', { ...JOB, event_time: true }],
    ['event_type', { ...JOB, event_type: 7 }],
    ['person', { ...JOB, person: 'somebody' }],
    ['person.person_id', { ...JOB, person: { person_id: 'A', person_name: '张三' } }],
    ['delivery', { ...JOB, delivery: 'everybody' }],
    ['delivery', { ...JOB, delivery: [] }],
    ['incident.title', withIncident({ title: { zh: '标题' } })],
    ['incident.incident_severity', withIncident({ incident_severity: ['Critical'] })],
    ['incident.progress', withIncident({ progress: 'Open' })],
    ['incident.progress', withIncident({ progress: 1 })],
    ['incident.start_time', withIncident({ start_time: 'yesterday' })],
    ['incident.start_time', withIncident({ start_time: 4_102_444_800 })],
    ['incident.start_time', withIncident({ start_time: -5 })],
    ['incident.labels', withIncident({ labels: ['env'] })],
    ['incident.labels', withIncident({ labels: 'env=prod' })],
    ['incident.labels.owner', withIncident({ labels: { owner: { name: 'x' }, env: 'prod' } })],
    ['incident.labels', withIncident({ labels: { owner: {} } })],
    ['incident.fields', withIncident({ fields: [1] })],
    ['incident.closer', withIncident({ closer: 'A' })],
    ['incident.responders', withIncident({ responders: 'A' })],
    ['incident.responders.0.person_id', withIncident({ responders: [{ person_id: 'A' }] })],
    ['incident.responders.1.person_id', withIncident({ responders: [{ person_id: 1 }, { person_name: 'B' }] })],
    ['incident.images.0', withIncident({ images: [7] })],
    ['incident.assigned_to', withIncident({ assigned_to: 7 })],
    ['incident.assigned_to.layer_idx', withIncident({ assigned_to: { layer_idx: 'first' } })],
    ['incident.alert_cnt', withIncident({ alert_cnt: 'many' })],
    ['incident.detail_url', withIncident({ detail_url: {} })],
    ['incident.snoozed_before', withIncident({ snoozed_before: 'noon' })],
    ['delivery.integration_id', withDelivery({ integration_id: 'mine' })],
    ['delivery.mode', withDelivery({ mode: 'maybe' })],
    ['delivery.fire_type', withDelivery({ fire_type: 'again' })],
    ['delivery.locale', withDelivery({ locale: 'fr-FR' })],
    ['delivery.rid', withDelivery({ rid: {} })],
    ['delivery.expire_at', withDelivery({ expire_at: 'soon' })],
    ['delivery.chats', withDelivery({ chats: true })],
    ['delivery.chats.0.chat_id', withDelivery({ chats: [{ chat_name: 'no id' }] })],
    ['delivery.chats.1.chat_id', withDelivery({ chats: [chat, { chat_id: '' }] })],
    ['delivery.chats.1', withDelivery({ chats: [chat, 7] })],
    ['delivery.chats.0.severities.1', withDelivery({ chats: [{ ...chat, severities: ['Critical', 7] }] })],
    ['delivery.chats.0.severities.0', withDelivery({ chats: [{ ...chat, severities: ['P1'] }] })],
    ['delivery.chats.0.disable_at', withDelivery({ chats: [{ ...chat, disable_at: 'yes' }] })],
    ['delivery.chats.0.reply_event_types.0', withDelivery({ chats: [{ ...chat, reply_event_types: ['all'] }] })],
    ['delivery.chat_ids', withDelivery({ chat_ids: '[cut off' })],
    ['delivery.chat_ids.0', withDelivery({ chat_ids: [{}, 'cidA'] })],
    ['delivery.person_ids.0', withDelivery({ person_ids: ['张三', 7] })],
    ['delivery.person_ids.1', withDelivery({ person_ids: [7, 1.5] })],
    ['delivery.at_person_ids.0', withDelivery({ at_person_ids: [-1, 7] })],
    [
      'delivery.custom_actions.0',
      withDelivery({ custom_actions: [{ integration_id: 1 }, { integration_id: 2, name: 'x' }] }),
    ],
    ['delivery.snooze_minutes.0', withDelivery({ snooze_minutes: [0, 60] })],
    ['delivery.snooze_minutes.0', withDelivery({ snooze_minutes: [1441, 60] })],
    ['delivery.snooze_minutes', withDelivery({ snooze_minutes: [1, 2, 3, 4] })],
    ['delivery.is_flapping', withDelivery({ is_flapping: 'maybe' })],
  ]

  test.each(cases)('%s', (path, body) => {
    const { leftOut, incident } = read(body)
    expect(leftOut).toContain(path)
    expect(incident.incident_id).toBe(INCIDENT.incident_id)
  })

  test('with words for whoever has to correct it', () => {
    const { ignored } = read(withDelivery({ person_ids: [7, '张三'], locale: 'fr' }))
    expect(ignored).toEqual([
      { path: 'delivery.person_ids.1', problem: 'is not a whole number' },
      { path: 'delivery.locale', problem: 'is neither zh-CN nor en-US' },
    ])
  })

  test('many of them are counted', () => {
    const { ignored } = read(withDelivery({ person_ids: Array.from({ length: 1_000 }, () => 'x') }))
    expect(ignored).toHaveLength(21)
    expect(ignored.at(-1)).toEqual({ path: '(body)', problem: 'has 981 more such parts' })
  })

  test('a good body leaves nothing out', () => {
    expect(read(JOB).ignored).toEqual([])
    expect(read(WEBHOOK).ignored).toEqual([])
    expect(read(CUSTOM_ACTION).ignored).toEqual([])
  })
})

describe('what makes sense is read, however it is written', () => {
  test.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    [
      'labels that are numbers or flags',
      { labels: { cpu: 93.5, up: false } },
      { labels: { cpu: '93.5', up: 'false' } },
    ],
    ['labels of null', { labels: { owner: null, env: 'prod' } }, { labels: { env: 'prod' } }],
    ['an empty list for an empty map', { labels: [], fields: [] }, { labels: {}, fields: {} }],
    ['labels as JSON text', { labels: '{"env":"prod"}' }, { labels: { env: 'prod' } }],
    ['a title that is a number', { title: 500 }, { title: '500' }],
    ['a closer that is nobody', { closer: {} }, { closer: undefined }],
    ['a closer that is the system', { closer: { person_id: 0, person_name: '' } }, { closer: undefined }],
    ['a closer without a number', { closer: { person_name: 'A' } }, { closer: { person_id: 0, person_name: 'A' } }],
    ['times in milliseconds', { start_time: 1_760_000_000_123 }, { start_time: 1_760_000_000 }],
    ['times in microseconds', { start_time: 1_760_000_000_123_456 }, { start_time: 1_760_000_000 }],
    ['times as text', { start_time: '1760000000' }, { start_time: 1_760_000_000 }],
    ['times as ISO 8601', { start_time: '2025-10-09T16:53:20+08:00' }, { start_time: 1_760_000_000 }],
    ['severities in any case', { incident_severity: ' critical ' }, { incident_severity: 'Critical' }],
    ['severities that nobody knows', { incident_severity: 'P1' }, { incident_severity: 'P1' }],
    ['no severity', { incident_severity: null }, { incident_severity: '' }],
    ['progress in any case', { progress: 'CLOSED' }, { progress: 'Closed' }],
    ['no progress', { progress: '{{incident.progress}}' }, { progress: 'Triggered' }],
    ['no title', { title: undefined }, { title: '' }],
    ['counts as text', { alert_cnt: '12' }, { alert_cnt: 12 }],
    ['one responder alone', { responders: { person_id: 1 } }, { responders: [{ person_id: 1 }] }],
    [
      'pictures as addresses',
      { images: ['https://x.example/1.png'] },
      { images: [{ src: 'https://x.example/1.png' }] },
    ],
  ])('%s', (_what, change, expected) => {
    const { incident, ignored } = read(withIncident(change))
    expect(incident).toMatchObject(expected)
    expect(ignored).toEqual([])
  })

  test.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ['members as text', { person_ids: ['7', ' 8 '] }, { personIds: [7, 8] }],
    ['members in one text', { person_ids: '7,8' }, { personIds: [7, 8] }],
    ['one member', { person_ids: 7 }, { personIds: [7] }],
    ['groups by their ids', { chats: ['cidA'] }, { chats: [{ chatId: 'cidA', severities: [] }] }],
    ['one group alone', { chats: { chat_id: 'cidA' } }, { chats: [{ chatId: 'cidA' }] }],
    ['groups as JSON text', { chats: '[{"chat_id":"cidA"}]' }, { chats: [{ chatId: 'cidA' }] }],
    ['en', { locale: 'en' }, { locale: 'en-US' }],
    ['EN_gb', { locale: 'EN_gb' }, { locale: 'en-US' }],
    ['zh', { locale: 'zh' }, { locale: 'zh-CN' }],
    ['zh-Hans-CN', { locale: 'zh-Hans-CN' }, { locale: 'zh-CN' }],
    ['modes in any case', { mode: 'Update', fire_type: 'REFIRE' }, { mode: 'update', fireType: 'refire' }],
    ['an integration as text', { integration_id: '5' }, { dataSourceId: 5 }],
    ['no integration at all', { integration_id: 0 }, { dataSourceId: undefined }],
    ['an expiry in milliseconds', { expire_at: 1_760_000_600_000 }, { expiresAtMs: 1_760_000_600_000 }],
    [
      'filters in any case',
      { chats: [{ chat_id: 'c', severities: 'critical' }] },
      { chats: [{ severities: ['Critical'] }] },
    ],
    ['flags as text', { is_flapping: 'true' }, { flapping: true }],
  ])('%s', (_what, delivery, expected) => {
    const event = read(withDelivery(delivery))
    expect(event.delivery).toMatchObject(expected)
    expect(event.ignored).toEqual([])
  })

  test('JSON inside JSON, as templates make it', () => {
    const packed = { ...JOB, incident: JSON.stringify(INCIDENT), delivery: JSON.stringify(JOB.delivery) }
    expect(read(packed)).toEqual(read(JOB))
    expect(read(JSON.stringify(JOB))).toEqual(read(JOB))
  })
})

describe('{{…}} as a whole value is absent', () => {
  test.each(['person', 'delivery', 'event_id', 'event_time', 'event_type'])('%s', (key) => {
    const { [key as 'person']: _, ...without } = { ...JOB, person: undefined }
    const event = read({ ...JOB, [key]: ` {{${key}}} ` })
    const expected = read(without)
    expect(event).toEqual({ ...expected, eventId: event.eventId })
    expect(event.ignored).toEqual([])
  })

  test('at any depth, and in lists', () => {
    const event = read({
      ...JOB,
      person: { person_id: '{{person.person_id}}', person_name: '{{person.person_name}}' },
      incident: {
        ...INCIDENT,
        closer: { person_id: '{{incident.closer.person_id}}' },
        labels: { env: 'prod', owner: '{{incident.labels.owner}}' },
        responders: [{ person_id: '{{incident.responders.0.person_id}}' }],
      },
      delivery: { person_ids: ['{{incident.responders.0.person_id}}', 7], chats: ['{{chat}}'] },
    })
    expect(event.person).toBeUndefined()
    expect(event.incident).toMatchObject({ closer: undefined, labels: { env: 'prod' } })
    expect(event.delivery).toMatchObject({ personIds: [7], chats: [] })
  })

  test.each(['{{a}} {{b}}', 'x {{a}}', '{{a', '{a}', '{{a}}}', '{{{a}}}'])('%s is a text', (title) => {
    expect(read(withIncident({ title })).incident.title).toBe(title)
  })
})

describe('targets that nobody can read', () => {
  test('are told apart from those that are told', () => {
    const { delivery } = read(withDelivery({ chats: [{ chat_id: 'cidA' }, {}, 7], person_ids: ['x', 7] }))
    expect(delivery.chats?.map(({ chatId }) => chatId)).toEqual(['cidA'])
    expect(delivery.personIds).toEqual([7])
    expect(delivery.unreadableTargets).toEqual([
      { kind: 'group', path: 'delivery.chats.1', problem: 'delivery.chats.1.chat_id is missing' },
      { kind: 'group', path: 'delivery.chats.2', problem: 'delivery.chats.2 is not an object' },
      { kind: 'person', path: 'delivery.person_ids.0', problem: 'delivery.person_ids.0 is not a whole number' },
    ])
  })

  test.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ['groups', { chats: 'x'.repeat(300) }, { chats: undefined, personIds: undefined }],
    ['groups beside people', { chats: true, person_ids: [7] }, { chats: undefined, personIds: [7] }],
    ['groups in one of two lists', { chats: true, chat_ids: ['cidA'] }, { chats: [{ chatId: 'cidA' }], personIds: [] }],
    ['people', { person_ids: [{}] }, { chats: undefined, personIds: undefined }],
    [
      'people beside groups',
      { chats: ['cidA'], person_ids: {} },
      { chats: [{ chatId: 'cidA' }], personIds: undefined },
    ],
  ])('a whole list of %s makes room for what stands in', (_what, delivery, expected) => {
    expect(read(withDelivery(delivery)).delivery).toMatchObject(expected)
  })

  test.each(['mine', {}, [], true, -1, 1.5, ''])('an integration called %j is no other one', (id) => {
    expect(read(withDelivery({ integration_id: id })).delivery.dataSourceId).toBe('unreadable')
    expect(read(withDelivery({ integration_id: id, data_source_id: 6 })).delivery.dataSourceId).toBe('unreadable')
    expect(read(withDelivery({ data_source_id: id })).delivery.dataSourceId).toBe('unreadable')
  })
})

describe('an event without an id of its own', () => {
  const { event_id: _, ...nameless } = JOB

  test('has one of its body, whatever the order of its keys', () => {
    const { eventId } = read(nameless)
    expect(eventId).toMatch(/^body-[a-z2-7]{24}$/)
    expect(read(Object.fromEntries(Object.entries(nameless).toReversed())).eventId).toBe(eventId)
    expect(read({ ...nameless, event_time: JOB.event_time + 1 }).eventId).not.toBe(eventId)
  })
})

describe('what tells bodies apart', () => {
  const hashes = (body: unknown) => {
    const { bodyHash, contentHash } = parseIncidentEvent(body, NOW)
    return { bodyHash, contentHash }
  }

  test('is everything in them, and for the content everything but the delivery', () => {
    const known = hashes(JOB)
    expect(hashes({ ...JOB, delivery: { chats: ['cidB'] } })).toEqual({
      bodyHash: expect.not.stringMatching(known.bodyHash) as unknown,
      contentHash: known.contentHash,
    })
    expect(hashes(withIncident({ title: 'x' })).contentHash).not.toBe(known.contentHash)
    expect(hashes(Object.fromEntries(Object.entries(JOB).toReversed()))).toEqual(known)
  })
})

test('a list or an object beyond all sense is read as far as it may be long', () => {
  const many = Array.from({ length: 30_000 }, (_, index) => `cid${index}`)
  const { delivery, ignored } = read({
    ...Object.fromEntries(many.map((key) => [key, 1])),
    ...JOB,
    delivery: undefined,
  })
  expect(ignored).toEqual([{ path: '(body)', problem: 'has 30005 entries, more than 2000: the rest is left out' }])
  expect(delivery.chats).toBeUndefined()
  const long = read(withDelivery({ chat_ids: many }))
  expect(long.delivery.chats).toHaveLength(20_000)
  expect(long.leftOut).toEqual(['delivery.chat_ids'])
})

test('nesting beyond all sense is left out, at any depth', () => {
  let deep: unknown = 'x'
  for (let level = 0; level < 200_000; level++) deep = [deep]
  const { incident, leftOut } = read(withIncident({ fields: { deep }, war_room: deep }))
  expect(incident.incident_id).toBe(INCIDENT.incident_id)
  expect(leftOut).toHaveLength(2)
})

describe('types', () => {
  const SUPPORTED = (
    'i_new i_assign i_a_rspd i_snooze i_wake i_ack i_unack i_storm i_custom i_rslv i_reopen i_merge i_comm ' +
    'i_r_title i_r_desc i_r_impact i_r_rc i_r_rsltn i_r_severity i_r_field i_notify'
  ).split(' ')

  test.each(SUPPORTED)('%s is taken', (eventType) => {
    expect(accepted({ ...WEBHOOK, event_type: eventType }).eventType).toBe(eventType)
  })

  test.each(['a_new', 'a_update', 'a_merge', 'a_close', 'i_m_flapping', 'i_wr_create', 'i_wi_anything', 'i_asgn'])(
    '%s is unsupported, not a failure',
    (eventType) => {
      expect(parseIncidentEvent({ ...WEBHOOK, event_type: eventType }, NOW)).toMatchObject({
        kind: 'unsupported',
        eventId: WEBHOOK.event_id,
        eventType,
        incidentId: INCIDENT.incident_id,
      })
    },
  )

  test.each<[string, Record<string, unknown>]>([
    ['an alert and no incident', { alert: { alert_id: 'a1', incident: { incident_id: 'x', title: 't' } } }],
    ['a null incident', { incident: null }],
    ['an incident of a shape of its own', { incident: 'x' }],
    ['an incident id that is no text', { incident: { incident_id: 5 } }],
  ])('an alert’s webhook with %s is unsupported', (_what, rest) => {
    expect(parseIncidentEvent({ event_id: 'e1', event_time: 1, event_type: 'a_new', ...rest }, NOW)).toMatchObject({
      kind: 'unsupported',
      eventId: 'e1',
      eventType: 'a_new',
    })
  })
})

describe('properties', () => {
  test('any JSON is answered with a value, never a throw', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (body) => {
        expect(['event', 'unsupported', 'invalid']).toContain(parseIncidentEvent(body, NOW).kind)
      }),
    )
  })

  test('any JSON in any one place of a good body is answered too', () => {
    const place = fc.constantFrom(
      ...Object.keys(JOB).map((key) => [key]),
      ...Object.keys(INCIDENT).map((key) => ['incident', key]),
      ...[...Object.keys(JOB.delivery), 'chat_ids', 'locale', 'mode', 'expire_at'].map((key) => ['delivery', key]),
    )
    fc.assert(
      fc.property(place, fc.jsonValue(), ([first = '', second], value) => {
        const part = second === undefined ? value : { ...JOB[first as 'incident'], [second]: value }
        const parsed = parseIncidentEvent({ ...JOB, [first]: part }, NOW)
        if (parsed.kind !== 'invalid') return
        expect(['incident', 'incident_id']).toContain(second ?? first)
        expect(parsed.path).toMatch(/^incident/)
        expect(parsed.problem).not.toBe('')
      }),
    )
  })
})
