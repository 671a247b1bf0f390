import fc from 'fast-check'
import { expect, test } from 'vitest'

import { readAct, spellAct } from './acts.ts'
import { type Note, readNote, spellNote } from './note.ts'
import { useProperties } from '../../../test/support/properties.ts'

useProperties()

const act = fc.oneof(
  fc.constantFrom('ack', 'unack', 'wake', 'resolve', 'reopen', 'refresh').map((action) => ({ action })),
  fc.integer({ min: 1, max: 1_440 }).map((minutes) => ({ action: 'snooze', minutes })),
  fc.integer({ min: 1, max: 2 ** 45 }).map((customId) => ({ action: 'custom', customId })),
) as fc.Arbitrary<Note['act']>
const told = {
  act,
  incidentId: fc.string(),
  outcome: fc.oneof(
    fc.constantFrom('done' as const, 'working' as const),
    fc.constant({ reason: 'NO_LICENSE' }),
    fc.string({ minLength: 1, maxLength: 120 }).map((said) => ({ reason: 'ACTION_REJECTED', said })),
  ),
}
const note: fc.Arbitrary<Note> = fc.oneof(fc.record(told), fc.record({ ...told, clickId: fc.string() }))

test('every act survives the trip through a button', () => {
  fc.assert(
    fc.property(act, (one) => {
      expect(readAct(spellAct(one))).toEqual(one)
    }),
  )
})

test('every note survives the trip through an address, for whom it was written and for nobody else', () => {
  fc.assert(
    fc.property(note, fc.string(), fc.string(), (one, own, other) => {
      const query = new URLSearchParams(spellNote(own, one))
      expect(readNote(own, query)).toEqual(one)
      if (own !== other) expect(readNote(other, query)).toBeUndefined()
      if (query.has('said')) {
        const forged = new URLSearchParams(query)
        forged.set('said', `${query.get('said')}x`)
        expect(readNote(own, forged)).toBeUndefined()
      }
      query.set('of', `${one.incidentId}x`)
      expect(readNote(own, query)).toBeUndefined()
    }),
  )
})

test('nothing makes the readers throw', () => {
  fc.assert(
    fc.property(fc.anything(), fc.string(), (odd, query) => {
      readAct(odd)
      readNote('csrf', new URLSearchParams(query))
    }),
  )
})
