import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import type { PlanInput } from '../delivery/plan/plan.ts'
import { planDelivery } from '../delivery/plan/plan-delivery.ts'
import { drawCard } from '../delivery/render/draw.ts'
import { PUBLIC_TEMPLATE_ID } from './card-template.ts'
import { applyEdits, type Edit, edits } from './edits.fixture.ts'
import { atLength, useProperties } from '../../test/support/properties.ts'
import type { CardFace } from './card.ts'
import { type IncidentEvent, parseIncidentEvent } from './event.ts'

/** Whole bodies that were valid once, edited at random: read, planned and drawn, as far as they are events. */

useProperties(400)

const NOW = 1_790_000_000_000
const MIB = 1024 * 1024

const SUPPORTED = new Set(
  (
    'i_new i_assign i_a_rspd i_snooze i_wake i_ack i_unack i_storm i_custom i_rslv i_reopen i_merge i_comm ' +
    'i_r_title i_r_desc i_r_impact i_r_rc i_r_rsltn i_r_severity i_r_field i_notify'
  ).split(' '),
)

const PEOPLE = [
  { person_id: 2001, person_name: '张三', email: 'z@example.com', assigned_at: 1_760_000_000, acknowledged_at: 0 },
  { person_id: 2002, person_name: '李四', email: 'l@example.com', assigned_at: 1_760_000_000, acknowledged_at: 1 },
]

/** Every field that the public pages name, in the shape they give it; ids invented. */
const INCIDENT = {
  incident_id: '0000000000000000000a1b2c',
  num: '0A1B2C',
  account_id: 10_023,
  account_name: '演示',
  account_locale: 'zh-CN',
  account_time_zone: 'Asia/Shanghai',
  title: 'db-01 cpu.idle < 5%',
  description: '**CPU** idle is low\n\n| host | value |\n|---|---|\n| db-01 | 3.2 |',
  impact: 'orders',
  root_cause: '',
  resolution: '',
  ai_summary: '',
  incident_severity: 'Critical',
  incident_status: 'Critical',
  progress: 'Triggered',
  created_at: 1_760_000_000,
  updated_at: 1_760_000_060,
  start_time: 1_760_000_000,
  last_time: 1_760_000_050,
  end_time: 0,
  ack_time: 0,
  close_time: 0,
  snoozed_before: 0,
  labels: { resource: 'db-01', check: 'cpu.idle', env: 'prod', body_text: 'low' },
  fields: { service: 'orders', tier: 1, tags: ['a', 'b'] },
  creator: { person_id: 0, person_name: '', email: '' },
  closer: { person_id: 0, person_name: '', email: '' },
  creator_id: 0,
  closer_id: 0,
  owner_id: 0,
  responders: PEOPLE,
  responder_ids: [2001, 2002],
  assigned_to: {
    type: 'assign',
    escalate_rule_id: '0000000000000000000000f1',
    escalate_rule_name: '默认',
    layer_idx: 0,
    assigned_at: 1_760_000_000,
    person_ids: [2001, 2002],
  },
  alert_cnt: 2,
  active_alert_cnt: 2,
  channel_id: 1001,
  channel_name: '数据库',
  channel_status: 'enabled',
  detail_url: 'http://flashduty.intra.example/incident/detail/0000000000000000000a1b2c',
  silence_url: 'http://flashduty.intra.example/channel/detail/1001?tab=alertSuppression',
  group_method: 'n',
  images: [{ src: 'https://x.example/1.png', href: 'https://x.example', alt: '图' }],
  links: [{ name: 'wiki', endpoint: 'https://x.example', open_type: 'tab' }],
  ever_muted: false,
  manual_overrides: [],
}

const TOLD = {
  event_id: '00000000000000000000000000000e01',
  event_time: 1_760_000_060_123,
  event_type: 'i_assign',
  person: { person_id: 2001, person_name: '张三', email: 'z@example.com' },
  incident: INCIDENT,
  delivery: {
    schema: 1,
    integration_id: 5001,
    rid: 'r-1',
    fire_type: 'refire',
    fire_times: 2,
    mode: 'auto',
    chats: [
      { chat_id: 'cidA', chat_name: 'A', disable_at: false, severities: ['Critical'], reply_event_types: ['i_ack'] },
      { chat_id: 'cidB', severities: [], reply_event_types: [] },
    ],
    chat_ids: ['cidC'],
    person_ids: [2001, 2002],
    at_person_ids: [2001],
    snooze_minutes: [30, 120, 720],
    expire_at: 1_790_000_600,
    locale: 'zh-CN',
    is_flapping: false,
    is_in_storm: true,
    rendered: { title: 'db-01 down', dingtalk_app: '**down**' },
    custom_actions: [{ integration_id: 1, name: '重启' }],
  },
}

const BODIES: Record<string, unknown>[] = [
  TOLD,
  {
    event_id: 'fac0599a2a25529ba2362c0c184b6cfb',
    event_time: 1_760_000_060_123,
    event_type: 'i_new',
    incident: INCIDENT,
  },
  {
    event_time: 1_760_000_060_123,
    event_type: 'i_custom',
    event_detail: { integration_id: 7, integration_name: '重启' },
    incident: { ...INCIDENT, event_id: '20260412Xatt9hrXsgmFkBR78WF655', progress: 'Processing' },
  },
  { ...TOLD, event_type: 'i_rslv', incident: { ...INCIDENT, progress: 'Closed', close_time: 1_760_000_090 } },
  { incident: { incident_id: INCIDENT.incident_id }, delivery: { chats: ['cidA'] } },
]

/** Which body, and what is done to it: a body may be nested too deeply to be told of. */
const edited = fc.tuple(fc.nat(BODIES.length - 1), edits)

const bodyOf = ([index, list]: [number, Edit[]]): unknown => applyEdits(BODIES[index], list)

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const own = (value: Record<string, unknown>, key: string): unknown =>
  Object.hasOwn(value, key) ? value[key] : undefined
const isPlaceholder = (text: string): boolean => /^\s*\{\{[^{}]*\}\}\s*$/.test(text)

/** Bytes of JSON; undefined for what is nested too deeply to be written as such. */
function sizeOf(value: unknown): number | undefined {
  try {
    return Buffer.byteLength(JSON.stringify(value))
  } catch {
    return undefined
  }
}

/** The id by which the body has to be taken in; undefined where the specification does not demand it. */
function demandedId(body: unknown): string | undefined {
  if (!isObject(body)) return undefined
  const incident = own(body, 'incident')
  const id = isObject(incident) ? own(incident, 'incident_id') : undefined
  if (typeof id !== 'string' || isPlaceholder(id) || id.trim() === '' || id.trim().length > 64) return undefined
  const type = own(body, 'event_type')
  const isNone = typeof type !== 'string' || type.trim() === '' || isPlaceholder(type)
  if (!isNone && !SUPPORTED.has(type.trim().toLowerCase())) return undefined
  const size = sizeOf(body)
  return size !== undefined && size <= MIB ? id.trim() : undefined
}

function inputsOf(event: IncidentEvent): PlanInput[] {
  const input: PlanInput = {
    event,
    integration: { id: 'int', clientId: 'dingapp', templateId: undefined, dmFromWebhook: true, cardCallback: 'STREAM' },
    ruleChats: undefined,
    routedGroups: ['cidB'],
    unread: undefined,
    isNewest: true,
    progress: event.incident.progress,
    groups: new Map(
      ['cidA', 'cidB'].map((id) => [id, { status: 'installed' as const, robotCode: null, title: `group ${id}` }]),
    ),
    left: new Set([2002]),
    links: new Map([[2001, 'user1']]),
    cards: [],
    seen: new Set(),
    nowMs: NOW,
  }
  return [
    input,
    { ...input, isNewest: false, seen: new Set(['group:cidA', 'person:user1', 'person:member:2001']) },
    { ...input, routedGroups: [], unread: 'later', progress: 'Closed' },
  ]
}

function faceOf(event: IncidentEvent, change: Partial<CardFace>): CardFace {
  const { delivery, incident, person, eventType } = event
  return {
    // As it is stored and read again.
    incident: JSON.parse(JSON.stringify(incident)) as CardFace['incident'],
    rev: 7,
    lastAct: person && { eventType, personName: person.name, at: 1_760_000_060 },
    snoozeOver: false,
    prefix: 'REFIRE',
    superseded: false,
    locale: delivery.locale ?? 'zh-CN',
    snoozeMinutes: delivery.snoozeMinutes,
    customActions: delivery.customActions,
    templateId: PUBLIC_TEMPLATE_ID,
    rendered: delivery.rendered,
    flapping: delivery.flapping ?? false,
    inStorm: delivery.inStorm ?? false,
    gone: false,
    plain: false,
    minimal: false,
    ...change,
  }
}

const FACES: Partial<CardFace>[] = [
  {},
  { templateId: 'own.schema', locale: 'en-US' },
  { plain: true, rendered: undefined },
]

function expectPlannedAndDrawn(event: IncidentEvent): void {
  for (const input of inputsOf(event)) {
    const plan = planDelivery(input)
    const targets = plan.records.map(({ target }) => `${target.kind}:${target.id}`)
    expect(new Set(targets).size).toBe(targets.length)
    // 500 targets, one record for the rest.
    expect(targets.length).toBeLessThanOrEqual(501 + input.seen.size)
    expect(plan.newCards.flatMap((card) => card.spaces).length).toBeLessThanOrEqual(500)
    for (const { outTrackId } of plan.newCards) expect(outTrackId.length).toBeLessThanOrEqual(64)
  }
  for (const change of FACES) {
    const drawn = drawCard(faceOf(event, change))
    for (const value of Object.values(drawn.cardParamMap)) expect(typeof value).toBe('string')
    expect(drawCard(faceOf(event, change)).hash).toBe(drawn.hash)
  }
}

describe('a body with any edits', () => {
  test('is read, planned and drawn without an exception, and is an event as long as its incident has an id', () => {
    fc.assert(
      fc.property(edited, (made) => {
        const body = bodyOf(made)
        const parsed = parseIncidentEvent(body, NOW)
        const id = demandedId(body)
        if (id !== undefined) expect(parsed).toMatchObject({ kind: 'event', event: { incident: { incident_id: id } } })
        expect(parsed.ignored.length).toBeLessThanOrEqual(21)
        for (const { path, problem } of parsed.ignored) {
          expect(path).toMatch(/\S/)
          expect(path.length).toBeLessThan(400)
          expect(problem).toMatch(/^(is|has|lies|lacks) /)
        }
        if (parsed.kind === 'event') expectPlannedAndDrawn(parsed.event)
      }),
    )
  })

  test('is the same after a trip through JSON, and is not changed by being read', () => {
    fc.assert(
      fc.property(edited, (made) => {
        const body = bodyOf(made)
        if (sizeOf(body) === undefined) return
        const before = JSON.stringify(body)
        const json = jsonOf(body)
        if (json === undefined) return
        const read = (from: unknown) => {
          const { kind, bodyHash, contentHash, ignored } = parseIncidentEvent(from, NOW)
          return { kind, bodyHash, contentHash, ignored }
        }
        expect(read(JSON.parse(json))).toEqual(read(body))
        expect(JSON.stringify(body) === before).toBe(true)
      }),
    )
  })
})

/** What no JSON can write is written as what it is read as. undefined for what is nested too deeply to be written. */
function jsonOf(body: unknown): string | undefined {
  try {
    return JSON.stringify(body, (_key, value: unknown) =>
      typeof value === 'number' && !Number.isFinite(value) ? String(value) : value,
    )
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

describe('nesting of any kind at any place', () => {
  const deep = (levels: number, list: boolean): unknown => {
    let value: unknown = 'x'
    for (let level = 0; level < levels; level++) value = list ? [value] : { a: value }
    return value
  }
  const places: [string, (value: unknown) => unknown][] = [
    ['the body', (value) => ({ ...TOLD, extra: value })],
    ['delivery', (value) => ({ ...TOLD, delivery: value })],
    ['person', (value) => ({ ...TOLD, person: value })],
    ...Object.keys(INCIDENT)
      .filter((key) => key !== 'incident_id')
      .map((key): [string, (value: unknown) => unknown] => [
        `incident.${key}`,
        (value) => ({ ...TOLD, incident: { ...INCIDENT, [key]: value } }),
      ]),
    ...Object.keys(TOLD.delivery).map((key): [string, (value: unknown) => unknown] => [
      `delivery.${key}`,
      (value) => ({ ...TOLD, delivery: { ...TOLD.delivery, [key]: value } }),
    ]),
  ]

  test.each(places)('of %s costs nothing but that part', (_place, make) => {
    for (const levels of [31, 32, 33, 200_000]) {
      for (const list of [true, false]) {
        const parsed = parseIncidentEvent(make(deep(levels, list)), NOW)
        if (parsed.kind !== 'event') throw new Error(parsed.kind)
        if (levels > 1_000) expect(parsed.ignored.length).toBeGreaterThan(0)
        expectPlannedAndDrawn(parsed.event)
      }
    }
  })
})

describe('time grows with size, and no faster', () => {
  const many = (count: number): number[] => [...Array(count).keys()]
  /** A body of a size that depends on `count`, some 500 KiB at 1. */
  const sizes: [string, (scale: number) => unknown][] = [
    ['a long title', (n) => withIncident({ title: 'x'.repeat(500_000 * n) })],
    ['a long description', (n) => withIncident({ description: '*a* `b` [c](d) <e>\n'.repeat(25_000 * n) })],
    ['a description of one kind of bracket', (n) => withIncident({ description: '['.repeat(500_000 * n) })],
    ['a description of blanks', (n) => withIncident({ description: `x${' '.repeat(500_000 * n)}x` })],
    ['a title of accents', (n) => withIncident({ title: '\u0301'.repeat(250_000 * n) })],
    ['braces', (n) => withIncident({ title: '{{'.repeat(250_000 * n) })],
    ['a placeholder without end', (n) => withIncident({ title: `{{${'a'.repeat(500_000 * n)}` })],
    [
      'placeholders',
      (n) => withIncident({ labels: Object.fromEntries(many(25_000 * n).map((i) => [`k${i}`, '{{a}}'])) }),
    ],
    ['labels', (n) => withIncident({ labels: Object.fromEntries(many(25_000 * n).map((i) => [`k${i}`, `v${i}`])) })],
    ['bad labels', (n) => withIncident({ labels: Object.fromEntries(many(40_000 * n).map((i) => [`k${i}`, {}])) })],
    ['unknown fields', (n) => withIncident(Object.fromEntries(many(25_000 * n).map((i) => [`k${i}`, `v${i}`])))],
    [
      'responders',
      (n) => withIncident({ responders: many(10_000 * n).map((i) => ({ person_id: i, person_name: 'x' })) }),
    ],
    ['bad responders', (n) => withIncident({ responders: many(100_000 * n).map(() => ({})) })],
    ['pictures', (n) => withIncident({ images: many(10_000 * n).map((i) => ({ src: `https://x.example/${i}` })) })],
    ['groups', (n) => withDelivery({ chats: many(15_000 * n).map((i) => ({ chat_id: `cid${i}` })) })],
    ['ids of groups', (n) => withDelivery({ chat_ids: many(40_000 * n).map((i) => `cid${i}`) })],
    ['the same group again and again', (n) => withDelivery({ chat_ids: many(60_000 * n).map(() => 'cidA') })],
    [
      'ids of groups in one text',
      (n) =>
        withDelivery({
          chat_ids: many(40_000 * n)
            .map((i) => `cid${i}`)
            .join(','),
        }),
    ],
    ['groups that are none', (n) => withDelivery({ chats: many(100_000 * n).map(() => 7) })],
    ['people', (n) => withDelivery({ chats: undefined, person_ids: many(60_000 * n).map((i) => i + 1) })],
    ['people that are none', (n) => withDelivery({ person_ids: many(100_000 * n).map(() => 'x') })],
    [
      'words of a filter',
      (n) => withDelivery({ chats: [{ chat_id: 'cidA', severities: many(60_000 * n).map(() => 'x') }] }),
    ],
    ['an address', (n) => withIncident({ detail_url: `https://x.example/${'('.repeat(500_000 * n)}` })],
    ['digits', (n) => withIncident({ alert_cnt: '1'.repeat(500_000 * n), start_time: '9'.repeat(500_000 * n) })],
    ['a date', (n) => withIncident({ start_time: `2025-10-09T16:53:20.${'1'.repeat(500_000 * n)}Z` })],
    ['an event id', (n) => ({ ...TOLD, event_id: '~'.repeat(500_000 * n) })],
    ['lists in lists', (n) => ({ ...TOLD, extra: many(25_000 * n).map(() => [[[[]]]]) })],
    [
      'JSON in JSON',
      (n) => ({ ...TOLD, delivery: JSON.stringify({ chat_ids: many(40_000 * n).map((i) => `c${i}`) }) }),
    ],
    ['JSON that is cut off', (n) => ({ ...TOLD, delivery: `{"a":${'['.repeat(500_000 * n)}` })],
  ]
  const withIncident = (change: Record<string, unknown>): unknown => ({ ...TOLD, incident: { ...INCIDENT, ...change } })
  const withDelivery = (change: Record<string, unknown>): unknown => ({
    ...TOLD,
    delivery: { ...TOLD.delivery, ...change },
  })

  /** Whatever takes less is not told from noise, and is no matter anyway. */
  const FLOOR_MS = 30
  const RUNS = 12
  /** Of four times the size: three times as long for each doubling. Time that grew with the square would be 16. */
  const SLOWEST = 9

  /** Of the processor, so that what else the machine does counts for little. */
  function timeOf(body: unknown): number {
    const before = process.cpuUsage()
    const parsed = parseIncidentEvent(body, NOW)
    if (parsed.kind === 'event') {
      for (const input of inputsOf(parsed.event)) planDelivery(input)
      for (const change of FACES) drawCard(faceOf(parsed.event, change))
    }
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1_000
  }

  /** The best of several runs of each, turn by turn. */
  function isFair(small: unknown, large: unknown): boolean {
    const best = { small: Infinity, large: Infinity }
    for (let run = 0; run < RUNS; run++) {
      best.small = Math.min(best.small, timeOf(small))
      best.large = Math.min(best.large, timeOf(large))
      if (best.large < FLOOR_MS || best.large <= SLOWEST * best.small) return true
    }
    return false
  }

  test.each(sizes)('with %s', (_what, make) => {
    expect(isFair(make(0.5), make(2))).toBe(true)
  })

  test.runIf(atLength(1) > 1).each(sizes)('with %s, beyond the limit as well', (_what, make) => {
    expect(isFair(make(1), make(4))).toBe(true)
  })
})
