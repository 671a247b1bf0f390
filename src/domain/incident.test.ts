import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { incidentOf as read } from './incident.fixture.ts'
import { passesSeverity, urgencyOf } from './incident.ts'
import { completeIncident, readIncident } from './read-incident.ts'
import { Reading } from './reading/reading.ts'
import { useProperties } from '../../test/support/properties.ts'

useProperties()

const INFO = {
  incident_id: '0000000000000000000a1b2c',
  title: 'db-01 cpu.idle low',
  incident_severity: 'Critical',
  progress: 'Triggered',
  start_time: 1_760_000_000,
}

const incidentOf = (change: Record<string, unknown>) => read({ ...INFO, ...change })

describe('an incident that is read', () => {
  test('has 0 for every time that is unset', () => {
    const times = { ack_time: 0, close_time: 0, end_time: 0, snoozed_before: 0 }
    expect(incidentOf({})).toMatchObject(times)
    expect(incidentOf({ ack_time: null, close_time: null, end_time: null, snoozed_before: null })).toMatchObject(times)
  })

  test('has nothing but dates for times', () => {
    fc.assert(
      fc.property(fc.double(), (time) => {
        const incident = incidentOf({ start_time: time, close_time: time, snoozed_before: time })
        for (const key of ['start_time', 'close_time', 'snoozed_before'] as const) {
          expect(new Date(incident[key] * 1000).getTime()).not.toBeNaN()
        }
      }),
    )
  })
})

describe('over what is known of it', () => {
  const known = read({
    ...INFO,
    num: '0A1B2C',
    progress: 'Processing',
    responders: [{ person_id: 7, person_name: '张三' }],
    labels: { env: 'prod' },
    closer: { person_id: 7, person_name: '张三' },
    channel_name: '数据库',
    account_time_zone: 'Asia/Tokyo',
    description: 'idle 3 %',
  })
  const over = (raw: Record<string, unknown>) => {
    const reading = readIncident({ incident_id: INFO.incident_id, ...raw }, new Reading().at('incident'), Infinity)
    if (!reading) throw new Error('unreadable')
    return completeIncident(reading, known)
  }

  test.each(['title', 'num', 'progress', 'incident_severity', 'start_time', 'channel_name', 'account_time_zone'])(
    'a %s that is not said stays',
    (key) => {
      expect(over({})[key]).toBe(known[key])
      expect(over({ [key]: null })[key]).toBe(known[key])
      expect(over({ [key]: {} })[key]).toBe(known[key])
    },
  )

  test.each(['responders', 'labels', 'closer', 'description'])(
    'a %s that makes no sense stays, an absent one goes',
    (key) => {
      expect(over({ [key]: [{ x: 1 }, 7] })[key]).toEqual(known[key])
      expect(over({ [key]: null })[key]).not.toEqual(known[key])
    },
  )

  test('one entry that makes no sense costs no other', () => {
    const responders = [{ person_id: 8, person_name: '李四' }, { person_id: 'x' }]
    expect(over({ responders, labels: { env: {}, dc: 'sh' } })).toMatchObject({
      responders: [{ person_id: 8 }],
      labels: { dc: 'sh' },
    })
  })

  test('what is said counts', () => {
    expect(over({ title: 'now', progress: 'Closed' })).toMatchObject({ title: 'now', progress: 'Closed' })
  })
})

describe('severities', () => {
  test.each([
    ['Critical', ['Critical'], true],
    ['critical', ['CRITICAL'], true],
    ['Info', ['Critical', 'Warning'], false],
    ['Info', [], true],
    ['P1', ['Critical'], true],
    ['', ['Critical'], true],
  ])('%j passes %j: %s', (severity, filter, passes) => {
    expect(passesSeverity(filter, severity)).toBe(passes)
  })

  test('one that nobody knows queues as Warning', () => {
    const ranks = ['Ok', 'Info', 'Warning', 'Critical'].map(urgencyOf)
    expect(ranks).toEqual(ranks.toSorted())
    expect([urgencyOf('P1'), urgencyOf('')]).toEqual([urgencyOf('Warning'), urgencyOf('Warning')])
  })
})
