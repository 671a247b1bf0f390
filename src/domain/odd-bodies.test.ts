import { describe, expect, test } from 'vitest'

import { CUSTOM_ACTION, INCIDENT, JOB, NOW, read, WEBHOOK, withDelivery, withIncident } from './bodies.fixture.ts'
import { parseIncidentEvent } from './event.ts'

/** Bodies that are odd in parts: what is left out of them, what is said, and what is read all the same. */

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

  test('in JSON and in words that stand as a text', () => {
    const labels = '{"env":"prod","owner":"{{incident.labels.owner}}"}'
    const event = read({
      ...JOB,
      incident: { ...INCIDENT, labels },
      delivery: { chat_ids: '["cidA","{{chat}}"]', person_ids: '{{a}},7', at_person_ids: '{{a}}, {{b}}' },
    })
    expect(event.incident.labels).toEqual({ env: 'prod' })
    expect(event.delivery).toMatchObject({ chats: [{ chatId: 'cidA' }], personIds: [7], atPersonIds: undefined })
    expect(event.ignored).toEqual([])
  })

  test('and nothing but such words names nobody: targets are looked for elsewhere', () => {
    expect(read(withDelivery({ chat_ids: '{{a}},{{b}}' })).delivery.chats).toBeUndefined()
    expect(read(withDelivery({ chat_ids: '["{{a}}"]' })).delivery.chats).toBeUndefined()
  })

  test('and what is nested too deeply in a text of JSON is left out as anywhere', () => {
    const { leftOut, delivery } = read(withDelivery({ chat_ids: `["cidA",${'['.repeat(5_000)}${']'.repeat(5_000)}]` }))
    expect(leftOut).toContain('delivery.chat_ids')
    expect(delivery.chats).toMatchObject([{ chatId: 'cidA' }])
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
