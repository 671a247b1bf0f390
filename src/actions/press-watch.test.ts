import { expect, test } from 'vitest'

import type { InboundPress } from '../domain/inbound.ts'
import { watchPresses } from './press-watch.ts'

const HOUR_MS = 3_600_000
const OURS = 'fd-1'
const FINE = { foreign: false, nameless: false, cardKnown: true }

function watching() {
  const watch = watchPresses({ name: 'prod', corpId: 'dingours' }, (name) => name === OURS)
  const press = (found: Partial<typeof FINE>, atMs: number, fields: Partial<InboundPress> = {}): void =>
    watch.notePress({ outTrackId: OURS, corpId: 'dingours', ...fields } as InboundPress, { ...FINE, ...found }, atMs)
  return { watch, press }
}

test('presses and events as they should be are no news', () => {
  const { watch, press } = watching()
  press({}, 0)
  press({ cardKnown: false }, 0)
  watch.noteEvent({ corpId: 'dingours' }, false, 0)
  expect(watch.notes(0)).toEqual([])
})

test('presses that name no button are counted, with the time of the last', () => {
  const { watch, press } = watching()
  press({ nameless: true }, 0)
  press({ nameless: true }, 60_000)
  expect(watch.notes(10 * HOUR_MS)).toEqual([
    expect.stringMatching(/^prod: 2 presses named no button that is known, the last at 1970-01-01T00:01:00.000Z/),
  ])
})

test('an hour of presses of another corporation and no other says that the corp-id is wrong', () => {
  const { watch, press } = watching()
  const foreign = { corpId: 'dingother' }
  press({}, 0)
  press({ foreign: true }, 1, foreign)
  expect(watch.notes(1)).toEqual([])
  press({ foreign: true }, HOUR_MS, foreign)
  expect(watch.notes(HOUR_MS)).toEqual([
    expect.stringMatching(/every press of the last hour \(2\).*dingother.*--corp-id/),
  ])
  press({}, HOUR_MS + 1)
  expect(watch.notes(HOUR_MS + 1)).toEqual([])
})

test('so do its events', () => {
  const { watch } = watching()
  watch.noteEvent({ corpId: 'dingother' }, true, 0)
  expect(watch.notes(0)).toEqual([expect.stringMatching(/every event of the last hour \(1\).*dingother/)])
  watch.noteEvent({ corpId: 'dingours' }, false, 1)
  expect(watch.notes(1)).toEqual([])
})

test('presses on cards of another make, again and again, tell of another program under the same client id', () => {
  const { watch, press } = watching()
  const strange = { outTrackId: 'ai-card-0001' }
  press({ cardKnown: false }, 0, strange)
  press({ cardKnown: false }, 1, strange)
  expect(watch.notes(1)).toEqual([])
  press({ cardKnown: false }, 2, strange)
  expect(watch.notes(2)).toEqual([expect.stringMatching(/3 presses .* another program uses the same client id/)])
  expect(watch.notes(2 + HOUR_MS)).toEqual([])
})

test('however many come, no more are kept than are needed', () => {
  const { watch, press } = watching()
  for (let n = 0; n < 10_000; n++) press({ foreign: true }, n, { corpId: 'dingother' })
  const [note] = watch.notes(10_000)
  expect(Number(/\((\d+)\)/.exec(note ?? '')?.[1])).toBeLessThanOrEqual(2_000)
})
