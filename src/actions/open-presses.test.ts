import { expect, test } from 'vitest'

import { OpenPresses } from './open-presses.ts'

test('a card is open until the last of its presses is answered', () => {
  const open = new OpenPresses()
  const [first, second] = [open.enter('fd-1'), open.enter('fd-1')]
  open.enter('fd-2')()
  expect([open.has('fd-1'), open.has('fd-2')]).toEqual([true, false])
  first()
  first()
  expect(open.has('fd-1')).toBe(true)
  second()
  expect(open.has('fd-1')).toBe(false)
})
