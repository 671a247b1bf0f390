import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import type { Audience, Space } from '../../domain/card.ts'
import { type IncidentEvent, parseIncidentEvent } from '../../domain/event.ts'
import { keyOfAudience, nameCard } from '../names.ts'
import type { ExistingCard, Plan, PlanInput } from './plan.ts'
import { planDelivery } from './plan-delivery.ts'
import { PUBLIC_TEMPLATE_ID } from '../../domain/card-template.ts'
import { useProperties } from '../../../test/support/properties.ts'

useProperties(40)

const INCIDENT = {
  incident_id: '0000000000000000000a1b2c',
  title: 'db-01 cpu.idle low',
  incident_severity: 'Critical',
  progress: 'Triggered',
  start_time: 1_760_000_000,
}
const NOW = 1_760_000_100_000

type EventChange = {
  id?: string
  type?: string
  assigned?: string
  delivery?: Record<string, unknown> | null
  incident?: Record<string, unknown>
}

function eventOf({ id = 'e1', type = 'i_new', assigned, delivery = null, incident = {} }: EventChange): IncidentEvent {
  const parsed = parseIncidentEvent(
    {
      event_id: id,
      event_time: 1_760_000_000_123,
      event_type: type,
      incident: { ...INCIDENT, ...(assigned === undefined ? {} : { assigned_to: { type: assigned } }), ...incident },
      delivery,
    },
    NOW,
  )
  if (parsed.kind !== 'event') throw new Error(`not an event: ${JSON.stringify(parsed)}`)
  return parsed.event
}

function inputOf(event: IncidentEvent, change: Partial<PlanInput> = {}): PlanInput {
  return {
    event,
    integration: { id: 'int', clientId: 'dingapp', templateId: undefined, dmFromWebhook: true, cardCallback: 'STREAM' },
    ruleChats: undefined,
    routedGroups: [],
    unread: undefined,
    isNewest: true,
    progress: event.incident.progress,
    groups: new Map(
      ['A', 'B', 'C'].map((name) => [
        `cid${name}`,
        { status: 'installed' as const, robotCode: null, title: `group ${name}` },
      ]),
    ),
    left: new Set(),
    links: new Map([
      [1, 'user1'],
      [2, 'user2'],
    ]),
    cards: [],
    seen: new Set(),
    nowMs: NOW,
    ...change,
  }
}

const AUDIENCE: Audience = {
  robotCode: 'dingapp',
  templateId: PUBLIC_TEMPLATE_ID,
  callbackType: 'STREAM',
  locale: 'zh-CN',
  replyEventTypes: [],
  disableAt: false,
  snoozeMinutes: [120, 240, 720],
  customActions: [],
}

const groupSpace = (name: string): Space => ({ kind: 'group', targetId: `cid${name}` })
const personSpace = (id: string): Space => ({ kind: 'person', targetId: id })

function cardOf(change: Partial<ExistingCard> & { spaces: Space[] }): ExistingCard {
  const notificationKey = change.notificationKey ?? 'first'
  const audience = change.audience ?? AUDIENCE
  const audienceKey = keyOfAudience(audience)
  return {
    outTrackId: nameCard('int', INCIDENT.incident_id, notificationKey, audienceKey, 0),
    notificationKey,
    generation: 0,
    audienceKey,
    audience,
    frozen: false,
    unsent: false,
    behind: false,
    ...change,
  }
}

const toA = { chats: [{ chat_id: 'cidA' }] }
const toAB = { chats: [{ chat_id: 'cidA' }, { chat_id: 'cidB' }] }
const spacesOf = (plan: Plan): Space[] => [...plan.newCards, ...plan.joins].flatMap((card) => card.spaces)
const summary = (plan: Plan): string[] =>
  plan.records.map((record) =>
    [
      `${record.target.kind}:${record.target.id}`,
      record.status,
      'effect' in record ? record.effect : 'reason' in record ? record.reason : '',
    ]
      .join(' ')
      .trim(),
  )

describe('which events ask for new cards', () => {
  test.each<[string, EventChange, string | undefined, string]>([
    ['i_new', { type: 'i_new' }, 'first', ''],
    ['i_assign', { type: 'i_assign' }, 'first', ''],
    ['i_assign of type assign', { type: 'i_assign', assigned: 'assign' }, 'first', ''],
    ['i_assign of an unset type', { type: 'i_assign', assigned: '' }, 'first', ''],
    ['i_assign of type reassign', { type: 'i_assign', assigned: 'reassign' }, 'e1', 'REASSIGN'],
    ['i_assign of type escalate', { type: 'i_assign', assigned: 'escalate' }, 'e1', 'ESCALATE'],
    ['i_assign of type reopen', { type: 'i_assign', assigned: 'reopen' }, 'e1', 'REOPEN'],
    ['i_notify fire', { type: 'i_notify', delivery: { ...toA, fire_type: 'fire' } }, 'first', ''],
    [
      'i_notify refire, with its rid',
      { type: 'i_notify', delivery: { ...toA, fire_type: 'refire', rid: 'r7' } },
      'r7',
      'REFIRE',
    ],
    ['i_notify refire without rid', { type: 'i_notify', delivery: { ...toA, fire_type: 'refire' } }, 'e1', 'REFIRE'],
    ['i_a_rspd', { type: 'i_a_rspd' }, 'first', ''],
    ['i_reopen', { type: 'i_reopen' }, undefined, ''],
    ['i_storm', { type: 'i_storm' }, undefined, ''],
    ['i_ack', { type: 'i_ack' }, undefined, ''],
    ['i_unack', { type: 'i_unack' }, undefined, ''],
    ['i_snooze', { type: 'i_snooze' }, undefined, ''],
    ['i_wake', { type: 'i_wake' }, undefined, ''],
    ['i_rslv', { type: 'i_rslv' }, undefined, ''],
    ['i_merge', { type: 'i_merge' }, undefined, ''],
    ['i_comm', { type: 'i_comm' }, undefined, ''],
    ['i_custom', { type: 'i_custom' }, undefined, ''],
    ['i_r_title', { type: 'i_r_title' }, undefined, ''],
    ['any event in create mode', { type: 'i_ack', delivery: { ...toA, mode: 'create' } }, 'first', ''],
    ['i_new in update mode', { type: 'i_new', delivery: { ...toA, mode: 'update' } }, undefined, ''],
    [
      'an escalation in update mode',
      { type: 'i_assign', assigned: 'escalate', delivery: { ...toA, mode: 'update' } },
      undefined,
      '',
    ],
  ])('%s', (_what, change, key, prefix) => {
    const plan = planDelivery(inputOf(eventOf({ delivery: toA, ...change })))
    expect(plan.notification?.key).toBe(key)
    expect(plan.notification?.prefix ?? '').toBe(prefix)
    expect(spacesOf(plan)).toEqual(key === undefined ? [] : [groupSpace('A')])
  })

  test('i_new and the i_assign after it give one card', () => {
    const first = planDelivery(inputOf(eventOf({ type: 'i_new', delivery: toA })))
    const card = cardOf({ outTrackId: first.newCards[0]!.outTrackId, spaces: [groupSpace('A')] })
    const second = planDelivery(inputOf(eventOf({ id: 'e2', type: 'i_assign', delivery: toA }), { cards: [card] }))
    expect(spacesOf(second)).toEqual([])
    expect(second.updates).toEqual([card.outTrackId])
    expect(summary(second)).toEqual(['group:cidA pending update'])
  })
})

describe('whom an event reaches', () => {
  test('named groups and people share one card, and each has its own record', () => {
    const plan = planDelivery(inputOf(eventOf({ delivery: { ...toAB, person_ids: [1, 2] } })))
    expect(plan.newCards).toHaveLength(1)
    expect(spacesOf(plan)).toEqual([groupSpace('A'), groupSpace('B'), personSpace('user1'), personSpace('user2')])
    expect(summary(plan)).toEqual([
      'group:cidA pending create',
      'group:cidB pending create',
      'person:user1 pending create',
      'person:user2 pending create',
    ])
  })

  test('without named targets the responders are told in their own chats', () => {
    const responders = [
      { person_id: 1, person_name: '张三' },
      { person_id: 2, person_name: '李四' },
    ]
    const plan = planDelivery(inputOf(eventOf({ type: 'i_assign', incident: { responders } })))
    expect(spacesOf(plan)).toEqual([personSpace('user1'), personSpace('user2')])
    expect(plan.records.map((record) => record.target.name)).toEqual(['张三', '李四'])
  })

  test('named targets replace the responders, even when none are named', () => {
    const incident = { responders: [{ person_id: 1 }] }
    expect(spacesOf(planDelivery(inputOf(eventOf({ delivery: toA, incident }))))).toEqual([groupSpace('A')])
    const nobody = planDelivery(inputOf(eventOf({ delivery: { chats: [] }, incident })))
    expect(spacesOf(nobody)).toEqual([])
    expect(summary(nobody)).toEqual(['none: skipped NO_TARGET'])
  })

  test('i_new with neither targets nor responders waits for i_assign', () => {
    const plan = planDelivery(inputOf(eventOf({ type: 'i_new' })))
    expect(plan.notification).toBeUndefined()
    expect(summary(plan)).toEqual(['none: skipped NO_TARGET'])
  })

  test('added responders are told once; those who have the card get it updated', () => {
    const card = cardOf({ spaces: [personSpace('user1')] })
    const incident = { responders: [{ person_id: 1 }, { person_id: 2 }] }
    const plan = planDelivery(inputOf(eventOf({ id: 'e2', type: 'i_a_rspd', incident }), { cards: [card] }))
    expect(plan.newCards).toEqual([])
    expect(plan.joins).toEqual([{ outTrackId: card.outTrackId, spaces: [personSpace('user2')] }])
    expect(plan.updates).toEqual([card.outTrackId])
    expect(summary(plan)).toEqual(['person:user2 pending create', 'person:user1 pending update'])
  })

  test('a person who was never linked is a failure of its own', () => {
    const plan = planDelivery(
      inputOf(
        eventOf({
          delivery: { person_ids: [1, 9] },
          incident: { responders: [{ person_id: 9, person_name: '王五' }] },
        }),
      ),
    )
    expect(spacesOf(plan)).toEqual([personSpace('user1')])
    expect(plan.records).toContainEqual({
      target: { kind: 'person', id: 'member:9', name: '王五' },
      memberId: 9,
      status: 'failed',
      reason: 'NOT_LINKED',
    })
  })

  describe('when a webhook names nobody', () => {
    const chat = (chatId: string) => ({
      chatId,
      chatName: undefined,
      disableAt: false,
      replyEventTypes: [],
      severities: [],
    })
    const assign = eventOf({ type: 'i_assign', incident: { responders: [{ person_id: 1, person_name: 'A' }] } })
    const targets = (event: IncidentEvent, change: Partial<PlanInput>): string[] =>
      planDelivery(inputOf(event, change)).records.map(
        (record) => `${record.target.kind}:${record.target.id} ${'reason' in record ? record.reason : record.status}`,
      )

    test('the groups of its escalation rule and the responders are told', () => {
      expect(targets(assign, { ruleChats: [chat('cidA')], routedGroups: ['cidB'] })).toEqual([
        'group:cidA pending',
        'person:user1 pending',
      ])
    })

    test.each([[undefined], [[]]])('and the rule says %j, the groups of the routes are', (ruleChats) => {
      expect(targets(assign, { ruleChats, routedGroups: ['cidB'] })).toEqual([
        'group:cidB pending',
        'person:user1 pending',
      ])
    })

    test('responders are left alone when the integration says so', () => {
      const integration = { ...inputOf(assign).integration, dmFromWebhook: false }
      expect(targets(assign, { integration, routedGroups: ['cidB'] })).toEqual(['group:cidB pending'])
    })

    test('a new incident waits for its assignment before it tells groups', () => {
      expect(targets(eventOf({ type: 'i_new' }), { routedGroups: ['cidB'] })).toEqual(['none: NO_TARGET'])
    })

    test('further responders are told, no groups', () => {
      const event = eventOf({ type: 'i_a_rspd', incident: { responders: [{ person_id: 2, person_name: 'B' }] } })
      expect(targets(event, { ruleChats: [chat('cidA')], routedGroups: ['cidB'] })).toEqual(['person:user2 pending'])
    })

    describe('a responder whom only another event shows', () => {
      const both = [
        { person_id: 1, person_name: 'A' },
        { person_id: 2, person_name: 'B' },
      ]
      const acked = eventOf({ id: 'e9', type: 'i_ack', incident: { responders: both } })
      const recorded = new Set([1])

      test('is told by it, alone, and no group is', () => {
        const card = cardOf({ spaces: [groupSpace('A'), personSpace('user1')] })
        const plan = planDelivery(inputOf(acked, { recorded, cards: [card], routedGroups: ['cidB'] }))
        expect(spacesOf(plan)).toEqual([personSpace('user2')])
        expect(summary(plan).toSorted()).toEqual([
          'group:cidA pending update',
          'person:user1 pending update',
          'person:user2 pending create',
        ])
      })

      test.each<[string, Partial<PlanInput>, IncidentEvent?]>([
        ['who has a record', { recorded: new Set([1, 2]) }],
        ['with an older event', { recorded, isNewest: false }],
        ['of an incident that is closed', { recorded, progress: 'Closed' }],
        [
          'whose integration leaves people alone',
          { recorded, integration: { ...inputOf(acked).integration, dmFromWebhook: false } },
        ],
        ['while nobody knows who has a record', {}],
        [
          'beside a delivery that names others',
          { recorded },
          eventOf({ type: 'i_ack', incident: { responders: both }, delivery: toA }),
        ],
        [
          'when only updates are wanted',
          { recorded },
          eventOf({ type: 'i_ack', incident: { responders: both }, delivery: { mode: 'update' } }),
        ],
      ])('is not told: one %s', (_what, change, event = acked) => {
        expect(spacesOf(planDelivery(inputOf(event, change)))).toEqual([])
      })
    })

    test('a rule that cannot be read now leaves no verdict yet', () => {
      expect(targets(eventOf({ type: 'i_assign' }), { unread: 'later' })).toEqual([])
    })

    test('a rule that will not be read is a failure of its own', () => {
      expect(targets(assign, { unread: 'KEY_INVALID' })).toEqual(['person:user1 pending', 'none: KEY_INVALID'])
    })
  })

  test.each<[string, 'installed' | 'uninstalled' | 'disbanded' | 'unknown' | undefined, string]>([
    ['without the cool app', 'uninstalled', 'group:cidX failed COOL_APP_NOT_INSTALLED'],
    ['known by name only', 'unknown', 'group:cidX failed COOL_APP_NOT_INSTALLED'],
    ['never heard of', undefined, 'group:cidX failed COOL_APP_NOT_INSTALLED'],
    ['disbanded', 'disbanded', 'group:cidX failed CHAT_NOT_FOUND'],
    ['with the cool app', 'installed', 'group:cidX pending create'],
  ])('a group %s', (_what, status, expected) => {
    const groups = new Map(status ? [['cidX', { status, robotCode: null, title: null }]] : [])
    const plan = planDelivery(inputOf(eventOf({ delivery: { chat_ids: ['cidX'] } }), { groups }))
    expect(summary(plan)).toEqual([expected])
  })

  test.each<[string[] | undefined, string, string]>([
    [undefined, 'Info', 'pending create'],
    [[], 'Info', 'pending create'],
    [['Critical', 'Info'], 'Info', 'pending create'],
    [['Critical'], 'Info', 'skipped SEVERITY_FILTERED'],
  ])('severities %j and an incident that is %s: %s', (severities, severity, expected) => {
    const delivery = { chats: [{ chat_id: 'cidA', severities }] }
    const plan = planDelivery(inputOf(eventOf({ delivery, incident: { incident_severity: severity } })))
    expect(summary(plan)).toEqual([`group:cidA ${expected}`])
  })

  test('a severity that nobody knows passes every filter', () => {
    for (const severity of ['P1', '']) {
      const delivery = { chats: [{ chat_id: 'cidA', severities: ['Critical'] }] }
      const plan = planDelivery(inputOf(eventOf({ delivery, incident: { incident_severity: severity } })))
      expect(summary(plan)).toEqual(['group:cidA pending create'])
    }
  })

  test('a group that waits for a severity is remembered with it, unless it follows by a card already', () => {
    const delivery = {
      chats: [
        { chat_id: 'cidA', severities: ['Critical'] },
        { chat_id: 'cidZ', severities: ['Ok'] },
      ],
    }
    const event = eventOf({ id: 'e2', type: 'i_assign', delivery, incident: { incident_severity: 'Info' } })
    const waiting = (cards: ExistingCard[]) =>
      planDelivery(inputOf(event, { cards })).missed.map(({ target, severities }) => [target.id, severities])
    expect(waiting([])).toEqual([
      ['cidA', ['Critical']],
      ['cidZ', ['Ok']],
    ])
    expect(waiting([cardOf({ spaces: [groupSpace('A')] })])).toEqual([['cidZ', ['Ok']]])
  })

  test('targets that nobody can read are records, and the others are told', () => {
    const delivery = { chats: [{ chat_id: 'cidA' }, {}], person_ids: ['x', 1] }
    const plan = planDelivery(inputOf(eventOf({ delivery })))
    expect(summary(plan)).toEqual([
      'group:cidA pending create',
      'person:user1 pending create',
      'none:delivery.chats.1 failed TARGET_UNREADABLE',
      'none:delivery.person_ids.0 failed TARGET_UNREADABLE',
    ])
  })

  test('of a list that nobody can read, the rule or the routes stand in', () => {
    const event = eventOf({ type: 'i_assign', delivery: { chats: [{}] } })
    const plan = planDelivery(inputOf(event, { routedGroups: ['cidB'] }))
    expect(spacesOf(plan)).toEqual([groupSpace('B')])
  })

  test.each([
    [500, 0, 500, 0],
    [499, 1, 500, 0],
    [10_000, 10, 500, 9_510],
    [3, 600, 500, 103],
  ])('of %d groups and %d people %d are told, people first', (groups, people, told, beyond) => {
    const personIds = Array.from({ length: people }, (_, index) => index + 1)
    const chatIds = Array.from({ length: groups }, (_, index) => `cid${index}`)
    const states = new Map(chatIds.map((id) => [id, { status: 'installed' as const, robotCode: null, title: null }]))
    const links = new Map(personIds.map((id) => [id, `user${id}`]))
    const event = eventOf({ delivery: { chat_ids: chatIds, person_ids: personIds } })
    const plan = planDelivery(inputOf(event, { groups: states, links }))
    const spaces = spacesOf(plan)
    const reached = Math.min(people, 500)
    expect(spaces).toHaveLength(told)
    expect(spaces.filter(({ kind }) => kind === 'person')).toHaveLength(reached)
    expect(spaces.filter(({ kind }) => kind === 'group').map(({ targetId }) => targetId)).toEqual(
      chatIds.slice(0, told - reached),
    )
    const over = plan.records.filter((record) => 'reason' in record && record.reason === 'OVER_LIMIT')
    expect(over.map((record) => 'detail' in record && record.detail)).toEqual(
      beyond === 0 ? [] : [`${beyond} more targets than the 500 that one delivery may have`],
    )
  })

  test('the severity filter keeps cards from being made, not from being updated', () => {
    const card = cardOf({ spaces: [groupSpace('A')] })
    const delivery = { chats: [{ chat_id: 'cidA', severities: ['Critical'] }] }
    const event = eventOf({ id: 'e2', type: 'i_assign', delivery, incident: { incident_severity: 'Info' } })
    expect(planDelivery(inputOf(event, { cards: [card] })).updates).toEqual([card.outTrackId])
  })

  test('an incident that is closed already makes no new card', () => {
    const plan = planDelivery(
      inputOf(eventOf({ delivery: { ...toA, person_ids: [1] } }), { isNewest: false, progress: 'Closed' }),
    )
    expect(spacesOf(plan)).toEqual([])
    expect(summary(plan)).toEqual(['group:cidA skipped ALREADY_CLOSED', 'person:user1 skipped ALREADY_CLOSED'])
  })

  test('a repeat for a closed incident updates the card that is there instead of saying it again', () => {
    const card = cardOf({ spaces: [groupSpace('A')] })
    const event = eventOf({ id: 'e2', type: 'i_notify', delivery: { ...toAB, fire_type: 'refire' } })
    const plan = planDelivery(inputOf(event, { cards: [card], progress: 'Closed' }))
    expect(spacesOf(plan)).toEqual([])
    expect(plan.freezes).toEqual([])
    expect(plan.updates).toEqual([card.outTrackId])
    expect(summary(plan).sort()).toEqual(['group:cidA pending update', 'group:cidB skipped ALREADY_CLOSED'])
  })

  test.each([
    ['a second ago', -1, 'skipped EXPIRED'],
    ['this very second', 0, 'skipped EXPIRED'],
    ['in a second', 1, 'pending create'],
  ])('a delivery that expires %s', (_when, seconds, expected) => {
    const plan = planDelivery(inputOf(eventOf({ delivery: { ...toA, expire_at: NOW / 1000 + seconds } })))
    expect(summary(plan)).toEqual([`group:cidA ${expected}`])
  })

  test('an older create is still sent; only an older update is stale', () => {
    const late = planDelivery(inputOf(eventOf({ delivery: toA }), { isNewest: false }))
    expect(summary(late)).toEqual(['group:cidA pending create'])
    const card = cardOf({ spaces: [groupSpace('A')] })
    const stale = planDelivery(inputOf(eventOf({ id: 'e2', type: 'i_ack' }), { isNewest: false, cards: [card] }))
    expect(summary(stale)).toEqual(['group:cidA skipped STALE_EVENT'])
    expect(stale.updates).toEqual([])
  })
})

describe('audiences', () => {
  test('groups with settings of their own get cards of their own', () => {
    const chats = [
      { chat_id: 'cidA' },
      { chat_id: 'cidB', reply_event_types: ['i_rslv', 'i_ack', 'i_ack'] },
      { chat_id: 'cidC', disable_at: true },
    ]
    const plan = planDelivery(inputOf(eventOf({ delivery: { chats } })))
    expect(plan.newCards.map((card) => card.spaces)).toEqual([[groupSpace('A')], [groupSpace('B')], [groupSpace('C')]])
    expect(new Set(plan.newCards.map((card) => card.outTrackId)).size).toBe(3)
    expect(plan.newCards[1]?.audience.replyEventTypes).toEqual(['i_ack', 'i_rslv'])
    expect(plan.newCards[2]?.audience.disableAt).toBe(true)
  })

  test('the order of event types makes no difference', () => {
    const chats = [
      { chat_id: 'cidA', reply_event_types: ['i_ack', 'i_rslv'] },
      { chat_id: 'cidB', reply_event_types: ['i_rslv', 'i_ack'] },
    ]
    expect(planDelivery(inputOf(eventOf({ delivery: { chats } }))).newCards).toHaveLength(1)
  })

  test('a group with a robot of its own is not mixed with the others', () => {
    const groups = new Map([
      ['cidA', { status: 'installed' as const, robotCode: 'robotA', title: null }],
      ['cidB', { status: 'installed' as const, robotCode: null, title: null }],
    ])
    const { newCards } = planDelivery(inputOf(eventOf({ delivery: { ...toAB, person_ids: [1] } }), { groups }))
    expect(newCards.map(({ audience, spaces }) => [audience.robotCode, spaces])).toEqual([
      ['robotA', [groupSpace('A')]],
      ['dingapp', [groupSpace('B'), personSpace('user1')]],
    ])
  })

  test.each([
    [{ locale: 'en-US' }, 'zh-CN', 'en-US'],
    [{ locale: 'zh-CN' }, 'en-US', 'zh-CN'],
    [{}, 'en-US', 'en-US'],
    [{}, 'zh-CN', 'zh-CN'],
    [{}, '', 'zh-CN'],
    [{}, undefined, 'zh-CN'],
  ])('a delivery %j of an account in %s speaks %s', (delivery, accountLocale, expected) => {
    const event = eventOf({ delivery: { ...toA, ...delivery }, incident: { account_locale: accountLocale } })
    expect(planDelivery(inputOf(event)).newCards[0]?.audience.locale).toBe(expected)
  })

  test('every field of an audience counts in its key', () => {
    const changes: Partial<Audience>[] = [
      { robotCode: 'other' },
      { templateId: 'other' },
      { callbackType: 'HTTP' },
      { locale: 'en-US' },
      { replyEventTypes: ['i_ack'] },
      { disableAt: true },
      { snoozeMinutes: [1] },
      { customActions: [{ integrationId: 1, name: '重启' }] },
    ]
    expect(changes.map((change) => Object.keys(change)[0]).sort()).toEqual(Object.keys(AUDIENCE).sort())
    const keys = [{}, ...changes].map((change) => keyOfAudience({ ...AUDIENCE, ...change }))
    expect(new Set(keys).size).toBe(keys.length)
  })
})

test('audiences without custom actions keep the keys they had before there were any', () => {
  expect(keyOfAudience(AUDIENCE)).toBe('fecx65f6amivypdw')
})

describe('whom groups mention', () => {
  const responders = [{ person_id: 1, person_name: '张三' }, { person_id: 9, person_name: '王五' }, { person_id: 2 }]
  const mentions = (delivery: Record<string, unknown>) =>
    planDelivery(inputOf(eventOf({ delivery, incident: { responders } }))).mentions

  test('the responders who are linked, each by name', () => {
    expect(mentions({ chat_ids: ['cidA'] })).toEqual([
      { userId: 'user1', name: '张三' },
      { userId: 'user2', name: '' },
    ])
  })

  test('those the delivery names instead, each once; an empty list names nobody', () => {
    expect(mentions({ chat_ids: ['cidA'], at_person_ids: [2, 2, 9] })).toEqual([{ userId: 'user2', name: '' }])
    expect(mentions({ chat_ids: ['cidA'], at_person_ids: [] })).toEqual([])
  })

  test('no more than twenty', () => {
    const many = Array.from({ length: 30 }, (_, index) => index + 1)
    const links = new Map(many.map((id): [number, string] => [id, `user${id}`]))
    const event = eventOf({ delivery: { chat_ids: ['cidA'], at_person_ids: many } })
    expect(planDelivery(inputOf(event, { links })).mentions).toHaveLength(20)
  })
})

test('a repeated notification says how often it was told', () => {
  const prefix = (times: number | undefined) => {
    const delivery = { chat_ids: ['cidA'], fire_type: 'refire', ...(times === undefined ? {} : { fire_times: times }) }
    return planDelivery(inputOf(eventOf({ type: 'i_notify', delivery }))).notification?.prefix
  }
  expect([prefix(undefined), prefix(1), prefix(3)]).toEqual(['REFIRE', 'REFIRE', 'REFIRE ×3'])
})

describe('updates of cards that exist', () => {
  test('a group’s event types let an event through or keep it out', () => {
    const all = cardOf({ outTrackId: 'all', spaces: [groupSpace('A')] })
    const some = cardOf({
      outTrackId: 'some',
      spaces: [groupSpace('B')],
      audience: { ...AUDIENCE, replyEventTypes: ['i_rslv'] },
    })
    const ack = planDelivery(inputOf(eventOf({ id: 'e2', type: 'i_ack' }), { cards: [all, some] }))
    expect(ack.updates).toEqual(['all'])
    expect(summary(ack)).toEqual(['group:cidA pending update', 'group:cidB skipped EVENT_FILTERED'])
    const closed = planDelivery(inputOf(eventOf({ id: 'e3', type: 'i_rslv' }), { cards: [all, some] }))
    expect(closed.updates).toEqual(['all', 'some'])
  })

  test('a frozen card is not updated and its target gets no record of its own', () => {
    const old = cardOf({ outTrackId: 'old', frozen: true, spaces: [groupSpace('A')] })
    const current = cardOf({ outTrackId: 'new', notificationKey: 'e2', generation: 1, spaces: [groupSpace('A')] })
    const plan = planDelivery(inputOf(eventOf({ id: 'e3', type: 'i_ack' }), { cards: [old, current] }))
    expect(plan.updates).toEqual(['new'])
    expect(plan.records).toMatchObject([{ status: 'pending', outTrackId: 'new' }])
  })

  test('of a target in two live cards the record goes by the newer one', () => {
    const old = cardOf({ outTrackId: 'old', spaces: [groupSpace('A'), groupSpace('B')] })
    const current = cardOf({ outTrackId: 'new', notificationKey: 'e2', generation: 1, spaces: [groupSpace('A')] })
    const plan = planDelivery(inputOf(eventOf({ id: 'e3', type: 'i_ack' }), { cards: [old, current] }))
    expect(plan.updates.sort()).toEqual(['new', 'old'])
    expect(plan.records.find(({ target }) => target.id === 'cidA')).toMatchObject({ outTrackId: 'new' })
    expect(plan.records.find(({ target }) => target.id === 'cidB')).toMatchObject({ outTrackId: 'old' })
  })
})

describe('notifications said again', () => {
  const escalate = (delivery: Record<string, unknown>, id = 'e2') =>
    eventOf({ id, type: 'i_assign', assigned: 'escalate', delivery })

  test('every target gets a new card, and the old one is frozen', () => {
    const old = cardOf({ spaces: [groupSpace('A')] })
    const plan = planDelivery(inputOf(escalate(toAB), { cards: [old] }))
    expect(plan.notification).toEqual({ key: 'e2', generation: 1, prefix: 'ESCALATE' })
    expect(spacesOf(plan)).toEqual([groupSpace('A'), groupSpace('B')])
    expect(plan.newCards[0]?.outTrackId).not.toBe(old.outTrackId)
    expect(plan.freezes).toEqual([old.outTrackId])
    expect(plan.updates).toEqual([])
    expect(summary(plan)).toEqual(['group:cidA pending create', 'group:cidB pending create'])
  })

  test('an old card of which nothing was sent is cancelled instead', () => {
    const old = cardOf({ unsent: true, spaces: [groupSpace('A')] })
    const plan = planDelivery(inputOf(escalate(toA), { cards: [old] }))
    expect(plan.cancels).toEqual([old.outTrackId])
    expect(plan.freezes).toEqual([])
  })

  test('an old card stays live while one of its targets has nothing newer', () => {
    const old = cardOf({ spaces: [groupSpace('A'), groupSpace('B')] })
    const plan = planDelivery(inputOf(escalate(toA), { cards: [old] }))
    expect(plan.freezes).toEqual([])
    expect(plan.updates).toEqual([old.outTrackId])
    expect(summary(plan).sort()).toEqual(['group:cidA pending create', 'group:cidB pending update'])
  })

  test('an old card is frozen once the last of its targets has something newer', () => {
    const old = cardOf({ outTrackId: 'old', spaces: [groupSpace('A'), groupSpace('B')] })
    const middle = cardOf({ outTrackId: 'middle', notificationKey: 'e2', generation: 1, spaces: [groupSpace('A')] })
    const plan = planDelivery(inputOf(escalate({ chats: [{ chat_id: 'cidB' }] }, 'e3'), { cards: [old, middle] }))
    expect(plan.freezes).toEqual(['old'])
    expect(plan.updates).toEqual(['middle'])
  })

  test('a job for further targets of one notification freezes what is then replaced in full', () => {
    const old = cardOf({ outTrackId: 'old', spaces: [groupSpace('A'), groupSpace('B')] })
    const current = cardOf({ notificationKey: 'e2', generation: 1, spaces: [groupSpace('A')] })
    const plan = planDelivery(
      inputOf(escalate({ chats: [{ chat_id: 'cidB' }] }), {
        cards: [old, current],
        isNewest: false,
        seen: new Set(['group:cidA']),
      }),
    )
    expect(plan.joins).toEqual([{ outTrackId: current.outTrackId, spaces: [groupSpace('B')] }])
    expect(plan.freezes).toEqual(['old'])
  })

  test('a refused target keeps its old card', () => {
    const old = cardOf({ spaces: [groupSpace('A')] })
    const groups = new Map([['cidA', { status: 'uninstalled' as const, robotCode: null, title: null }]])
    const plan = planDelivery(inputOf(escalate(toA), { cards: [old], groups }))
    expect(plan.freezes).toEqual([])
    expect(summary(plan)).toEqual(['group:cidA failed COOL_APP_NOT_INSTALLED'])
  })

  test('a new target after an escalation gets a card that works, not a place in the frozen one', () => {
    const frozen = cardOf({ frozen: true, spaces: [groupSpace('A')] })
    const current = cardOf({ notificationKey: 'e2', generation: 1, spaces: [groupSpace('A')] })
    const event = eventOf({ id: 'e3', type: 'i_a_rspd', delivery: toAB })
    const plan = planDelivery(inputOf(event, { cards: [frozen, current] }))
    expect(plan.joins).toEqual([])
    expect(plan.newCards.map((card) => card.spaces)).toEqual([[groupSpace('B')]])
    expect(plan.newCards[0]?.outTrackId).not.toBe(frozen.outTrackId)
    expect(plan.updates).toEqual([current.outTrackId])
  })

  test('a target whose newer card failed has a record that says why it is not told again', () => {
    const frozen = cardOf({ frozen: true, spaces: [groupSpace('A')] })
    const current = cardOf({ notificationKey: 'e2', generation: 1, spaces: [groupSpace('B')] })
    const event = eventOf({ id: 'e3', type: 'i_assign', delivery: toAB })
    const plan = planDelivery(inputOf(event, { cards: [frozen, current] }))
    expect(spacesOf(plan)).toEqual([])
    expect(summary(plan).sort()).toEqual(['group:cidA skipped SUPERSEDED', 'group:cidB pending update'])
  })
})

describe('the same event again', () => {
  test('reaches nobody a second time, not even whom DingTalk refused the first time', () => {
    const event = eventOf({ delivery: toAB })
    const card = cardOf({ spaces: [groupSpace('A')] })
    const seen = new Set(['group:cidA', 'group:cidB'])
    const plan = planDelivery(inputOf(event, { cards: [card], isNewest: false, seen }))
    expect(spacesOf(plan)).toEqual([])
    expect(plan.updates).toEqual([])
    expect(summary(plan).sort()).toEqual(['group:cidA duplicate', 'group:cidB duplicate'])
  })

  test('a target that was left out of the first job is told', () => {
    const card = cardOf({ spaces: [groupSpace('A')] })
    const plan = planDelivery(
      inputOf(eventOf({ delivery: toAB }), { cards: [card], isNewest: false, seen: new Set(['group:cidA']) }),
    )
    expect(plan.joins).toEqual([{ outTrackId: card.outTrackId, spaces: [groupSpace('B')] }])
    expect(summary(plan).sort()).toEqual(['group:cidA duplicate', 'group:cidB pending create'])
  })
})

describe('an event that was overtaken', () => {
  const resolved = (seen: string[] = []): PlanInput => {
    const audience = { ...AUDIENCE, replyEventTypes: ['i_rslv'] }
    const card = cardOf({ audience, behind: true, spaces: [groupSpace('A')] })
    return inputOf(eventOf({ type: 'i_rslv' }), { cards: [card], isNewest: false, seen: new Set(seen) })
  }

  test('is still news where the other was kept from the card', () => {
    const plan = planDelivery(resolved())
    expect(plan.updates).toHaveLength(1)
    expect(summary(plan)).toEqual(['group:cidA pending update'])
  })

  test('is none when it comes again', () => {
    const plan = planDelivery(resolved(['group:cidA']))
    expect(plan.updates).toEqual([])
    expect(summary(plan)).toEqual(['group:cidA duplicate'])
  })
})

describe('whoever was found before', () => {
  const toMember = { person_ids: [2001] }

  test('is not found again under another account', () => {
    const seen = new Set(['person:member:2001'])
    const links = new Map([[2001, 'user1']])
    const plan = planDelivery(inputOf(eventOf({ delivery: toMember }), { links, seen, isNewest: false }))
    expect(spacesOf(plan)).toEqual([])
    expect(summary(plan)).toEqual(['person:member:2001 duplicate'])
  })

  test('is not missed when the link is gone by now', () => {
    const seen = new Set(['person:user1', 'person:member:2001'])
    const plan = planDelivery(inputOf(eventOf({ delivery: toMember }), { links: new Map(), seen, isNewest: false }))
    expect(plan.missed).toEqual([])
    expect(summary(plan).filter((line) => !line.endsWith('duplicate'))).toEqual([])
  })
})

describe('names of cards', () => {
  test('say the incident and stay within 64 characters', () => {
    const name = nameCard('int', INCIDENT.incident_id, 'first', 'audience', 0)
    expect(name).toMatch(/^fd-0000000000000000000a1b2c-[a-z2-7]{24}$/)
    expect(nameCard('int', INCIDENT.incident_id, 'first', 'audience', 0)).toBe(name)
  })

  test('any ids give a name that DingTalk takes, and different ids different names', () => {
    const id = fc.string({ maxLength: 64 })
    fc.assert(
      fc.property(id, id, id, id, fc.nat(9), (integration, incident, notification, audience, replacement) => {
        const name = nameCard(integration, incident, notification, audience, replacement)
        expect(name.length).toBeLessThanOrEqual(64)
        expect(name).toMatch(/^fd-[\w-]+$/)
        const parts = [integration, incident, notification, audience] as const
        expect(nameCard(...parts, replacement + 1)).not.toBe(name)
        expect(nameCard(integration, incident, `${notification}x`, audience, replacement)).not.toBe(name)
      }),
    )
  })
})

/** A store in miniature: what plans do to it, and which deliveries DingTalk refuses. */
class World {
  cards: ExistingCard[] = []
  seen = new Map<string, Set<string>>()
  newest = -1

  take(event: IncidentEvent, order: number): { input: PlanInput; plan: Plan } {
    const isNewest = order > this.newest
    this.newest = Math.max(this.newest, order)
    const seen = this.seen.get(event.eventId) ?? new Set<string>()
    const input = inputOf(event, {
      isNewest,
      seen: new Set(seen),
      cards: this.cards.map((card) => ({ ...card, spaces: [...card.spaces] })),
    })
    const plan = planDelivery(input)
    for (const { outTrackId, audience, audienceKey, spaces } of plan.newCards) {
      const { key, generation } = plan.notification!
      this.cards.push({
        outTrackId,
        audience,
        audienceKey,
        spaces: [...spaces],
        notificationKey: key,
        generation,
        frozen: false,
        unsent: true,
        behind: false,
      })
    }
    for (const join of plan.joins) this.find(join.outTrackId)?.spaces.push(...join.spaces)
    for (const outTrackId of [...plan.freezes, ...plan.cancels]) this.find(outTrackId)!.frozen = true
    for (const outTrackId of plan.cancels) this.find(outTrackId)!.spaces = []
    for (const { target } of plan.records) seen.add(`${target.kind}:${target.id}`)
    this.seen.set(event.eventId, seen)
    return { input, plan }
  }

  find(outTrackId: string): ExistingCard | undefined {
    return this.cards.find((card) => card.outTrackId === outTrackId)
  }

  /** DingTalk's answer: every card is there now, but not in this group. */
  answer(refused: string): void {
    for (const card of this.cards) {
      if (card.unsent) card.spaces = card.spaces.filter((space) => space.targetId !== refused)
      card.unsent = false
    }
  }
}

const anyChat = fc.record({
  chat_id: fc.constantFrom('cidA', 'cidB', 'cidC', 'cidGone'),
  disable_at: fc.boolean(),
  reply_event_types: fc.constantFrom([], ['i_ack'], ['i_rslv', 'i_ack']),
  severities: fc.constantFrom([], ['Critical'], ['Info']),
})
const anyDelivery = fc.record(
  {
    chats: fc.array(anyChat, { maxLength: 4 }),
    person_ids: fc.array(fc.constantFrom(1, 2, 9), { maxLength: 3 }),
    fire_type: fc.constantFrom('fire', 'refire'),
    mode: fc.constantFrom('auto', 'auto', 'create', 'update'),
    rid: fc.constantFrom('r1', 'r2'),
  },
  { requiredKeys: [] },
)
const anyStep = fc.record({
  event: fc.record({
    type: fc.constantFrom('i_new', 'i_assign', 'i_assign', 'i_notify', 'i_a_rspd', 'i_ack', 'i_rslv', 'i_reopen'),
    assigned: fc.constantFrom('assign', 'escalate', 'reassign', 'reopen'),
    delivery: fc.option(anyDelivery),
    incident: fc.record({
      progress: fc.constantFrom('Triggered', 'Triggered', 'Processing', 'Closed'),
      responders: fc.constantFrom([], [{ person_id: 1 }], [{ person_id: 1 }, { person_id: 9 }]),
    }),
  }),
  id: fc.constantFrom('e1', 'e2', 'e3', 'e4', 'e5'),
  order: fc.nat(9),
  refused: fc.option(fc.constantFrom('cidA', 'cidB', 'user1', 'nobody')),
})

describe('for any story', () => {
  type Step = { world: World; event: IncidentEvent; input: PlanInput; plan: Plan }

  function expectAtEachStep(check: (step: Step) => void): void {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 8 }), (steps) => {
        const world = new World()
        for (const { event: change, id, order, refused } of steps) {
          const event = eventOf({ ...change, id })
          check({ world, event, ...world.take(event, order) })
          if (refused !== null) world.answer(refused)
        }
      }),
    )
  }

  test('the same event twice creates nothing new', () => {
    expectAtEachStep(({ world, event }) => {
      const before = structuredClone(world.cards)
      const again = world.take(event, world.newest)
      expect(spacesOf(again.plan)).toEqual([])
      expect(again.plan.updates).toEqual([])
      expect(world.cards).toEqual(before)
      expect(new Set(again.plan.records.map((record) => record.status))).toEqual(new Set(['duplicate']))
    })
  })

  test('each target has one record, and at least one target has', () => {
    expectAtEachStep(({ plan }) => {
      const targets = plan.records.map(({ target }) => `${target.kind}:${target.id}`)
      expect(new Set(targets).size).toBe(targets.length)
      expect(targets).not.toEqual([])
    })
  })

  test('whoever is named by an event that may create has a record', () => {
    expectAtEachStep(({ event, input, plan }) => {
      const { chats, personIds, mode } = event.delivery
      if (
        !chats ||
        !personIds ||
        mode === 'update' ||
        !['i_new', 'i_assign', 'i_notify', 'i_a_rspd'].includes(event.eventType)
      ) {
        return
      }
      const wanted = [
        ...chats.map(({ chatId }) => `group:${chatId}`),
        ...personIds.map((id) => `person:${input.links.get(id) ?? `member:${id}`}`),
      ]
      expect(plan.records.map(({ target }) => `${target.kind}:${target.id}`)).toEqual(expect.arrayContaining(wanted))
    })
  })

  test('what is to be created has a pending record that names its card', () => {
    expectAtEachStep(({ plan }) => {
      for (const { outTrackId, spaces } of [...plan.newCards, ...plan.joins]) {
        for (const { kind, targetId } of spaces) {
          expect(plan.records).toContainEqual({
            target: expect.objectContaining({ kind, id: targetId }) as unknown,
            status: 'pending',
            effect: 'create',
            outTrackId,
            spaceId: targetId,
          })
        }
      }
    })
  })

  test('no target is in two live cards of one notification', () => {
    expectAtEachStep(({ world }) => {
      const places = world.cards
        .filter((card) => !card.frozen)
        .flatMap((card) => card.spaces.map((space) => `${card.notificationKey} ${space.kind}:${space.targetId}`))
      expect(new Set(places).size).toBe(places.length)
    })
  })

  test('a frozen card is neither updated, joined nor frozen again', () => {
    expectAtEachStep(({ input, plan }) => {
      const frozen = input.cards.filter((card) => card.frozen).map((card) => card.outTrackId)
      const touched = [
        ...plan.updates,
        ...plan.joins.map((join) => join.outTrackId),
        ...plan.freezes,
        ...plan.cancels,
        ...plan.newCards.map((card) => card.outTrackId),
      ]
      expect(touched.filter((outTrackId) => frozen.includes(outTrackId))).toEqual([])
    })
  })

  test('a card is frozen only when each of its targets has a newer live one', () => {
    expectAtEachStep(({ world, plan }) => {
      for (const outTrackId of plan.freezes) {
        const card = world.find(outTrackId)!
        for (const space of card.spaces) {
          const newer = world.cards.filter(
            (other) =>
              !other.frozen &&
              other.generation > card.generation &&
              other.spaces.some(({ kind, targetId }) => kind === space.kind && targetId === space.targetId),
          )
          expect(newer).not.toEqual([])
        }
      }
    })
  })

  test('an event that is not the newest updates nothing', () => {
    expectAtEachStep(({ input, plan }) => {
      if (!input.isNewest) expect(plan.updates).toEqual([])
    })
  })

  test('no group without the cool app and nobody without a link is in a card', () => {
    expectAtEachStep(({ plan }) => {
      const places = spacesOf(plan).map((space) => space.targetId)
      expect(places.filter((id) => !['cidA', 'cidB', 'cidC', 'user1', 'user2'].includes(id))).toEqual([])
    })
  })

  test('cards of one plan have different names, and names of cards made earlier are not used twice', () => {
    expectAtEachStep(({ input, plan }) => {
      const names = [...input.cards.map((card) => card.outTrackId), ...plan.newCards.map((card) => card.outTrackId)]
      expect(new Set(names).size).toBe(names.length)
    })
  })
})
