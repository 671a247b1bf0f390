import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'

import { type Incident, IncidentSchema, tolerant, versionOfEvent, versionOfInfo } from './incident.ts'
import { useProperties } from '../../test/support/properties.ts'

useProperties()

const INFO = {
  incident_id: '0000000000000000000a1b2c',
  title: 'db-01 cpu.idle low',
  incident_severity: 'Critical',
  progress: 'Triggered',
  start_time: 1_760_000_000,
}

const incidentOf = (change: Record<string, unknown>): Incident => IncidentSchema.parse({ ...INFO, ...change })

describe('versions', () => {
  test('an event counts by the snapshot’s own update time first, then by its own time and id', () => {
    const event = { eventType: 'i_assign', eventTime: 1_760_000_009_123, eventId: 'e1' }
    expect(versionOfEvent(incidentOf({ updated_at: 1_760_000_005 }), event)).toEqual({
      updatedAt: 1_760_000_005,
      eventTime: 1_760_000_009_123,
      eventId: '1:e1',
    })
  })

  test('of the same millisecond, whatever the ids, the creation comes first and the end last', () => {
    const order = [
      { eventType: 'i_new', progress: 'Triggered', eventId: 'f4' },
      { eventType: 'i_assign', progress: 'Triggered', eventId: 'e3' },
      { eventType: 'i_ack', progress: 'Processing', eventId: 'd2' },
      { eventType: 'i_rslv', progress: 'Closed', eventId: 'c1' },
      { eventType: 'i_rslv', progress: 'Closed', eventId: 'c2' },
    ]
    const ids = order.map(({ progress, ...event }) => {
      return versionOfEvent(incidentOf({ progress }), { ...event, eventTime: 1_760_000_009_123 }).eventId
    })
    expect(ids.toSorted()).toEqual(ids)
  })

  test.each([[0], [undefined], [null]])('with an update time of %j the event’s own second counts', (updatedAt) => {
    const event = { eventType: 'i_assign', eventTime: 1_760_000_009_999, eventId: 'e1' }
    expect(versionOfEvent(incidentOf({ updated_at: updatedAt }), event).updatedAt).toBe(1_760_000_009)
  })

  test('an answer of /incident/info counts as its update time alone', () => {
    expect(versionOfInfo(incidentOf({ updated_at: 1_760_000_005 }))).toEqual({
      updatedAt: 1_760_000_005,
      eventTime: 1_760_000_005_000,
      eventId: '',
    })
    expect(versionOfInfo(incidentOf({})).updatedAt).toBe(0)
  })
})

describe('the schema', () => {
  test('0 and absent both mean unset', () => {
    const times = { ack_time: 0, close_time: 0, end_time: 0, snoozed_before: 0 }
    expect(incidentOf({})).toMatchObject(times)
    expect(incidentOf({ ack_time: null, close_time: null, end_time: null, snoozed_before: null })).toMatchObject(times)
  })

  test.each(['Critical', 'Warning', 'Info', 'Ok'])('severity %s', (severity) => {
    expect(incidentOf({ incident_severity: severity }).incident_severity).toBe(severity)
  })

  test('each accepted time is a date', () => {
    fc.assert(
      fc.property(fc.double(), (time) => {
        const parsed = IncidentSchema.safeParse({ ...INFO, start_time: time, close_time: time })
        if (parsed.success) expect(new Date(parsed.data.start_time * 1000).getTime()).not.toBeNaN()
      }),
    )
  })
})

describe('a tolerant object', () => {
  const schema = tolerant({ a: z.string().optional(), b: z.number().default(7) })

  test('takes null for absent where it knows the key, and keeps it where it does not', () => {
    expect(schema.parse({ a: null, b: null, c: null })).toEqual({ b: 7, c: null })
  })

  test('keeps keys that every object inherits', () => {
    expect(schema.parse({ toString: null, constructor: 1 })).toEqual({ toString: null, constructor: 1, b: 7 })
  })

  test.each([[null], [undefined], ['text'], [5], [[]]])('is not %j', (value) => {
    expect(schema.safeParse(value).success).toBe(false)
  })
})
