import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { accepted, CUSTOM_ACTION, INCIDENT, JOB, NOW, WEBHOOK, withDelivery, withIncident } from './bodies.fixture.ts'
import { parseIncidentEvent } from './event.ts'
import { DEFAULT_SNOOZE_MINUTES } from './read-delivery.ts'
import { useProperties } from '../../test/support/properties.ts'

useProperties()

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
