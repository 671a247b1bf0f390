import { afterAll, expect, test } from 'vitest'

import { expectSilence, useScene } from '../support/journey.ts'
import { seedOfToday } from '../support/seed.ts'
import { expectNewestShown } from '../support/shuffled-events.ts'
import { expectDistance, SPACING_MS } from '../support/story.ts'

const scene = useScene({ overrides: { delivery: { spacingMs: SPACING_MS }, sweepMs: 500 } })
const seed = seedOfToday('shuffled events')

test.each([0, 1, 2, 3, 4, 5, 6, 7])(
  'shuffled, repeated and with some lost (%i. of today): the newest is shown, and nothing older after it',
  async (nth) => {
    await expectNewestShown(scene.world, seed * 8 + nth)
    expect(scene.world.dingtalk.control.cards().length).toBeGreaterThan(0)
  },
)

afterAll(() => {
  expectDistance(scene.world)
  expectSilence(scene.world, scene.app.lines)
})
