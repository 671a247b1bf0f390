import fc from 'fast-check'
import { expect, test } from 'vitest'

import type { InboundEvent } from '../domain/inbound.ts'
import { textOf, timeOf } from './fields.ts'
import { useProperties } from '../../test/support/properties.ts'

useProperties()

const eventOf = (fields: Record<string, unknown>): InboundEvent => ({
  eventId: 'e1',
  eventType: 'im_cool_app_install',
  corpId: undefined,
  bornAt: 0,
  fields,
  raw: { body: fields },
})

test('keys are found whatever their case', () => {
  const event = eventOf({ openconversationid: 'cid1', operatetime: '5' })
  expect(textOf(event, 'openConversationId')).toBe('cid1')
  expect(textOf(event, 'OpenConversationId')).toBe('cid1')
  expect(timeOf(event, 'OperateTime')).toBe(5)
})

test.each([[undefined], [''], [null], [5], [{}], [['cid1']]])('%j is no text', (value) => {
  expect(textOf(eventOf({ title: value }), 'title')).toBeUndefined()
})

test.each<[unknown, number]>([
  [1_769_851_699_051, 1_769_851_699_051],
  ['1769851699051', 1_769_851_699_051],
  ['', 0],
  ['soon', 0],
  ['-5', 0],
  [-5, 0],
  [1.5, 0],
  [null, 0],
  [undefined, 0],
  [{}, 0],
  [Number.MAX_VALUE, 0],
])('the time %j is %d', (value, expected) => {
  expect(timeOf(eventOf({ timestamp: value }), 'timeStamp')).toBe(expected)
})

test('an object that is no number, not even to JavaScript, is no time', () => {
  const odd: unknown = JSON.parse('{"valueOf":1,"toString":2}')
  expect(timeOf(eventOf({ t: odd }), 't')).toBe(0)
})

test('any value is a time from 0 on, in whole milliseconds', () => {
  fc.assert(
    fc.property(fc.anything(), (value) => {
      const time = timeOf(eventOf({ t: value }), 't')
      expect(Number.isSafeInteger(time) && time >= 0).toBe(true)
    }),
  )
})
