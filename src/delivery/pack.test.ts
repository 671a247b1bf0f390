import fc from 'fast-check'
import { expect, test } from 'vitest'

import { openSpaceId } from '../dingtalk/cards.ts'
import type { Space } from '../domain/card.ts'
import { packSpaces } from './pack.ts'
import { useProperties } from '../../test/support/properties.ts'

useProperties()

const group = (targetId: string, share = 0) => ({ kind: 'group' as const, targetId, share })
const person = (targetId: string, share = 0) => ({ kind: 'person' as const, targetId, share })
const realId = (n: number): string => `cid${String(n).padStart(32, 'x')}==`

test('groups and people go together, in the order they wait', () => {
  expect(packSpaces([group('cidA'), person('user1'), group('cidB')])).toEqual([
    { kind: 'group', targetId: 'cidA' },
    { kind: 'person', targetId: 'user1' },
    { kind: 'group', targetId: 'cidB' },
  ])
})

test('ids of real length go about twenty to a call', () => {
  const waiting = Array.from({ length: 50 }, (_, n) => group(realId(n)))
  const packed = packSpaces(waiting)
  expect(packed.length).toBeGreaterThanOrEqual(20)
  expect(openSpaceId(packed).length).toBeLessThanOrEqual(1_000)
})

test('spaces that were refused together go after the rest, in ever smaller company', () => {
  const waiting = [group('cidA', 2), group('cidB'), person('user1', 2), group('cidC'), group('cidD', 2)]
  expect(packSpaces(waiting).map(({ targetId }) => targetId)).toEqual(['cidB', 'cidC'])
  const refused = waiting.filter(({ share }) => share > 0)
  expect(packSpaces(refused).map(({ targetId }) => targetId)).toEqual(['cidA', 'user1'])
  const halved = refused.map((space) => (space.targetId === 'cidD' ? space : { ...space, share: 1 }))
  expect(packSpaces(halved).map(({ targetId }) => targetId)).toEqual(['cidD'])
  expect(packSpaces(halved.slice(0, 2)).map(({ targetId }) => targetId)).toEqual(['cidA'])
})

test('an id too long for any call is still tried, alone, so that DingTalk can refuse it', () => {
  const long = group('c'.repeat(1_200))
  expect(packSpaces([long, group('cidA')])).toEqual([{ kind: 'group', targetId: long.targetId }])
})

test('nothing waiting makes no call', () => {
  expect(packSpaces([])).toEqual([])
})

test('what is packed fits DingTalk’s 1,000 characters, and nothing more would have fitted', () => {
  const waiting = fc.array(
    fc.record({
      kind: fc.constantFrom('group' as const, 'person' as const),
      targetId: fc.string({ minLength: 1, maxLength: 400 }),
      share: fc.constantFrom(0, 0, 1, 2, 8),
    }),
    { maxLength: 60 },
  )
  fc.assert(
    fc.property(waiting, (spaces) => {
      const packed = packSpaces(spaces)
      const free = spaces.filter(({ share }) => share === 0)
      const share = Math.max(0, ...spaces.map((space) => space.share))
      const together: Space[] = free.length > 0 ? free : spaces.filter((space) => space.share === share).slice(0, share)
      expect(packed).toEqual(together.slice(0, packed.length).map(({ kind, targetId }) => ({ kind, targetId })))
      if (packed.length > 1) expect(openSpaceId(packed).length).toBeLessThanOrEqual(1_000)
      const next = together[packed.length]
      if (next) expect(openSpaceId([...packed, next]).length).toBeGreaterThan(1_000)
      expect(packed.length).toBeGreaterThanOrEqual(Math.min(1, spaces.length))
    }),
  )
})

test('taking away what was packed comes to an end with everything packed once', () => {
  let waiting = Array.from({ length: 100 }, (_, n) =>
    n % 7 === 0 ? person(`user${n}`, 1 + (n % 3)) : group(realId(n)),
  )
  const sent: string[] = []
  for (let call = 0; call < 100 && waiting.length > 0; call++) {
    const packed = packSpaces(waiting).map(({ targetId }) => targetId)
    sent.push(...packed)
    waiting = waiting.filter(({ targetId }) => !packed.includes(targetId))
  }
  expect(waiting).toEqual([])
  expect(new Set(sent).size).toBe(100)
})
