import { describe, expect, test } from 'vitest'

import { ACTIONS, type Action } from './button.ts'
import { type ActionVerdict, canBeReread, EVENT_OF_ACTION, judgeAction, repeatsFor } from './click.ts'
import { incidentOf as read } from './incident.fixture.ts'
import type { Incident } from './incident.ts'

const T = 1_760_000_000

function incidentOf(change: Record<string, unknown>): Incident {
  return read({
    incident_id: 'i1',
    title: 't',
    incident_severity: 'Critical',
    progress: 'Triggered',
    start_time: T - 3600,
    updated_at: T,
    ...change,
  })
}

const mine = { person_id: 1, acknowledged_at: T }
const STATES = {
  triggered: { progress: 'Triggered', responders: [{ person_id: 1 }] },
  'acknowledged by me': { progress: 'Processing', responders: [{ person_id: 2 }, mine] },
  'acknowledged by others': {
    progress: 'Processing',
    responders: [{ person_id: 1 }, { person_id: 2, acknowledged_at: T }],
  },
  'acknowledged by me as a bystander': { progress: 'Processing', responders: [] },
  'acknowledged once, then back': { progress: 'Triggered', responders: [mine] },
  snoozed: { progress: 'Processing', responders: [mine], snoozed_before: T + 7200 },
  'snoozed until before its last update': { progress: 'Processing', responders: [mine], snoozed_before: T - 1 },
  closed: { progress: 'Closed', responders: [mine], close_time: T },
  'closed while snoozed': { progress: 'Closed', responders: [mine], snoozed_before: T + 7200 },
} as const

type Judged = Exclude<Action, 'snooze' | 'reopen' | 'custom' | 'refresh'>
const TABLE: Record<keyof typeof STATES, Record<Judged, ActionVerdict>> = {
  triggered: { ack: 'needed', unack: 'reached', wake: 'reached', resolve: 'needed' },
  'acknowledged by me': { ack: 'reached', unack: 'needed', wake: 'reached', resolve: 'needed' },
  'acknowledged by others': { ack: 'needed', unack: 'needed', wake: 'reached', resolve: 'needed' },
  'acknowledged by me as a bystander': { ack: 'needed', unack: 'needed', wake: 'reached', resolve: 'needed' },
  'acknowledged once, then back': { ack: 'needed', unack: 'reached', wake: 'reached', resolve: 'needed' },
  snoozed: { ack: 'reached', unack: 'needed', wake: 'needed', resolve: 'needed' },
  'snoozed until before its last update': { ack: 'reached', unack: 'needed', wake: 'reached', resolve: 'needed' },
  closed: { ack: 'not-applicable', unack: 'not-applicable', wake: 'not-applicable', resolve: 'reached' },
  'closed while snoozed': {
    ack: 'not-applicable',
    unack: 'not-applicable',
    wake: 'not-applicable',
    resolve: 'reached',
  },
}

describe.each(Object.entries(TABLE))('an incident %s', (state, verdicts) => {
  test.each(Object.entries(verdicts))('%s is %s', (action, verdict) => {
    const incident = incidentOf(STATES[state as keyof typeof STATES])
    const click = { action: action as Action, minutes: undefined, memberId: 1, pressedAt: T }
    expect(judgeAction(incident, click)).toBe(verdict)
  })
})

test.each(Object.entries(STATES))(
  'an incident %s is reopened when closed, read and acted on at any time',
  (_state, state) => {
    const judge = (action: Action) =>
      judgeAction(incidentOf(state), { action, minutes: undefined, memberId: 1, pressedAt: T })
    expect(judge('reopen')).toBe(state.progress === 'Closed' ? 'needed' : 'reached')
    expect([judge('custom'), judge('refresh')]).toEqual(['needed', 'needed'])
  },
)

test('only a custom action leaves no trace to look for, and only it and a reading can be meant twice', () => {
  expect(ACTIONS.filter((action) => !canBeReread(action))).toEqual(['custom'])
  expect(ACTIONS.filter((action) => repeatsFor(action) < Infinity)).toEqual(['custom', 'refresh'])
})

test.each<[string, Record<string, unknown>, number, ActionVerdict]>([
  ['not snoozed yet', STATES['acknowledged by me'], 120, 'needed'],
  ['snoozed for as long', STATES.snoozed, 120, 'reached'],
  ['snoozed for longer', STATES.snoozed, 60, 'reached'],
  ['snoozed for less', STATES.snoozed, 240, 'needed'],
  ['snoozed for as long, a minute before the press', { ...STATES.snoozed, snoozed_before: T + 7140 }, 120, 'reached'],
  ['snoozed for as long, two minutes before it', { ...STATES.snoozed, snoozed_before: T + 7080 }, 120, 'needed'],
  ['triggered again', STATES.triggered, 120, 'not-applicable'],
  ['closed', STATES.closed, 120, 'not-applicable'],
])('a snooze of an incident %s', (_what, state, minutes, verdict) => {
  const click = { action: 'snooze' as const, minutes, memberId: 1, pressedAt: T }
  expect(judgeAction(incidentOf(state), click)).toBe(verdict)
})

test('each action has the event that Flashduty sends for it', () => {
  expect(EVENT_OF_ACTION).toEqual({
    ack: 'i_ack',
    unack: 'i_unack',
    snooze: 'i_snooze',
    wake: 'i_wake',
    resolve: 'i_rslv',
    reopen: 'i_reopen',
    custom: 'i_custom',
    refresh: undefined,
  })
  expect(Object.keys(EVENT_OF_ACTION)).toEqual([...ACTIONS])
})
