import fc from 'fast-check'
import { expect, test } from 'vitest'

import { ACTIONS, type ButtonPress, decodeButton, encodeButton } from './button.ts'
import { useProperties } from '../../test/support/properties.ts'

useProperties()

const revision = fc.nat(9_999_999_999)
const anyPress: fc.Arbitrary<ButtonPress> = fc.oneof(
  fc.record({ action: fc.constantFrom('ack', 'unack', 'wake', 'resolve', 'refresh'), revision }),
  fc.record({
    action: fc.constant('custom' as const),
    customId: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    revision,
  }),
  fc.record({ action: fc.constant('snooze' as const), minutes: fc.integer({ min: 1, max: 1440 }), revision }),
)

test.each<[ButtonPress, string]>([
  [{ action: 'ack', revision: 7 }, 'ack~7~'],
  [{ action: 'snooze', minutes: 120, revision: 7 }, 'snooze.120~7~'],
  [{ action: 'resolve', revision: 0 }, 'resolve~0~'],
  [{ action: 'custom', customId: 5_003, revision: 7 }, 'custom.5003~7~'],
  [{ action: 'refresh', revision: 7 }, 'refresh~7~'],
])('%j is %s on the card', (press, id) => {
  expect(encodeButton(press)).toBe(id)
  expect(decodeButton(id)).toEqual(press)
})

test('every button survives the trip through a card', () => {
  fc.assert(
    fc.property(anyPress, (press) => {
      expect(decodeButton(encodeButton(press))).toEqual(press)
    }),
  )
})

test('whatever is read as a button is written back the same', () => {
  const nearly = fc
    .tuple(
      fc.constantFrom(...ACTIONS, 'Ack', 'custom', ''),
      fc.constantFrom('', '.0', '.1', '.060', '.60', '.1440', '.1441', '.99999', '.-5', '.1e2'),
      fc.constantFrom('~', '', '~~', ' ~'),
      fc.constantFrom('0', '7', '07', '-1', '1.5', '12345678901', '', ' ', '7\n'),
    )
    .map((parts) => parts.join(''))
  fc.assert(
    fc.property(fc.oneof(fc.string(), nearly), (id) => {
      const press = decodeButton(id)
      if (press) expect([encodeButton(press), encodeButton(press).slice(0, -1)]).toContain(id)
    }),
  )
})

test('the place of an item that DingTalk puts behind it is no part of the revision', () => {
  fc.assert(
    fc.property(anyPress, fc.nat(9_999), (press, index) => {
      expect(decodeButton(`${encodeButton(press)}${index}`)).toEqual(press)
    }),
  )
})

test('buttons of cards that were drawn before ids ended with a sign are still read', () => {
  expect(decodeButton('ack~70')).toEqual({ action: 'ack', revision: 70 })
  expect(decodeButton('snooze.120~7')).toEqual({ action: 'snooze', minutes: 120, revision: 7 })
})

test.each([
  '',
  'ack~7~12345',
  'ack~7~x',
  'ack~7~~',
  'ack~7~-1',
  'ack',
  'ack~',
  '~7',
  'ack~-1',
  'ack~007',
  'ack~7.5',
  'ack~7 ',
  ' ack~7',
  'ack~7\n',
  'ACK~7',
  'reopen~7',
  'constructor~7',
  'ack.120~7',
  'snooze~7',
  'snooze.0~7',
  'snooze.1441~7',
  'snooze.060~7',
  'snooze.1.5~7',
  'custom~7',
  'custom.0~7',
  'custom.9007199254740993~7',
  'custom.12345678901234567~7',
  'refresh.1~7',
  'reopen.1~7',
  `ack~${'9'.repeat(400)}`,
])('%j is no button', (id) => {
  expect(decodeButton(id)).toBeUndefined()
})
