import { expect, test } from 'vitest'

import { TEST_MS } from '../support/patience.ts'
import { seedOfToday } from '../support/seed.ts'
import { runModel } from './run.ts'

/** Stories mostly wait, so several are told at once. */
const AT_ONCE = 4
const STEPS = 500

test(
  'any story ends with every card true, every record settled and nobody told twice',
  { timeout: 4 * TEST_MS },
  async () => {
    const seed = seedOfToday('model')
    const results = await Promise.all(
      Array.from({ length: AT_ONCE }, (_, index) =>
        runModel({ steps: STEPS, seed: seed + index * 1_000, shrinkMs: 60_000 }),
      ),
    )
    for (const result of results) {
      if (result.outcome === 'broken') throw new Error(result.report, { cause: result.error })
      expect(result.steps).toBeGreaterThanOrEqual(STEPS)
    }
  },
)
